"""Fixtures that every room shares: a checkout of one's own, with a store and a HOME of its own."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
LEFT_OUT = {".git", ".venv", ".venv-drive", ".uv", ".zenml", "__pycache__", "reports", "tests", "uv.lock"}


@dataclass
class Checkout:
    """A copy of the project in a folder of its own, driven as its user would drive it."""

    root: Path
    home: Path
    env: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("ZENML_", "DVC_", "GIT_"))}
        binaries = str(Path(sys.executable).parent)
        return {
            **kept,
            "HOME": str(self.home),
            "PATH": os.pathsep.join([binaries, kept.get("PATH", "")]),
            "ZENML_ANALYTICS_OPT_IN": "false",
            "DVC_NO_ANALYTICS": "true",
            "GIT_AUTHOR_NAME": "Test",
            "GIT_AUTHOR_EMAIL": "test@example.com",
            "GIT_COMMITTER_NAME": "Test",
            "GIT_COMMITTER_EMAIL": "test@example.com",
            "COLUMNS": "100",
            **self.env,
        }

    def command(self, *arguments: str, expect: int | None = 0, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run any command in the checkout; fail with its output when it ends otherwise than expected."""
        done = subprocess.run(
            arguments,
            cwd=self.root,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
            **more,
        )
        if expect is not None:
            assert done.returncode == expect, f"{arguments} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}"
        return done

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start run.py and return at once."""
        return subprocess.Popen(
            [sys.executable, "run.py", *arguments], cwd=self.root, env=self.environment(),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *arguments: str, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        """``python run.py ...``."""
        return self.command(sys.executable, "run.py", *arguments, expect=expect)

    def json(self, *arguments: str, expect: int | None = 0) -> Any:
        """``python run.py ... --json``, parsed."""
        return json.loads(self.run(*arguments, "--json", expect=expect).stdout)

    def train(self, *arguments: str, expect: int | None = 0) -> Any:
        """``python run.py train ... --json``, parsed."""
        return self.json("train", *arguments, expect=expect)

    def models(self, *arguments: str) -> list[dict[str, Any]]:
        """``python run.py models --json``, parsed."""
        found: list[dict[str, Any]] = self.json("models", *arguments)
        return found

    def champion(self, *arguments: str) -> int | None:
        """The number in production; more than one is a failure."""
        found = [version["number"] for version in self.models(*arguments) if version["stage"] == "production"]
        assert len(found) <= 1, found
        return found[0] if found else None

    def git(self, *arguments: str) -> str:
        """``git ...``, its output."""
        return self.command("git", *arguments).stdout

    def dvc(self, *arguments: str, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        """``dvc ...``."""
        return self.command(sys.executable, "-m", "dvc", *arguments, expect=expect)

    def write_use_case(self, use_case: dict[str, Any], name: str | None = None) -> str:
        """Write a use case's YAML; its path is returned."""
        path = f"configs/{name or use_case['name']}.yaml"
        (self.root / path).write_text(yaml.safe_dump(use_case, sort_keys=False, allow_unicode=True), encoding="utf-8")
        return path

    def read_use_case(self, name: str = "iris") -> dict[str, Any]:
        """A use case's YAML, parsed."""
        found: dict[str, Any] = yaml.safe_load((self.root / f"configs/{name}.yaml").read_text(encoding="utf-8"))
        return found

    def manifest(self, name: str = "iris") -> dict[str, Any]:
        """The manifest of the production package."""
        found: dict[str, Any] = json.loads((self.root / f"models/{name}/manifest.json").read_text(encoding="utf-8"))
        return found


def copy_project(target: Path) -> None:
    """Copy what a clone would have: tracked files, and new ones that git would not ignore."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if name.split("/")[0] in LEFT_OUT or not (ROOT / name).is_file():
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A committed copy of the project, with a HOME of its own and no store yet."""
    root, home = tmp_path / "checkout", tmp_path / "home"
    root.mkdir()
    home.mkdir()
    copy_project(root)
    made = Checkout(root, home)
    made.git("init", "--quiet", "--initial-branch", "main")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "start")
    return made


def quick(name: str = "iris", **changes: Any) -> dict[str, Any]:
    """A use case of one quick candidate, so that a run takes as little time as it can."""
    use_case: dict[str, Any] = {
        "name": name,
        "data": {"path": "data/iris.csv", "target": "species"},
        "split": {"share": 0.3, "salt": "holdout"},
        "candidates": {
            "tree": {"estimator": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": 2, "random_state": 0}}
        },
        "promotion": {"metric": "accuracy"},
    }
    for key, value in changes.items():
        use_case[key] = {**use_case[key], **value} if isinstance(value, dict) and key != "candidates" else value
    return use_case


@pytest.fixture(name="quick")
def quick_fixture() -> Any:
    """The function `quick`."""
    return quick
