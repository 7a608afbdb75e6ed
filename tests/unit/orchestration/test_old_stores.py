"""A local store of version 0.1 is refused, and the remedy brings the champion back; records on a server are read in place."""

import contextlib
import importlib
import json
import pkgutil
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from zenml.client import Client

from champion.errors import StoreError
from champion.orchestration import old_stores
from champion.orchestration.materializers.table import TableMaterializer
from champion.registry.reconcile import reconcile
from champion.registry.versions import version_history
from tests.conftest import Session, enter_store, tree
from tests.support.stores import copy_store, rolled_back


def test_an_old_name_is_todays_class_and_what_is_not_named_is_still_missing() -> None:
    old_stores.understand()
    for old, new in old_stores.NAMES.items():
        assert pkgutil.resolve_name(old) is pkgutil.resolve_name(new), old
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("ops.store")
    with pytest.raises(AttributeError, match="Nothing"):
        pkgutil.resolve_name("ops.artifacts.Nothing")


def test_a_record_of_version_0_1_is_loaded_in_place(store: Client) -> None:
    from zenml import save_artifact

    frame = pd.DataFrame({"a": [1, 2]})
    saved = save_artifact(frame, name="of_version_0_1", materializer=TableMaterializer)
    sources = [{"module": "ops.artifacts", "attribute": "TableMaterializer", "type": "user"}]
    sources += [{"module": "ops.tables", "attribute": "WrittenTable", "type": "user"}]
    with contextlib.closing(sqlite3.connect(str(store.zen_store.url).removeprefix("sqlite:///"))) as database:
        database.execute(
            "UPDATE artifact_version SET materializer = ?, data_type = ? WHERE id = ?",
            [*map(json.dumps, sources), saved.id.hex],
        )
        database.commit()
        assert database.total_changes == 1
    record: Any = store.get_artifact_version(saved.id)
    assert record.materializer.import_path == "ops.artifacts.TableMaterializer"
    pd.testing.assert_frame_equal(record.load(), frame)


def made_old(store: Path) -> None:
    """Let the records of a store name what they named in version 0.1, which left no mark."""
    (store / old_stores.MARK).unlink(missing_ok=True)
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
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "store"
    copy_store(rolled_back() / "store", store)
    shutil.copytree(rolled_back() / "work", tmp_path / "work")
    made_old(store)

    with pytest.raises(StoreError, match=r"was filled by version 0\.1 of this project.*Move it away") as refused:
        enter_store(store, monkeypatch)
    assert "The other versions' records stay behind" in str(refused.value)

    store.rename(tmp_path / "store-0.1")
    session = Session(tmp_path / "work", enter_store(store, monkeypatch), "shared")
    before = session.manifest()
    assert "version 1 was imported" in str(reconcile(session.client, session.workspace(tree(2))).done)
    champion = version_history(session.client, "shared").champion
    assert champion is not None
    assert champion.champion_state is not None
    assert (champion.number, session.manifest()) == (1, before)
    assert champion.champion_state.withdrawn == tuple(before["title"]["withdrawn"]) != ()
    assert session.train(tree(2))[0].decision.reason_code == "withdrawn"


def test_a_store_of_this_version_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = tmp_path / "zenml.db"
    old_stores.refuse(tmp_path, database)
    assert not (tmp_path / old_stores.MARK).exists(), "there is no store yet"
    database.write_bytes(b"broken, which ZenML says better")
    old_stores.refuse(tmp_path, database)
    assert (tmp_path / old_stores.MARK).exists()
    monkeypatch.setattr(sqlite3, "connect", lambda *_, **__: pytest.fail("it was looked at again"))
    old_stores.refuse(tmp_path, database)
