"""A checkout with a champion, for tests that try to spoil it."""

import contextlib
import hashlib
import shutil
import sqlite3
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from champion.errors import DONE
from tests.conftest import Checkout, make_checkout, quick

TREE = "sklearn.tree.DecisionTreeClassifier"
ODD = '''
import os
import signal

from sklearn.tree import DecisionTreeClassifier


class Foreign(DecisionTreeClassifier):
    """A good classifier that skops does not know."""


class Interrupting(DecisionTreeClassifier):
    """Ctrl-C in the middle of a step, while the store is being written to."""

    def fit(self, X, y, **rest):
        from zenml.client import Client

        assert "zenml" not in type(signal.getsignal(signal.SIGINT)).__module__
        with Client().zen_store.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN EXCLUSIVE")
            os.kill(os.getpid(), signal.SIGINT)
        return super().fit(X, y, **rest)
'''


@dataclass
class TrainedCheckout(Checkout):
    """A checkout with a champion, version 1, whose use case can be made a better one."""

    backup: Path = field(kw_only=True)

    @property
    def package(self) -> Path:
        return self.root / "models" / "iris"

    @property
    def database(self) -> Path:
        return self.root / ".zenml" / "local_stores" / "default_zen_store" / "zenml.db"

    def restore(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        shutil.copytree(self.backup, self.root, symlinks=True, dirs_exist_ok=True)

    def state(self) -> dict[str, Any]:
        """What must not be lost: the package, the versions and their stages, what git sees, and no half files."""
        with contextlib.closing(sqlite3.connect(self.database)) as store:
            versions = store.execute("SELECT name, stage FROM model_version ORDER BY name").fetchall()
        names = (path.relative_to(self.root).as_posix() for path in self.package.rglob("*"))
        return {
            "package": {name: hashlib.sha256((self.root / name).read_bytes()).hexdigest() for name in names},
            "versions": versions,
            "git": self.git("status", "--porcelain"),
            "models": sorted(path.name for path in (self.root / "models").iterdir()),
            "reports": sorted(path.name for path in (self.root / "reports").iterdir()),
        }

    def ends(self, code: int, *arguments: str, **more: Any) -> str:
        """Run run.py, which must end with `code` and no traceback; what it said, in one line."""
        done = self.command(sys.executable, str(self.root / "run.py"), *arguments, expect=None, **more)
        said = done.stdout + done.stderr
        assert "Traceback" not in said, said
        assert done.returncode == code, f"{arguments} ended with {done.returncode}:\n{said}"
        return " ".join(said.split())

    def refuses(self, code: int, *arguments: str, says: tuple[str, ...], **more: Any) -> None:
        """Run run.py, which must refuse with these words and change nothing."""
        before = self.state()
        said = self.ends(code, *arguments, **more)
        assert [words for words in ("Error:", *says) if words not in said] == [], said
        assert self.state() == before

    def with_use_case(self, **changes: Any) -> str:
        """Write the quick use case with changes; its path is returned."""
        return self.write_use_case(quick(**changes))

    def iris(self) -> pd.DataFrame:
        return pd.read_csv(self.root / "data/iris.csv")

    def better(self) -> None:
        """Make the use case one whose challenger is better."""
        self.write_use_case(quick())

    def still_works(self) -> str:
        """The next run finds one champion, and package and store agree; what it said."""
        self.write_use_case(quick(candidates=tree(max_depth=1, random_state=0)))
        said = self.ends(DONE, "train")
        stages = dict(self.state()["versions"])
        assert list(stages.values()).count("production") == 1
        assert stages[f"v{self.manifest()['model_version']}"] == "production"
        return said


def tree(**params: Any) -> dict[str, Any]:
    """One decision tree as the candidates of a use case."""
    return {"tree": {"estimator": TREE, "params": params}}


def build(folder: Path) -> TrainedCheckout:
    """A checkout with a champion, and a copy of it beside; a store cannot be moved, so it stays in its place."""
    made = make_checkout(folder)
    trained = TrainedCheckout(made.root, made.home, backup=folder / "backup")
    trained.write_use_case(quick(candidates=tree(max_depth=1, random_state=0)))
    trained.git("add", "--all")
    trained.git("commit", "--quiet", "--message", "use case")
    assert trained.train()["champion"] == 1
    assert trained.git("status", "--porcelain") == ""
    shutil.copytree(trained.root, trained.backup, symlinks=True)
    return trained
