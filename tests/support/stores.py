"""What takes seconds to make, made once in a test session and copied to where a test uses it: ZenML stores above all."""

import atexit
import contextlib
import fcntl
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SHARED = "TESTS_SHARED_FOLDER"  # the variable by which the workers of a session know their folder
URIS = ("artifact_version", "artifact_visualization", "logs")  # tables whose records name files of the store


def scratch() -> Path:
    """A folder that goes with the test process."""
    folder = Path(tempfile.mkdtemp(prefix="store-", dir=os.environ.get("PYTEST_DEBUG_TEMPROOT")))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def once(name: str, make: Callable[[Path], Any]) -> Path:
    """A folder that the first test process to ask for it makes, for all of the session."""
    folder = Path(os.environ[SHARED]) / name
    with folder.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.fstat(lock.fileno()).st_size:
            make(folder)
            lock.write("made")
    return folder


def copy_store(source: Path, target: Path) -> None:
    """Copy a store; its configuration and its records name the new folder."""
    shutil.copytree(source, target)
    config = target / "config.yaml"
    config.write_text(config.read_text(encoding="utf-8").replace(str(source), str(target)), encoding="utf-8")
    database = sqlite3.connect(target / "local_stores/default_zen_store/zenml.db")
    with contextlib.closing(database), database:
        for table in URIS:
            database.execute(f"UPDATE {table} SET uri = replace(uri, ?, ?)", (str(source), str(target)))


def rolled_back() -> Path:
    """A machine whose version 2 took the place of version 1 and was rolled back: its `store`, its `work`, its packages.

    The use case is `shared`. `one`, `two` and `back` are the package as each of the three left it.
    """
    return once("rolled-back", _roll_back)


def _roll_back(folder: Path) -> None:
    from champion.registry.rollback import roll_back
    from tests.conftest import Session, enter_store, iris_csv, tree

    with pytest.MonkeyPatch.context() as patch:
        session = Session(folder / "work", enter_store(folder / "store", patch), "shared")
        session.write(iris_csv())
        package = session.root / "models/shared"
        for depth, name in ((1, "one"), (2, "two")):
            session.train(tree(depth))
            shutil.copytree(package, folder / name)
        assert roll_back(session.client, session.workspace(tree(2)), None).champion == 1
        shutil.copytree(package, folder / "back")
