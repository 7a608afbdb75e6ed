"""The table in the store: registered once per data version, checked once per use case."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from champion.datastore import index
from champion.errors import ConfigurationError, DataError, ProjectError
from pipelines import table_check as room
from pipelines.dataset import register
from tests.conftest import Session, tree


def test_a_table_is_read_once_per_version_and_use_case(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    reads = []
    read = room.read_table
    monkeypatch.setattr(room, "read_table", lambda *arguments: reads.append(1) or read(*arguments))
    first = register(session.client, session.workspace(tree(1)), None)
    assert (first.version, first.rows) == (index.data_version(session.root / "data/iris.csv"), 150)
    assert register(session.client, session.workspace(tree(1)), None) == first
    assert len(reads) == 1
    other = register(session.client, session.workspace(tree(2)), None)
    assert (other.artifact.id, len(reads)) == (first.artifact.id, 2), "checked for another use case, not kept twice"

    session.write((session.root / "data/iris.csv").read_bytes() + b"5.0,3.0,1.5,0.3,setosa\n")
    grown = register(session.client, session.workspace(tree(1)), None)
    assert (grown.rows, len(reads)) == (151, 3)
    assert grown.artifact.id != first.artifact.id


def test_a_table_that_is_gone_from_the_store_is_written_again(session: Session) -> None:
    first = register(session.client, session.workspace(tree(1)), None)
    shutil.rmtree(Path(first.artifact.uri))
    again = register(session.client, session.workspace(tree(1)), None)
    assert again.artifact.id == first.artifact.id, "what was made of it stays in the cache"
    assert len(again.artifact.load()) == 150


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"data": {"path": "data/none.csv"}}, DataError, "does not exist"),
        ({"data": {"target": "specis"}}, ProjectError, "species"),
        ({"candidates": {"a": {"estimator": "sklearn.tree.Nothing"}}}, ConfigurationError, "Nothing"),
    ],
)
def test_what_a_run_could_not_use_is_refused_before_it_starts(
    session: Session, changes: dict[str, Any], error: type[ProjectError], said: str
) -> None:
    with pytest.raises(error, match=said):
        register(session.client, session.workspace(tree(1, **changes)), None)
