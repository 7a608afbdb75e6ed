"""A comment for a fork: its artifact is data that nobody trusts, and decides neither where nor how it is posted."""

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from champion.ci.comment import MOST_BYTES, comment_on_fork, pull_requests
from champion.ci.environment import Environment
from champion.errors import ProjectError
from tests.support.doubles.github import API, REPOSITORY, GitHub
from tests.support.report_examples import SPECIES, evaluation, performance
from tests.unit.ci.test_comment import COMMIT, case, findings, story

HEAD = "c0ffee00" * 5
STORY = story().as_json()
CONTRADICTION = evaluation(challenger=performance("challenger", SPECIES, confusion=[[1]]))
CONTRADICTING = story(case(findings(CONTRADICTION))).as_json()
TOKEN = "a-token-that-may-write"
CML = f"""#!{sys.executable}
import json, os, pathlib, sys
report = pathlib.Path(sys.argv[-1]).read_text()
kept = {{key: os.environ.get(key) for key in ("HOME", "REPO_TOKEN", "ITERATIVE_DO_NOT_TRACK")}}
with open(os.environ["RECORD"], "a") as file:
    print(json.dumps({{"arguments": sys.argv[1:-1], "report": report, **kept}}), file=file)
if os.environ.get("BREAK"):
    sys.exit("no access for " + os.environ["REPO_TOKEN"] + os.environ["BREAK"])
"""


@dataclass
class Fork:
    """A pull request of a stranger, and the artifact that its run left."""

    root: Path
    github: GitHub
    values: dict[str, str]

    def open(self, head: str = HEAD, source: str = "stranger/name") -> int:
        return self.github.open(head, "b", source).number

    def pull_requests(self) -> list[int]:
        return pull_requests(Environment(self.values), HEAD)

    def comment(self, content: str | bytes | None = None) -> str:
        """What is said of a pull request whose run left this in the artifact, if anything."""
        if content is not None:
            path = self.root / "artifact/comment.json"
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return comment_on_fork(self.root, Environment(self.values))

    def posted(self) -> list[dict[str, Any]]:
        path = self.root / "record"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def fork(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fork]:
    """The environment of the workflow, with a program that records in place of cml."""
    program = tmp_path / "cml"
    program.write_text(CML)
    program.chmod(0o755)
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))
    (tmp_path / "artifact").mkdir()
    with GitHub(tokens={TOKEN: True}) as github:
        values = {"ARTIFACT": str(tmp_path / "artifact"), "CML": str(program), "REPO_TOKEN": TOKEN}
        values |= {"HEAD_SHA": HEAD, "HEAD_REPOSITORY": "stranger/name", "RUN_ID": "99"}
        values |= {"GITHUB_REPOSITORY": REPOSITORY, "GITHUB_API_URL": github.url + API}
        values["GITHUB_SERVER_URL"] = "https://github.com"
        yield Fork(tmp_path, github, values)


def test_a_forks_numbers_are_rendered_by_our_code_and_marked(fork: Fork) -> None:
    fork.open("0" * 40, "other/name")
    number = fork.open()
    (fork.root / "artifact/comment.md").write_text("![](https://evil.example/pixel.png)")
    assert f"pull request {number}" in fork.comment(STORY)
    (call,) = fork.posted()
    assert f"--target=pr/{number}" in call["arguments"]
    assert "nobody has verified them" in call["report"]
    assert "evil.example" not in call["report"], "the artifact's own Markdown is not looked at"
    assert f"Commit `{HEAD[:8]}`" in call["report"], "the commit is the run's, whatever the artifact says"
    assert COMMIT[:8] not in call["report"]
    assert f"(https://github.com/{REPOSITORY}/actions/runs/99)" in call["report"]


def test_cml_publishes_and_tracks_nothing_has_a_home_of_its_own_is_told_of_another_server_and_shows_no_token(
    fork: Fork, monkeypatch: pytest.MonkeyPatch
) -> None:
    fork.open()
    fork.comment(STORY)
    fork.values["GITHUB_SERVER_URL"] = "https://git.example"
    fork.comment()
    call, elsewhere = fork.posted()
    assert call["arguments"][:2] == ["comment", "update"]
    assert {"--publish=false", "--watermark-title=champion"} <= set(call["arguments"])
    assert (call["ITERATIVE_DO_NOT_TRACK"], call["REPO_TOKEN"]) == ("1", TOKEN)
    assert call["HOME"] != os.environ.get("HOME")
    assert not Path(call["HOME"]).exists(), "it is gone afterwards"
    assert {f"--repo=https://git.example/{REPOSITORY}", "--driver=github"} <= set(elsewhere["arguments"])
    for more in (".", "." * 790):  # the second is cut, in what would be the token's middle
        monkeypatch.setenv("BREAK", more)
        with pytest.raises(ProjectError, match=r"could not comment on pull request 1: .*for \*\*\*\.") as refused:
            fork.comment(STORY)
        assert TOKEN[-4:] not in str(refused.value)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x00\xff", "not what a run leaves"),
        ("[]", "not what a run leaves"),
        ('{"commit": "abcd", "html": "<script>"}', "not what a run leaves"),
        ('{"commit": "$(id)"}', "not what a run leaves"),
        ('{"commit": "abcd", "cases": ' + "[" * 5000 + "]" * 5000 + "}", "not what a run leaves"),
        (b'{"commit": "abcd", "refusal": "' + b"x" * MOST_BYTES + b'"}', "larger than"),
        (CONTRADICTING, "contradicts itself"),
    ],
    ids=["bytes", "another shape", "a key too many", "a commit that is none", "depth", "size", "contradiction"],
)
def test_a_hostile_artifact_is_refused_and_nothing_is_posted(fork: Fork, content: str | bytes, says: str) -> None:
    fork.open()
    with pytest.raises(ProjectError, match=says):
        fork.comment(content)
    assert fork.posted() == []


def test_an_artifact_cannot_lead_to_another_file_and_names_in_it_stay_names(fork: Fork) -> None:
    fork.open()
    (fork.root / "secret.json").write_text(STORY)
    (fork.root / "artifact/comment.json").symlink_to(fork.root / "secret.json")
    with pytest.raises(ProjectError, match="has no file"):
        fork.comment()
    assert fork.posted() == []
    (fork.root / "artifact/comment.json").unlink()
    fork.comment(story(case(use_case="![p](https://evil.example/p.png) @octocat <img src=x>")).as_json())
    report = fork.posted()[0]["report"]
    assert [threat for threat in ("](https://evil", "@octocat", "<img") if threat in report] == []


def test_the_pull_request_is_the_one_whose_head_is_the_runs_commit_also_behind_a_hundred_others(fork: Fork) -> None:
    fork.open("1" * 40)
    fork.open(source="another/fork")
    fork.github.close(fork.open())
    assert fork.pull_requests() == [], "neither another fork's nor a closed one"
    assert "nothing was posted" in fork.comment(STORY)
    assert fork.posted() == []
    ours = fork.open()
    for number in range(150):  # newer ones, which GitHub lists first
        fork.open(f"{number:040x}")
    fork.github.calls.clear()
    assert fork.pull_requests() == [ours]
    assert sum("/pulls" in call for call in fork.github.calls) == 2


def test_a_run_that_left_nothing_is_no_failure_and_a_refused_call_says_what_github_said(fork: Fork) -> None:
    assert "nothing was posted" in fork.comment()
    assert fork.github.calls == []
    fork.values["REPO_TOKEN"] = "wrong"
    with pytest.raises(ProjectError, match="401 Bad credentials"):
        fork.pull_requests()
