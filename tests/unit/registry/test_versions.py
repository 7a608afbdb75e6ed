"""The champion in the Model Control Plane: numbers, records, and what a crash leaves."""

from typing import Any

import pytest

from champion.errors import StoreError
from champion.modeling.split import SplitRule
from champion.registry import versions as room
from champion.registry.versions import Record
from tests.conftest import Session


def record(number: int, fingerprint: str = "f", **changes: Any) -> Record:
    facts: dict[str, Any] = {
        "number": number, "fingerprint": fingerprint, "data_version": "d", "data_path": "data/d.csv", "commit": None,
        "created": room.now(), "split": SplitRule(by="hash", share=0.2, salt="", columns=("x",)),
        "metrics": {"accuracy": 0.5}, "ground": "first", "reason": "for a test", "metric": "accuracy",
        "challenger_score": 0.5, "champion_score": None, "judged_against": None, "model": "m",
    }  # fmt: skip
    return Record(**{**facts, **changes})


def test_a_version_that_a_crash_left_without_a_record_is_used_again_and_a_record_is_replaced_and_not_merged(
    session: Session,
) -> None:
    client, name = session.client, session.name
    empty = room.version_history(client, name)
    assert (empty.versions, empty.champion, empty.highest_version) == ((), None, 0)
    client.create_model(name=name)
    orphan = client.create_model_version(name, name="v1")
    assert room.version_history(client, name).versions == ()
    assert room.create(client, name, record(1, metrics={"accuracy": 0.5})) == orphan.id
    later = record(1, metrics={"f1_macro": 0.6}, replaced=7)
    room.log(orphan.id, record=later)
    (version,) = room.version_history(client, name).versions
    assert version.record == later
    with pytest.raises(StoreError, match="was never in production"):
        room.load_package(client, version)
