"""The champion in the Model Control Plane: numbers, records, and what a crash leaves."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from champion.bundle.manifest import ChampionState
from champion.errors import StoreError
from champion.modeling.split import SplitRule
from champion.orchestration import artifact_files, metadata
from champion.registry import versions as room
from champion.registry.prune import prune
from champion.registry.versions import Record, Version, VersionHistory
from tests.conftest import Session, tree


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
    room.log(client, orphan.id, record=later)
    (version,) = room.version_history(client, name).versions
    assert version.record == later
    with pytest.raises(StoreError, match="was never in production"):
        room.load_package(client, version)


def test_what_is_long_lies_in_an_artifact_and_one_that_cannot_be_read_is_no_missing_record(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ZenML 0.98 drops a metadata value of more than 65,535 characters of JSON, with a line in its log (surprise)."""
    client, name = session.client, session.name
    columns = tuple(
        f"{number}. How content are you with what is done about {number} in your town?" for number in range(1500)
    )
    long = record(1, split=SplitRule(by="hash", share=0.2, salt="", columns=columns))
    assert len(long.model_dump_json()) > 65_535
    created = room.create(client, name, long)
    room.set_champion(client, created, champion_state(1, 1))
    metadata._from_artifact.cache_clear()
    champion = room.version_history(client, name).champion
    assert champion is not None
    assert champion.record == long
    metadata._from_artifact.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(artifact_files, "load", lambda *_: Path("/of an artifact store").read_text())
        with pytest.raises(StoreError, match=r"cannot be read from the store \(FileNotFoundError"):
            room.version_history(client, name)
    assert room.version_history(client, name).champion == champion, "a failure is not remembered"
    assert prune(client, session.workspace(tree(1)), really=True).artifacts == 0, "what holds it is needed"


def test_what_the_store_does_not_keep_is_told_before_anything_is_announced(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, name = session.client, session.name
    created = room.create(client, name, record(1))
    for target, does_nothing, message in [
        ("zenml.log_metadata", lambda **_: None, r"did not keep title of .*v1"),
        (
            "zenml.models.ModelVersionResponse.set_stage",
            lambda *_, **__: None,
            r"v1 did not become the champion.* is none",
        ),
    ]:
        with monkeypatch.context() as patch:
            patch.setattr(target, does_nothing)
            with pytest.raises(StoreError, match=message):
                room.set_champion(client, created, champion_state(1, 1))
    assert session.stages() == {1: "none"}


def test_the_later_value_counts_whatever_the_clock_says(session: Session) -> None:
    """ZenML 0.98 takes of several entries of one key the one with the latest time of creation (surprise)."""
    client, name = session.client, session.name
    one, two = (room.create(client, name, record(number, str(number))) for number in (1, 2))
    room.set_champion(client, one, champion_state(1, 2))
    room.set_champion(client, two, champion_state(2, 2))
    database = sqlite3.connect(str(client.zen_store.url).removeprefix("sqlite:///"))
    with contextlib.closing(database), database:
        database.execute("UPDATE run_metadata SET created = datetime(created, '+1 hour')")
    room.set_champion(client, one, champion_state(3, 2))
    champion = room.version_history(client, name).champion
    assert champion is not None
    assert (champion.number, champion.champion_state) == (1, champion_state(3, 2))


def test_of_two_versions_of_one_number_and_file_the_fingerprint_tells_else_the_one_that_was_champion_last() -> None:
    """A refit may write the bytes of the model that it renews."""
    renewed, refitted = (
        Version(UUID(int=at), "archived", record(2, name, model="m"), champion_state(at, 2), f"package {at}")
        for at, name in ((1, "renewed"), (2, "refitted"))
    )
    history = VersionHistory((renewed, refitted))
    assert history.packaged(2, "m", "renewed") is renewed
    assert history.packaged(2, "m") is history.packaged(2, None) is history.number(2) is refitted
    assert history.packaged(2, "another") is None
