"""Clones as the jobs of a workflow have them, of a server whose main branch has a champion."""

import contextlib
import io
import os
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
import yaml

from champion import settings
from champion.workspace import process
from cli.main import main
from tests.conftest import Checkout, iris_csv, make_checkout, run_warm, tree

MAIN = {"GITHUB_REF_NAME": "main"}


def start_warm(command: Any, folder: Path, **more: Any) -> Any:
    done = run_warm(command, folder, **more)
    return SimpleNamespace(stdout=io.StringIO(done.output + done.errors), wait=lambda: done.code)


class Runner(Checkout):
    """A clone as a workflow's job has it."""

    def ci(self, command: str, expect: int = 0, **variables: str) -> str:
        """``python run.py ci COMMAND``, with variables of the workflow; what it said."""
        return self.inside("ci", command, expect=expect, **variables)

    def inside(self, *arguments: str, expect: int = 0, **variables: str) -> str:
        """``python run.py ARGUMENTS`` in this process; the Pythons that it starts are forked from a warm one."""
        said = io.StringIO()
        variables = {**self.environment(), "CI_STACK": "local", **variables}
        with (
            mock.patch.dict(os.environ, variables, clear=True),
            pytest.MonkeyPatch.context() as patch,
            contextlib.redirect_stdout(said),
            contextlib.redirect_stderr(said),
        ):
            patch.chdir(self.root)
            patch.setattr(settings, "root", lambda: self.root)
            patch.setattr(process, "run", run_warm)
            patch.setattr(process, "start", start_warm)
            code = main(list(arguments))
        assert code == expect, f"{arguments} ended with {code}:\n{said.getvalue()}"
        return said.getvalue()

    def commit_all(self, message: str) -> str:
        """Commit everything; the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        return self.git("rev-parse", "HEAD").strip()

    def other_champion(self) -> str:
        """Commit a pointer of somebody else; the commit."""
        pointer = self.root / "models/iris.dvc"
        pointer.write_text(f"{pointer.read_text()}# theirs\n")
        return self.commit_all("a champion of somebody else")

    def share(self, table: bytes, name: str = "data/iris-new.csv") -> None:
        """Put a table on the remote, and commit its pointer."""
        (self.root / name).write_bytes(table)
        self.dvc("add", "--quiet", name)
        self.dvc("push", "--quiet", f"{name}.dvc")
        self.commit_all("new data")
        (self.root / name).unlink()

    def report(self, name: str) -> str:
        """A file that the steps left."""
        return (self.root / "reports" / name).read_text(encoding="utf-8")


class Server:
    """A bare repository with a main branch, and a DVC remote beside it or beside another."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clones = folder, 0
        self.git = Runner(folder / "origin.git", folder).git

    def clone(self, base: str = "main") -> Runner:
        """A fresh clone, with a HOME of its own."""
        self.clones += 1
        root, home = self.folder / f"clone{self.clones}", self.folder / f"home{self.clones}"
        home.mkdir()
        self.git("clone", "--quiet", "--branch", base, ".", str(root))
        (root / "data/iris.csv").write_bytes(iris_csv())
        return Runner(root, home)

    def promoted(self, runner: Runner) -> str:
        """What the job `promote` does, without the image."""
        output = self.folder / "output"
        runner.ci("champion", **MAIN)
        runner.ci("promote", GITHUB_OUTPUT=str(output))
        assert output.read_text().endswith("record=true\n")
        runner.run("data", "push")
        return runner.ci("pointer", **MAIN)

    def model_version(self) -> int:
        """As the pointer on main has it."""
        return int(yaml.safe_load(self.git("show", "main:models/iris.dvc"))["meta"]["model_version"])

    def pull_request(self) -> tuple[Runner, str]:
        """A clone with a commit on a branch that asks for a deeper tree; and the base commit."""
        runner = self.clone()
        base = runner.git("rev-parse", "HEAD").strip()
        runner.git("checkout", "--quiet", "-b", "better")
        runner.write_use_case(tree(2))
        runner.commit_all("a deeper tree")
        return runner, base


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Server, str]:
    """A server whose main branch has a champion, version 1; and what the step said that committed its pointer."""
    folder = tmp_path_factory.mktemp("server")
    made = make_checkout(folder)
    first = Runner(made.root, made.home)
    first.write_use_case(tree(1))
    first.dvc("remote", "add", "--quiet", "--default", "store", str(folder / "remote"))
    first.commit_all("a use case")
    first.git("clone", "--quiet", "--bare", ".", str(folder / "origin.git"))
    server = Server(folder)
    return server, server.promoted(server.clone())


@pytest.fixture
def server(built: tuple[Server, str], tmp_path: Path) -> Server:
    """A server of a test's own, with a champion on its main branch."""
    shutil.copytree(built[0].folder / "origin.git", tmp_path / "origin.git")
    return Server(tmp_path)
