"""A comment for a fork: its artifact is data that nobody trusts, and decides neither where nor how it is posted."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from champion.ci.comment import MOST_BYTES, comment_on_fork, pull_requests
from champion.ci.environment import Environment
from champion.errors import ProjectError
from champion.workspace import process
from tests.support.doubles.github import API, REPOSITORY, GitHub
from tests.support.report_examples import SPECIES, evaluation, performance
from tests.unit.ci.test_comment import COMMIT, case, findings, story

HEAD = "c0ffee00" * 5
STORY = story().as_json()
CONTRADICTION = evaluation(challenger=performance("challenger", SPECIES, confusion=[[1]]))
TOKEN = "a-token-that-may-write"


class Fork:
    """A pull request of a stranger, the artifact that its run left, and every call of cml."""

    def __init__(self, root: Path, github: GitHub) -> None:
        self.artifact, self.github, self.calls, self.cml_says = root / "artifact/comment.json", github, [], ""
        self.artifact.parent.mkdir()
        self.values = {
            "ARTIFACT": str(self.artifact.parent),
            "CML": sys.executable,
            "REPO_TOKEN": TOKEN,
            "RUN_ID": "99",
        }
        self.values |= {"HEAD_SHA": HEAD, "HEAD_REPOSITORY": "stranger/name", "GITHUB_REPOSITORY": REPOSITORY}
        self.values |= {"GITHUB_API_URL": github.url + API, "GITHUB_SERVER_URL": "https://github.com"}

    def open(self, head: str = HEAD, source: str = "stranger/name") -> int:
        return self.github.open(head, "b", source)["number"]

    def comment(self, content: str | bytes = STORY) -> str:
        """What is said of a pull request whose run left this in the artifact."""
        self.artifact.write_bytes(content.encode() if isinstance(content, str) else content)
        return comment_on_fork(self.artifact.parents[1], Environment(self.values))

    def cml(self, command: list[str], _: Path, environment: dict[str, str], **more: Any) -> process.Ended:
        assert Path(environment["HOME"]).is_dir()
        self.calls.append((command[1:-1], Path(command[-1]).read_text(), environment))
        return process.Ended(bool(self.cml_says), "", self.cml_says)


@pytest.fixture
def fork(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fork]:
    with GitHub(tokens={TOKEN: True}) as github:
        made = Fork(tmp_path, github)
        monkeypatch.setattr(process, "run", made.cml)
        yield made


def test_a_forks_numbers_are_rendered_by_our_code_and_marked(fork: Fork) -> None:
    fork.open("0" * 40, "other/name")
    number = fork.open()
    fork.artifact.with_suffix(".md").write_text("![](https://evil.example/pixel.png)")
    assert f"pull request {number}" in fork.comment()
    ((arguments, report, _),) = fork.calls
    assert f"--target=pr/{number}" in arguments
    assert "nobody has verified them" in report
    assert "evil.example" not in report, "the artifact's own Markdown is not looked at"
    assert f"Commit `{HEAD[:8]}`" in report, "the commit is the run's, whatever the artifact says"
    assert COMMIT[:8] not in report
    assert f"(https://github.com/{REPOSITORY}/actions/runs/99)" in report
    assert "This pull request changes" not in report


def test_what_a_fork_would_have_dvc_fetch_is_said_by_github_and_not_by_its_artifact(
    fork: Fork, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["run.py", "data/iris.csv.dvc", ".dvc/config", "models/iris/manifest.json"]
    fork.github.pulls[fork.open()]["files"] = names
    fork.comment(story(redirected=["none.txt"]).as_json())
    assert "changes `.dvc/config`, `data/iris.csv.dvc`, `models/iris/manifest.json`.**" in fork.calls[0][1]
    names += ["data/.dvcignore", *(f".dvc/{number:02d}" for number in range(18))]
    fork.comment()
    assert "`.dvc/17`, `.dvc/config`, `and 3 more files`.**" in fork.calls[1][1], "many names hide none"
    monkeypatch.setattr("champion.ci.comment.FILE_PAGES", 1)
    names[:] = [f"{number}.txt" for number in range(100)]
    fork.comment()
    assert "changes `files behind the first 100`.**" in fork.calls[2][1]


def test_a_comment_that_a_stranger_wrote_is_not_written_over_since_the_stranger_could_change_it_again(
    fork: Fork,
) -> None:
    comments, mark = (
        fork.github.comments[fork.open()],
        'text\n\n![](https://cml.dev/watermark.png#c0ffee "CML watermark champion")',
    )
    for user, association, way in [
        ("Bot", "NONE", "update"), ("User", "NONE", "create"), ("User", "CONTRIBUTOR", "create"),
        ("User", "MEMBER", "update"), ("User", "NONE", "create"), ("Bot", "NONE", "update"),
    ]:  # fmt: skip
        comments.append({"body": mark, "user": {"type": user}, "author_association": association})
        comments.append({"body": "another", "user": {"type": "User"}, "author_association": "NONE"})
        fork.comment()
        assert fork.calls[-1][0][:2] == ["comment", way]


def test_cml_publishes_and_tracks_nothing_has_a_home_of_its_own_is_told_of_another_server_and_shows_no_token(
    fork: Fork,
) -> None:
    fork.open()
    fork.comment()
    fork.values["GITHUB_SERVER_URL"] = "https://git.example"
    fork.comment()
    (arguments, _, environment), (elsewhere, _, _) = fork.calls
    assert arguments[:2] == ["comment", "update"]
    assert {"--publish=false", "--watermark-title=champion"} <= set(arguments)
    assert (environment["ITERATIVE_DO_NOT_TRACK"], environment["REPO_TOKEN"]) == ("1", TOKEN)
    assert environment["HOME"] != os.environ.get("HOME")
    assert not Path(environment["HOME"]).exists(), "it is gone afterwards"
    assert {f"--repo=https://git.example/{REPOSITORY}", "--driver=github"} <= set(elsewhere)
    for before in ("no access", "." * 790):  # the second is cut, in what would be the token's middle
        fork.cml_says = f"usage: cml\n{before} for {TOKEN}."
        with pytest.raises(ProjectError, match=r"could not comment on pull request 1: .*for \*\*\*\. Run ") as refused:
            fork.comment()
        assert TOKEN[:4] not in str(refused.value)


def test_a_hostile_artifact_is_refused_and_nothing_is_posted(fork: Fork) -> None:
    fork.open()
    for content, says in [
        (b"\x00\xff", "not what a run leaves"),
        ('{"commit": "abcd", "html": "<script>"}', "not what a run leaves"),
        ('{"commit": "$(id)"}', "not what a run leaves"),
        ('{"commit": "abcd", "cases": ' + "[" * 5000 + "]" * 5000 + "}", "not what a run leaves"),
        (b'{"commit": "abcd", "refusal": "' + b"x" * MOST_BYTES + b'"}', "larger than"),
        (story(case(findings(CONTRADICTION))).as_json(), "contradicts itself"),
    ]:
        with pytest.raises(ProjectError, match=says):
            fork.comment(content)
    fork.artifact.rename(fork.artifact.with_suffix(".another"))
    fork.artifact.symlink_to(fork.artifact.with_suffix(".another"))
    with pytest.raises(ProjectError, match="has no file"):
        fork.comment()
    assert fork.calls == []


def test_the_pull_request_is_the_one_whose_head_is_the_runs_commit_also_behind_a_hundred_others(fork: Fork) -> None:
    fork.open("1" * 40)
    fork.open(source="another/fork")
    del fork.github.pulls[fork.open()]
    assert "nothing was posted" in fork.comment(), "neither another fork's nor a closed one"
    assert fork.calls == []
    ours = fork.open()
    for number in range(150):  # newer ones, which GitHub lists first
        fork.open(f"{number:040x}")
    fork.github.calls.clear()
    assert pull_requests(Environment(fork.values), HEAD) == [ours]
    assert sum("/pulls" in call for call in fork.github.calls) == 2


def test_a_run_that_left_nothing_is_no_failure_and_a_refused_call_says_what_github_said(fork: Fork) -> None:
    assert "left no comment" in comment_on_fork(Path(), Environment(fork.values))
    assert fork.github.calls == []
    fork.values["REPO_TOKEN"] = "wrong"
    with pytest.raises(ProjectError, match="401 Bad credentials"):
        fork.comment()
