"""What a store keeps of what is gone: whose metadata may go, and a database that gives its room back or says why not."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from champion.orchestration import leftovers
from champion.orchestration.store import database_of


def test_metadata_goes_whose_owners_all_go_and_what_never_had_one_once_it_is_not_new() -> None:
    now, old = (
        (datetime.now(UTC) - ago).replace(tzinfo=None).isoformat(" ") for ago in (timedelta(0), timedelta(hours=1))
    )
    rows = [
        ("of one that goes", now, "a"), ("of one that stays", old, "x"), ("of both", now, "a"), ("of both", now, "x"),
        ("of two that go", now, "a"), ("of two that go", now, "b"), ("new", now, None), ("nobody's", old, None),
    ]  # fmt: skip
    assert leftovers._ownerless(iter(rows), {"a", "b"}) == ("of one that goes", "of two that go", "nobody's")


def test_a_database_gives_its_room_back_and_where_it_cannot_it_is_whole_and_the_reason_is_told(
    store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = database_of(store)
    monkeypatch.setattr(leftovers, "_WAIT_SECONDS", 0.1)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("CREATE TABLE room AS SELECT randomblob(1000000)")
        database.execute("DROP TABLE room")
        size = path.stat().st_size
        database.execute("BEGIN")
        database.execute("SELECT * FROM stack").fetchone()
        told = "The database was not compacted (database is locked). What it holds is whole; run again."
        assert leftovers.compact(store) == (0, told), "somebody reads it"
    with monkeypatch.context() as full:
        full.setattr(leftovers.shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9, 1000))
        freed, why = leftovers.compact(store)
    assert (freed, "MB are free. Make room, and run again." in str(why), path.stat().st_size) == (0, True, size)
    freed, why = leftovers.compact(store)
    assert (freed, why, path.stat().st_size) == (size - path.stat().st_size, None, size - freed)
    assert freed > 900_000
    assert leftovers.compact(store) == (0, None)
    assert store.active_stack_model.name == "default"
