"""A comment for a fork: its artifact is data that nobody trusts, and decides neither where nor how it is posted."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from champion.ci import comment as fork
from champion.ci.comment import comment_on_fork, pull_requests
from champion.ci.environment import Environment
from champion.errors import ProjectError
from tests.support.doubles.github import API, REPOSITORY, GitHub
from tests.unit.ci.test_comment import COMMIT, story

HEAD = "c0ffee00" * 5
TOKEN = "a-token-that-may-write"
CML = f"""#!{sys.executable}
import json, os, pathlib, sys
report = pathlib.Path(sys.argv[-1]).read_text()
kept = {{key: os.environ.get(key) for key in ("HOME", "REPO_TOKEN", "ITERATIVE_DO_NOT_TRACK")}}
with open(os.environ["RECORD"], "a") as file:
    print(json.dumps({{"arguments": sys.argv[1:-1], "report": report, **kept}}), file=file)
if os.environ.get("BREAK"):
    sys.exit("no access for " + os.environ["REPO_TOKEN"])
"""


@pytest.fixture
def github() -> Iterator[GitHub]:
    with GitHub(tokens={TOKEN: True}) as double:
        yield double


@pytest.fixture
def env(tmp_path: Path, github: GitHub, monkeypatch: pytest.MonkeyPatch) -> Environment:
    """The environment of the workflow, with a program that records in place of cml."""
    program = tmp_path / "cml"
    program.write_text(CML)
    program.chmod(0o755)
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))
    (tmp_path / "artifact").mkdir()
    values = {
        "ARTIFACT": str(tmp_path / "artifact"), "HEAD_SHA": HEAD, "HEAD_REPOSITORY": "stranger/name", "RUN_ID": "99",
        "GITHUB_REPOSITORY": REPOSITORY, "GITHUB_API_URL": github.url + API, "GITHUB_SERVER_URL": "https://github.com",
        "REPO_TOKEN": TOKEN, "CML": str(program),
    }  # fmt: skip
    return Environment(values)


def put(tmp_path: Path, content: str | bytes) -> None:
    (tmp_path / "artifact" / "comment.json").write_bytes(content.encode() if isinstance(content, str) else content)


def posted(tmp_path: Path) -> list[dict[str, Any]]:
    path = tmp_path / "record"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_forks_numbers_are_rendered_by_our_code_and_marked(tmp_path: Path, github: GitHub, env: Environment) -> None:
    github.open("0" * 40, "b", "other/name")
    number = github.open(HEAD, "b", "stranger/name").number
    put(tmp_path, story().as_json())
    (tmp_path / "artifact" / "comment.md").write_text("![](https://evil.example/pixel.png)")
    assert f"pull request {number}" in comment_on_fork(tmp_path, env)
    (call,) = posted(tmp_path)
    assert f"--target=pr/{number}" in call["arguments"]
    assert "nobody has verified them" in call["report"]
    assert "evil.example" not in call["report"], "the artifact's own Markdown is not looked at"
    assert f"Commit `{HEAD[:8]}`" in call["report"], "the commit is the run's, whatever the artifact says"
    assert COMMIT[:8] not in call["report"]
    assert f"({env['GITHUB_SERVER_URL']}/{REPOSITORY}/actions/runs/99)" in call["report"]


def test_cml_publishes_nothing_tracks_nothing_and_has_a_home_of_its_own(
    tmp_path: Path, github: GitHub, env: Environment
) -> None:
    github.open(HEAD, "b", "stranger/name")
    put(tmp_path, story().as_json())
    comment_on_fork(tmp_path, env)
    (call,) = posted(tmp_path)
    assert call["arguments"][:2] == ["comment", "update"]
    assert {"--publish=false", "--watermark-title=champion"} <= set(call["arguments"])
    assert call["ITERATIVE_DO_NOT_TRACK"] == "1"
    assert call["REPO_TOKEN"] == TOKEN
    assert call["HOME"] != os.environ.get("HOME")
    assert not Path(call["HOME"]).exists(), "it is gone afterwards"


def test_another_server_than_github_is_named_to_cml(tmp_path: Path, github: GitHub, env: Environment) -> None:
    github.open(HEAD, "b", "stranger/name")
    put(tmp_path, story().as_json())
    comment_on_fork(tmp_path, Environment({**env.values, "GITHUB_SERVER_URL": "https://git.example"}))
    arguments = posted(tmp_path)[0]["arguments"]
    assert {f"--repo=https://git.example/{REPOSITORY}", "--driver=github"} <= set(arguments)


def test_what_cml_says_is_shown_without_the_token(
    tmp_path: Path, github: GitHub, env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    github.open(HEAD, "b", "stranger/name")
    put(tmp_path, story().as_json())
    monkeypatch.setenv("BREAK", "1")
    with pytest.raises(ProjectError, match=r"could not comment on pull request 1: no access for \*\*\*"):
        comment_on_fork(tmp_path, env)


def huge() -> bytes:
    return b'{"commit": "abcd", "refusal": "' + b"x" * fork.MOST_BYTES + b'"}'


def contradicting() -> str:
    told = json.loads(story().as_json())
    told["cases"][0]["findings"]["evaluation"]["challenger"]["confusion"] = [[1]]
    return json.dumps(told)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x00\xff", "not what a run leaves"),
        ("[]", "not what a run leaves"),
        ('{"commit": "abcd", "html": "<script>"}', "not what a run leaves"),
        ('{"commit": "$(id)"}', "not what a run leaves"),
        ('{"commit": "abcd", "cases": ' + "[" * 5000 + "]" * 5000 + "}", "not what a run leaves"),
        (huge(), "larger than"),
        (contradicting(), "contradicts itself"),
    ],
    ids=["bytes", "another shape", "a key too many", "a commit that is none", "depth", "size", "contradiction"],
)
def test_a_hostile_artifact_is_refused_and_nothing_is_posted(
    tmp_path: Path, github: GitHub, env: Environment, content: str | bytes, says: str
) -> None:
    github.open(HEAD, "b", "stranger/name")
    put(tmp_path, content)
    with pytest.raises(ProjectError, match=says):
        comment_on_fork(tmp_path, env)
    assert posted(tmp_path) == []


def test_an_artifact_cannot_lead_to_another_file(tmp_path: Path, github: GitHub, env: Environment) -> None:
    github.open(HEAD, "b", "stranger/name")
    (tmp_path / "secret.json").write_text(story().as_json())
    (tmp_path / "artifact" / "comment.json").symlink_to(tmp_path / "secret.json")
    with pytest.raises(ProjectError, match="has no file"):
        comment_on_fork(tmp_path, env)
    assert posted(tmp_path) == []


def test_names_in_a_hostile_artifact_stay_names(tmp_path: Path, github: GitHub, env: Environment) -> None:
    github.open(HEAD, "b", "stranger/name")
    text = json.loads(story().as_json())
    text["cases"][0]["use_case"] = "![p](https://evil.example/p.png) @octocat <img src=x>"
    put(tmp_path, json.dumps(text))
    comment_on_fork(tmp_path, env)
    report = posted(tmp_path)[0]["report"]
    for threat in ("](https://evil", "@octocat", "<img"):
        assert threat not in report


def test_the_pull_request_is_the_one_whose_head_is_the_runs_commit(
    github: GitHub, env: Environment, tmp_path: Path
) -> None:
    github.open("1" * 40, "b", "stranger/name")
    assert pull_requests(env, HEAD) == []
    github.open(HEAD, "b", "another/fork")
    github.close(github.open(HEAD, "b", "stranger/name").number)
    assert pull_requests(env, HEAD) == [], "neither another fork's nor a closed one"
    put(tmp_path, story().as_json())
    assert "nothing was posted" in comment_on_fork(tmp_path, env)
    assert posted(tmp_path) == []


def test_it_is_found_behind_a_hundred_others(env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    def pull(number: int, head: str) -> dict[str, Any]:
        there = {"repo": {"full_name": REPOSITORY}}
        return {"number": number, "head": {"sha": head, "repo": {"full_name": "stranger/name"}}, "base": there}

    listed = [pull(i, f"{i:040x}") for i in range(150)] + [pull(151, HEAD)]

    def call(_: Environment, method: str, path: str) -> Any:
        page = int(path.rpartition("page=")[2])
        assert (method, path) == ("GET", f"pulls?state=open&per_page=100&page={page}")
        return listed[(page - 1) * 100 : page * 100]

    monkeypatch.setattr(fork.github, "call", call)
    assert pull_requests(env, HEAD) == [151]


def test_a_run_that_left_nothing_is_no_failure(tmp_path: Path, github: GitHub, env: Environment) -> None:
    assert "nothing was posted" in comment_on_fork(tmp_path, env)
    assert github.calls == []


def test_a_refused_call_says_what_github_said(github: GitHub, env: Environment) -> None:
    with pytest.raises(ProjectError, match="401 Bad credentials"):
        pull_requests(Environment({**env.values, "REPO_TOKEN": "wrong"}), HEAD)


@pytest.mark.parametrize(
    ("name", "value"),
    [("HEAD_SHA", "$(id)"), ("RUN_ID", "1)[x](y"), ("GITHUB_REPOSITORY", "a/b/../c"), ("PR_NUMBER", "1; id")],
)
def test_a_variable_that_cannot_be_what_it_should_is_refused(name: str, value: str) -> None:
    with pytest.raises(ProjectError, match=name):
        Environment({name: value})[name]
