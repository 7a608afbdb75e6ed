"""A store that is not there yet: whoever is killed while it is made, and however many make it, the next command opens it."""

import contextlib
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from champion.orchestration import new_stores
from tests.conftest import Checkout


def test_first_commands_that_are_killed_or_two_at_once_leave_a_store_that_opens(ready: Checkout) -> None:
    folder = ready.root / ".zenml/local_stores/default_zen_store"
    folder.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(folder / "zenml.db")) as left:
        left.execute("CREATE TABLE user (id)")  # as ZenML itself leaves it where it is killed
    for number in (signal.SIGTERM, signal.SIGINT):
        process = ready.start("models")
        while not any(made.stat().st_size > 100_000 for made in folder.rglob("zenml.db")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.005)
        process.send_signal(number)
        _, errors = process.communicate(timeout=300)
        assert "Traceback" not in errors
        assert process.returncode in (-number, 130)
    both = [ready.start("models") for _ in range(2)]
    for process in both:
        assert "Traceback" not in process.communicate(timeout=300)[1]
        assert process.returncode == 0
    assert sorted(path.name for path in folder.iterdir()) == ["making.lock", "zenml.db"]
    assert list((ready.root / ".zenml").glob(".*")) == [], "nothing unfinished of ZenML's configuration"


@pytest.mark.parametrize(
    ("statements", "whole"),
    [
        ((), False),
        (("CREATE TABLE user (id)",), False),
        (("CREATE TABLE stack (id)",), False),
        (("CREATE TABLE stack (id)", "INSERT INTO stack VALUES (1)"), True),
    ],
)
def test_a_store_is_whole_once_it_has_a_stack(statements: tuple[str, ...], whole: bool, tmp_path: Path) -> None:
    assert not new_stores.is_whole(tmp_path / "zenml.db"), "there is none"
    with contextlib.closing(sqlite3.connect(tmp_path / "zenml.db")) as database, database:
        for statement in statements:
            database.execute(statement)
    assert new_stores.is_whole(tmp_path / "zenml.db") == whole


def test_what_is_no_database_is_left_for_its_owner(tmp_path: Path) -> None:
    (tmp_path / "zenml.db").write_bytes(b"damaged" * 1000)
    assert new_stores.is_whole(tmp_path / "zenml.db")
