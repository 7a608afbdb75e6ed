"""A local store of version 0.1 is refused; records on a server are read in place."""

import contextlib
import importlib
import pkgutil
import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from zenml.client import Client

from champion.errors import StoreError
from champion.orchestration import old_stores
from champion.orchestration.materializers.table import TableMaterializer
from champion.orchestration.store import open_store


def test_an_old_name_is_todays_class_and_what_is_not_named_is_still_missing() -> None:
    old_stores.understand()
    for old, new in old_stores.NAMES.items():
        assert pkgutil.resolve_name(old) is pkgutil.resolve_name(new), old
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("ops.store")
    with pytest.raises(AttributeError, match="Nothing"):
        pkgutil.resolve_name("ops.artifacts.Nothing")


def test_a_record_of_version_0_1_is_loaded_in_place_but_a_local_store_with_one_is_refused(
    store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the remedy leads to, a champion that is imported from its package, is in registry/test_reconcile.py."""
    from zenml import save_artifact

    frame = pd.DataFrame({"a": [1, 2]})
    saved = save_artifact(frame, name="of_version_0_1", materializer=TableMaterializer)
    with contextlib.closing(sqlite3.connect(str(store.zen_store.url).removeprefix("sqlite:///"))) as database:
        database.execute(
            "UPDATE artifact_version SET materializer = ?, data_type = ? WHERE id = ?",
            [
                '{"module":"ops.artifacts","attribute":"TableMaterializer","type":"user"}',
                '{"module":"ops.tables","attribute":"WrittenTable","type":"user"}',
                saved.id.hex,
            ],
        )
        database.commit()
        assert database.total_changes == 1
    record: Any = store.get_artifact_version(saved.id)
    assert record.materializer.import_path == "ops.artifacts.TableMaterializer"
    pd.testing.assert_frame_equal(record.load(), frame)
    monkeypatch.setattr(old_stores, "MARK", "not_looked_at_yet")
    with pytest.raises(
        StoreError, match=r"was filled by version 0\.1 of this project.*Move it away.*stay behind in the"
    ):
        open_store()


def test_a_store_of_this_version_is_looked_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    database = tmp_path / "zenml.db"
    old_stores.refuse(tmp_path, database)
    assert not (tmp_path / old_stores.MARK).exists(), "there is no store yet"
    database.write_bytes(b"broken, which ZenML says better")
    old_stores.refuse(tmp_path, database)
    assert (tmp_path / old_stores.MARK).exists()
    monkeypatch.setattr(sqlite3, "connect", lambda *_, **__: pytest.fail("it was looked at again"))
    old_stores.refuse(tmp_path, database)
