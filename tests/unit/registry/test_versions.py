"""The champion in the Model Control Plane: numbers, records, and what a crash leaves."""

from typing import Any

import pytest

from champion.bundle.manifest import ChampionState
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


def champion_state(revision: int, highest_version: int) -> ChampionState:
    numbers = {"revision": revision, "highest_version": highest_version}
    return ChampionState(**numbers, since="2026-01-31T12:00:00+00:00", event="promotion", reason="for a test")


def test_the_title_passes_and_the_former_champion_is_archived(session: Session) -> None:
    client, name = session.client, session.name
    one, two = (room.create(client, name, record(number, str(number))) for number in (1, 2))
    room.set_champion(client, one, champion_state(1, 2))
    room.set_champion(client, two, champion_state(2, 2))
    assert session.stages() == {1: "archived", 2: "production"}
    room.set_champion(client, one, champion_state(3, 9))
    line = room.version_history(client, name)
    assert session.stages() == {1: "production", 2: "archived"}
    assert line.champion is not None
    assert line.champion.champion_state == champion_state(3, 9)
    assert line.highest_version == 9, "a number that was given elsewhere is not given again"
    assert [version.number for version in line.made_by("2")] == [2]


def test_a_version_that_a_crash_left_without_a_record_is_passed_over_and_used_again(session: Session) -> None:
    client, name = session.client, session.name
    client.create_model(name=name)
    orphan = client.create_model_version(name, name="v1")
    assert room.version_history(client, name).versions == ()
    assert room.create(client, name, record(1)) == orphan.id
    assert room.create(client, name, record(1, "g")) != orphan.id, "an imported one may bear the same number"
    assert [version.number for version in room.version_history(client, name).versions] == [1, 1]


def test_a_record_is_replaced_and_not_merged_and_without_having_been_in_production_has_no_package(
    session: Session,
) -> None:
    client, name = session.client, session.name
    empty = room.version_history(client, name)
    assert (empty.versions, empty.champion, empty.highest_version) == ((), None, 0)
    later = record(1, metrics={"f1_macro": 0.6}, replaced=7)
    room.log(room.create(client, name, record(1, metrics={"accuracy": 0.5})), record=later)
    (version,) = room.version_history(client, name).versions
    assert version.record == later
    with pytest.raises(StoreError, match="was never in production"):
        room.load_package(client, version)
