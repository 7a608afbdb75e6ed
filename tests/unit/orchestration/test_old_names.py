"""What version 0.1 wrote into a store is found under the names that it has now."""

from __future__ import annotations

import importlib
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from champion.orchestration import old_names
from champion.orchestration.materializers.table import TableMaterializer

if TYPE_CHECKING:
    from zenml.client import Client


@pytest.mark.parametrize(("old", "new"), old_names.NAMES.items())
def test_an_old_name_is_todays_class(old: str, new: str) -> None:
    old_names.understand()
    module, _, name = old.rpartition(".")
    owner, _, today = new.rpartition(".")
    assert getattr(importlib.import_module(module), name) is getattr(importlib.import_module(owner), today)


def test_a_module_that_is_not_named_is_still_missing() -> None:
    old_names.understand()
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("ops.store")
    with pytest.raises(AttributeError, match="Nothing"):
        importlib.import_module("ops.artifacts").Nothing  # noqa: B018


def test_a_record_of_version_0_1_is_loaded_in_place(store: Client) -> None:
    from zenml import save_artifact

    frame = pd.DataFrame({"a": [1, 2]})
    saved = save_artifact(frame, name="of_version_0_1", materializer=TableMaterializer)
    sources = [{"module": "ops.artifacts", "attribute": "TableMaterializer", "type": "user"}]
    sources += [{"module": "ops.tables", "attribute": "WrittenTable", "type": "user"}]
    with closing(sqlite3.connect(str(store.zen_store.url).removeprefix("sqlite:///"))) as database:
        database.execute(
            "UPDATE artifact_version SET materializer = ?, data_type = ? WHERE id = ?",
            [*map(json.dumps, sources), saved.id.hex],
        )
        database.commit()
        assert database.total_changes == 1
    record: Any = store.get_artifact_version(saved.id)
    assert record.materializer.import_path == "ops.artifacts.TableMaterializer"
    pd.testing.assert_frame_equal(record.load(), frame)
