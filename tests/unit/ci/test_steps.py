"""The steps of the workflows in real clones: a remote, a branch, a champion that travels as package and pointer."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from champion import settings
from champion.ci.environment import Environment
from champion.ci.image import image_names
from champion.ci.state import use_cases
from tests.conftest import Checkout, iris_csv, make_checkout, tree
from tests.support.doubles.github import API, REPOSITORY, GitHub

MAIN = {"GITHUB_REF_NAME": "main"}


class Runner(Checkout):
    """A clone as a workflow's job has it."""

    def ci(self, command: str, expect: int | None = 0, **variables: str) -> str:
        """``python run.py ci COMMAND``, with variables of the workflow; what it said."""
        before, self.env = self.env, {**self.env, "CI_STACK": "local", **variables}
        try:
            done = self.command(sys.executable, "run.py", "ci", command, expect=expect)
        finally:
            self.env = before
        return done.stdout + done.stderr

    def commit_all(self, message: str) -> str:
        """Commit everything; the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD").strip()

    def judged(self, expect: int | None = 0, **variables: str) -> str:
        """What the job `judge` does, without the post; what the comment says."""
        self.ci("champion", **variables)
        self.ci("train", expect=expect, **variables)
        return self.ci("comment", **variables)

    @property
    def heading(self) -> str:
        """Of the comment."""
        return next(
            line for line in (self.root / "reports/comment.md").read_text().splitlines() if line.startswith("## ")
        )

    def champion_of(self, name: str = "iris") -> dict[str, Any]:
        """What the steps know of the champion."""
        found: dict[str, Any] = json.loads((self.root / "reports/ci.json").read_text())["standings"][name]
        return found


class Server:
    """A bare repository with a main branch, and a DVC remote beside it or beside another."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clones = folder, 0
        (folder / "hands").mkdir()

    def clone(self, base: str = "main") -> Runner:
        """A fresh clone, with a HOME of its server."""
        self.clones += 1
        root, home = self.folder / f"clone{self.clones}", self.folder / f"home{self.clones}"
        home.mkdir()
        seed = Runner(self.folder, home)
        seed.command("git", "clone", "--quiet", "--branch", base, str(self.folder / "origin.git"), str(root))
        (root / "data/iris.csv").write_bytes(iris_csv())
        return Runner(root, home)

    def promoted(self, runner: Runner) -> str:
        """What the job `promote` does, without the image."""
        output = self.folder / "output"
        runner.ci("champion", **MAIN)
        runner.ci("promote", GITHUB_OUTPUT=str(output))
        assert output.read_text().endswith("record=true\n")
        runner.command(sys.executable, "run.py", "data", "push")
        return runner.ci("pointer", **MAIN)

    def pointer(self) -> dict[str, Any]:
        """The pointer on main."""
        found: dict[str, Any] = yaml.safe_load(self.git("show", "main:models/iris.dvc"))
        return found

    def git(self, *arguments: str) -> str:
        """``git ...`` in the bare repository."""
        return Runner(self.folder, self.folder / "hands").git("--git-dir", str(self.folder / "origin.git"), *arguments)

    def pull_request(self, depth: int, **changes: Any) -> tuple[Runner, str]:
        """A clone with a commit on a branch that asks for a deeper tree; and the base commit."""
        runner = self.clone()
        base = runner.git("rev-parse", "HEAD").strip()
        runner.git("checkout", "--quiet", "-b", "better")
        runner.write_use_case(tree(depth, **changes))
        runner.commit_all("a deeper tree")
        return runner, base


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Server, str]:
    """A server whose main branch has a champion, version 1; and what the step said that committed its pointer."""
    folder = tmp_path_factory.mktemp("server")
    made = make_checkout(folder)
    first = Runner(made.root, made.home)
    first.write_use_case(tree(1))
    first.dvc("remote", "add", "--quiet", "--default", "store", str(folder / "remote"))
    first.commit_all("a use case")
    first.command("git", "clone", "--quiet", "--bare", str(first.root), str(folder / "origin.git"))
    server = Server(folder)
    return server, server.promoted(server.clone())


@pytest.fixture
def server(built: tuple[Server, str], tmp_path: Path) -> Server:
    """A server of a test's own, with a champion on its main branch."""
    shutil.copytree(built[0].folder / "origin.git", tmp_path / "origin.git")
    return Server(tmp_path)


def test_a_promotion_is_recorded_by_the_bot_in_a_commit_that_changes_the_pointer_alone(
    server: Server, built: tuple[Server, str]
) -> None:
    assert "Pushed to main: Champion of iris: version 1, accuracy 0.6" in built[1]
    author, message, *files = server.git("show", "--format=%an%n%s", "--name-only", "main").split("\n")
    assert author == "github-actions[bot]"
    assert message.endswith("[skip ci]"), "the commit starts no further run"
    assert [name for name in files if name] == ["models/iris.dvc"]
    assert server.pointer()["meta"]["model_version"] == 1


def test_a_pull_request_is_judged_against_the_champion_of_its_base(server: Server, tmp_path: Path) -> None:
    runner, base = server.pull_request(2)
    summary = tmp_path / "summary"
    assert "champion version 1 (package)" in runner.ci("champion", BASE_SHA=base)
    runner.ci("train", BASE_SHA=base)
    said = runner.ci("comment", BASE_SHA=base, GITHUB_STEP_SUMMARY=str(summary))
    assert runner.heading == "## iris: the challenger would become the champion"
    assert "| `candidates.tree.params.max_depth` | `1` | `2` |" in said
    assert "champion v1" in said
    assert "the same as the champion's" in said
    assert summary.read_text() == (runner.root / "reports/comment.md").read_text()
    assert (runner.root / "reports/iris/report.html").is_file()
    assert runner.git("status", "--porcelain") == "", "a pull request's run changes no tracked file"
    assert server.pointer()["meta"]["model_version"] == 1


def test_it_says_when_nothing_that_makes_a_model_changed(server: Server) -> None:
    runner = server.clone()
    base = runner.git("rev-parse", "HEAD").strip()
    (runner.root / "notes.md").write_text("nothing\n")
    runner.commit_all("a note")
    runner.judged(BASE_SHA=base)
    assert runner.heading == "## iris: nothing that makes a model has changed"


def test_without_a_remote_the_sample_is_remade_the_pointers_scores_stand_in_and_nothing_is_promoted(
    server: Server, tmp_path: Path
) -> None:
    runner, base = server.pull_request(2)
    runner.dvc("remote", "remove", "store")
    (runner.root / "data/iris.csv").unlink()
    said = runner.ci("champion", BASE_SHA=base)
    assert "version 1 (pointer)" in said
    assert (runner.root / "data/iris.csv").read_bytes() == iris_csv()
    assert not (runner.root / "models/iris").exists()
    runner.ci("train")
    written = runner.ci("comment", BASE_SHA=base)
    assert runner.heading == "## iris: the challenger scores higher than the champion did"
    assert "The champion (version 1) was not asked: there is no DVC remote here" in written

    assert "Nothing is promoted" in runner.ci("promote", GITHUB_OUTPUT=str(tmp_path / "output"))
    assert (tmp_path / "output").read_text() == "record=false\n"
    assert json.loads((runner.root / "reports/iris/decision.json").read_text())["action"] == "would_promote"


def test_a_pull_request_that_changes_a_pointer_is_refused_with_the_reason(server: Server) -> None:
    runner, base = server.pull_request(2)
    (runner.root / "models/iris.dvc").write_text("outs: []\n")
    runner.commit_all("my model, please")
    said = runner.ci("champion", expect=3, BASE_SHA=base, PR_AUTHOR="somebody")
    assert "This pull request changes models/iris.dvc" in said
    runner.ci("champion", expect=3, BASE_SHA=base, PR_AUTHOR="github-actions[bot]")
    runner.ci("comment", BASE_SHA=base)
    assert runner.heading == "## Nothing was trained"
    assert "changes models/iris.dvc" in (runner.root / "reports/comment.md").read_text()


def test_a_pointer_cannot_be_smuggled_in_behind_a_merge(server: Server) -> None:
    runner, base = server.pull_request(2)
    (runner.root / "models/iris.dvc").write_text("outs: []\n")
    runner.commit_all("my model, please")
    runner.git("checkout", "--quiet", "-b", "side", base)
    (runner.root / "notes.md").write_text("a note\n")
    runner.commit_all("a note")
    runner.git("checkout", "--quiet", "better")
    runner.git("merge", "--quiet", "--no-edit", "side")
    assert "changes models/iris.dvc" in runner.ci("champion", expect=3, BASE_SHA=base)


def test_the_first_parent_of_githubs_merge_commit_is_the_base(server: Server) -> None:
    runner, base = server.pull_request(2)
    runner.git("checkout", "--quiet", "main")
    (runner.root / "models/iris.dvc").write_text((runner.root / "models/iris.dvc").read_text() + "# newer\n")
    newer = runner.commit_all("a champion since then")
    runner.git("merge", "--quiet", "--no-edit", "--no-ff", "better")
    merge = runner.git("rev-parse", "HEAD").strip()
    runner.ci("champion", BASE_SHA=base, GITHUB_REF="refs/pull/7/merge", GITHUB_SHA=merge)
    assert json.loads((runner.root / "reports/ci.json").read_text())["base"] == newer


def test_a_shallow_clone_is_told_what_it_lacks(server: Server) -> None:
    runner = server.clone()
    assert "fetch-depth: 0" in runner.ci("champion", expect=1, BASE_SHA="f" * 40)


def test_a_failing_step_is_named_with_its_last_words_and_fails_the_job(server: Server) -> None:
    runner, base = server.pull_request(2)
    path = runner.root / "steps/train_candidate.py"
    first = "    from champion.modeling.training import"
    path.write_text(path.read_text().replace(first, f'    raise RuntimeError("no luck")\n{first}'))
    written = runner.judged(expect=1, BASE_SHA=base)
    ran = json.loads((runner.root / "reports/iris/ci.json").read_text())
    assert (ran["step"], ran["exit_code"]) == ("train_tree", 1)
    assert runner.heading.startswith("## iris: the pipeline failed in train")
    assert "no luck" in written.partition("~~~~text")[2]


def test_a_wrong_use_case_fails_before_the_first_step_and_the_job_with_it(server: Server) -> None:
    runner, base = server.pull_request(2, promotion={"metric": "acuracy"})
    assert "acuracy" in runner.judged(expect=2, BASE_SHA=base)
    assert runner.heading == "## iris: the pipeline failed in the preparation, before the first step"


def test_secrets_reach_neither_the_log_nor_the_comment(server: Server) -> None:
    runner, _ = server.pull_request(2)
    secret = {
        "type": "service_account",
        "private_key": "-----BEGIN-----\nABCDEFGHIJKL\n",
        "client_email": "a@b.example",
    }
    path = runner.root / "pipelines/training.py"
    leak = 'import os\nraise RuntimeError(os.environ["GDRIVE_CREDENTIALS_DATA"] + " ABCDEFGHIJKL")\n'
    path.write_text(path.read_text().replace("import annotations\n", f"import annotations\n{leak}", 1))
    runner.ci("train", expect=1, GDRIVE_CREDENTIALS_DATA=json.dumps(secret))
    kept = "".join(path.read_text() for path in (runner.root / "reports/iris").rglob("*") if path.is_file())
    assert "***" in kept
    assert "ABCDEFGHIJKL" not in kept


def test_a_merge_promotes_on_top_of_what_the_branch_is_by_then_and_a_rollback_undoes_it(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner, _ = server.pull_request(2)
    runner.git("push", "--quiet", "origin", "better:main")
    merged = server.clone()
    assert "version 2" in server.promoted(merged)
    assert server.pointer()["meta"]["model_version"] == 2
    assert merged.git("status", "--porcelain") == "", "the clone stands on the pointer's commit"
    assert merged.git("rev-parse", "HEAD") == server.git("rev-parse", "main")
    assert "name the champion already" in merged.ci("pointer", **MAIN), "a second time changes nothing"

    monkeypatch.setattr(settings, "root", lambda: merged.root)
    env = Environment({"GITHUB_REPOSITORY": "Owner/Name"})
    commit = server.git("rev-parse", "main")[:12]
    (workspace,) = use_cases(merged.root)
    assert image_names(workspace, 2, env) == ["ghcr.io/owner/name:iris-v2", f"ghcr.io/owner/name:iris-{commit}"]

    again = server.clone()
    again.ci("champion", **MAIN)
    again.ci("rollback", ROLLBACK_USE_CASE="iris")
    again.command(sys.executable, "run.py", "data", "push")
    assert "version 1" in again.ci("pointer", **MAIN)
    assert server.pointer()["meta"]["model_version"] == 1

    stale = server.clone()
    stale.git("reset", "--quiet", "--hard", "HEAD~1")
    assert "champion version 1" in stale.ci("champion", **MAIN), "the branch's tip names the champion, not the checkout"


def with_a_new_pointer(server: Server) -> Runner:
    """A clone in which a run has recorded version 2, as far as git can tell."""
    runner = server.clone()
    runner.ci("champion", **MAIN)
    pointer = runner.root / "models/iris.dvc"
    pointer.write_text(pointer.read_text().replace("model_version: 1", "model_version: 2"))
    return runner


def test_a_pointer_that_changed_meanwhile_is_not_overwritten(server: Server) -> None:
    runner = with_a_new_pointer(server)
    other = server.clone()
    (other.root / "models/iris.dvc").write_text((other.root / "models/iris.dvc").read_text() + "# theirs\n")
    other.commit_all("a champion of somebody else")
    other.git("push", "--quiet", "origin", "main")
    assert "changed on the branch while this run was under way" in runner.ci("pointer", expect=1, **MAIN)


def test_where_the_branch_is_protected_the_pointer_becomes_a_pull_request(server: Server) -> None:
    runner = with_a_new_pointer(server)
    hook = server.folder / "origin.git/hooks/update"
    hook.write_text('#!/bin/sh\n[ "$1" != refs/heads/main ] || { echo "protected branch" >&2; exit 1; }\n')
    hook.chmod(0o755)
    with GitHub(tokens={"writer": True}) as github:
        variables = {"GITHUB_API_URL": github.url + API, "GITHUB_REPOSITORY": REPOSITORY, "REPO_TOKEN": "writer"}
        said = runner.ci("pointer", **MAIN, **variables)
    assert "main is protected: pull request 1 has the pointer" in said
    head = github.pulls[1].branch
    assert server.git("diff", "--name-only", f"main...{head}").split() == ["models/iris.dvc"]
    assert "[skip ci]" not in server.git("show", "--format=%B", "--no-patch", head), "required checks must run on it"
    assert "waits in a pull request" in runner.ci("image")

    judged = server.clone(head)
    base = server.git("rev-parse", "main").strip()
    judged.ci("champion", BASE_SHA=base, PR_AUTHOR="github-actions[bot]")
    assert judged.champion_of()["model_version"] == 1, "the base's champion, although the pull request names another"
    assert "changes models/iris.dvc" in judged.ci("champion", expect=3, BASE_SHA=base, PR_AUTHOR="somebody")
