"""A store of version 0.1 is refused, and the remedy brings the champion back."""

from __future__ import annotations

import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from champion.errors import StoreError
from champion.orchestration.layout import MARK, refuse_old
from champion.registry.reconcile import reconcile
from champion.registry.rollback import roll_back
from champion.registry.versions import version_history
from tests.conftest import Session, enter_store, iris_csv

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Tree = Callable[..., dict[str, Any]]


def made_old(store: Path) -> None:
    """Let the records of a store name what they named in version 0.1, which left no mark."""
    (store / MARK).unlink(missing_ok=True)
    with (
        contextlib.closing(sqlite3.connect(store / "local_stores/default_zen_store/zenml.db")) as connection,
        connection,
    ):
        changed = connection.execute(
            """UPDATE artifact_version SET materializer = '{"module":"ops.artifacts","attribute":"TableMaterializer"}'
            WHERE materializer LIKE '%champion.orchestration%'"""
        )
        assert changed.rowcount > 0


def test_a_store_of_version_0_1_is_refused_and_moved_away_it_leaves_the_champion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tree: Tree
) -> None:
    store = tmp_path / "store"
    session = Session(tmp_path / "work", enter_store(store, monkeypatch), "shared")
    session.write(iris_csv())
    for depth in (1, 2):
        session.train(tree(depth))
    assert roll_back(session.client, session.workspace(tree(2)), None).champion == 1
    before = session.manifest()
    made_old(store)

    with pytest.raises(StoreError, match=r"was filled by version 0\.1 of this project.*Move it away") as refused:
        enter_store(store, monkeypatch)
    assert "The other versions' records stay behind" in str(refused.value)

    store.rename(tmp_path / "store-0.1")
    session = Session(tmp_path / "work", enter_store(store, monkeypatch), "shared")
    assert "version 1 was imported" in str(reconcile(session.client, session.workspace(tree(2))).done)
    champion = version_history(session.client, "shared").champion
    assert champion is not None
    assert champion.champion_state is not None
    assert (champion.number, session.manifest()) == (1, before)
    assert champion.champion_state.withdrawn == tuple(before["title"]["withdrawn"]) != ()
    assert session.train(tree(2))[0].decision.reason_code == "withdrawn"


def test_a_store_of_this_version_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = tmp_path / "zenml.db"
    refuse_old(tmp_path, database)
    assert not (tmp_path / MARK).exists(), "there is no store yet"
    database.write_bytes(b"broken, which ZenML says better")
    refuse_old(tmp_path, database)
    assert (tmp_path / MARK).exists()
    monkeypatch.setattr(sqlite3, "connect", lambda *_, **__: pytest.fail("it was looked at again"))
    refuse_old(tmp_path, database)
