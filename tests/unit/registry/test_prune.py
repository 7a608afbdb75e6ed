"""What the store is freed of, and what stays."""

import dataclasses
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from zenml import save_artifact
from zenml.utils.pagination_utils import depaginate

from champion.orchestration import leftovers, metadata
from champion.orchestration.materializers.files import FileMaterializer, StoredFile
from champion.orchestration.store import at_work, database_of
from champion.registry import versions
from champion.registry.prune import Pruned, prune
from champion.registry.reconcile import reconcile
from champion.registry.rollback import roll_back
from pipelines import table_check
from tests.conftest import Session, tree
from tests.support.packages import package


def known(done: Pruned) -> Pruned:
    """Without what other tests of this store may have left behind."""
    return dataclasses.replace(done, metadata=0)


def rows(session: Session, table: str) -> int:
    with closing(sqlite3.connect(database_of(session.client))) as database:
        return int(database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def logs(session: Session) -> set[Path]:
    return set(Path(session.client.active_stack.artifact_store.path, "logs").glob("*.log"))


def test_what_nobody_needs_goes_and_the_next_run_is_cached_as_before(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "LONGEST", 100)  # what is longer lies in artifacts
    client, place = session.client, session.workspace(tree(2))
    assert prune(client, place, really=True).runs == 0
    former = (session.root / "data/iris.csv").read_bytes()
    session.write(former + b"5.0,3.0,1.5,0.3,setosa\n")
    session.train(tree(1))
    session.write(former)
    for depth in (1, 0, 2, 2):
        session.train(tree(depth))
    stages = session.stages()

    said = prune(client, place, really=False)
    assert (said.runs, said.artifacts > 10, said.bytes > 10_000) == (2, True, True)
    assert (said.snapshots, said.logs > 10, said.metadata > 10) == (2, True, True)
    assert known(prune(client, place, really=False)) == known(said), "saying removes nothing"
    there = {table: rows(session, table) for table in ("pipeline_snapshot", "step_configuration", "run_metadata")}
    files, size = logs(session), database_of(client).stat().st_size
    done = prune(client, place, really=True)
    assert known(done) == known(said)
    assert rows(session, "pipeline_snapshot") == there["pipeline_snapshot"] - 2
    assert rows(session, "step_configuration") == there["step_configuration"] - 10
    assert rows(session, "run_metadata") == there["run_metadata"] - done.metadata
    assert len(files - logs(session)) == len(files) - len(logs(session)) == done.logs
    assert done.freed == size - database_of(client).stat().st_size > 0
    again = prune(client, place, really=True)
    assert (again.runs, again.artifacts, again.snapshots, again.logs, again.bytes) == (0, 0, 0, 0, 0)
    assert "3 runs stay, the newest successful one" in again.stays[0]
    store = Path(client.active_stack.artifact_store.path)
    assert [path for path in store.rglob("*") if path.is_dir() and not any(path.iterdir())] == []
    tables = depaginate(client.list_artifact_versions, artifact=f"{session.name}_table")
    assert [table.version for table in tables] == [session.manifest()["data_version"]]

    monkeypatch.setattr(table_check, "read_table", lambda *_: pytest.fail("the table was read again"))
    assert session.stages() == stages
    assert reconcile(client, place).notes == ()
    assert session.train(tree(2))[1] == {"promote", "report"}
    assert roll_back(client, place, 1).champion == 1
    assert session.manifest()["model_version"] == 1
    again, _ = session.train(tree(2))
    assert again.decision.reason_code == "withdrawn"


def test_another_use_case_keeps_what_is_its_own_and_what_cannot_go_now_is_told_and_no_error(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = type(session)(session.root, session.client)
    for each in (session, other, session, other):
        each.train(tree(2), cache=each is other)
    client, place = session.client, session.workspace(tree(2))
    with at_work(client):
        said = prune(client, place, really=True)
    assert (said.runs, said.snapshots, said.logs > 5, said.metadata, said.freed) == (1, 1, True, 0, 0)
    assert "Another process runs a pipeline" in said.stays[-2]
    assert other.train(tree(2))[1] == {"promote", "report"}

    assert prune(client, place, really=False).metadata == 0, "its owner may be about to be written"
    monkeypatch.setattr(leftovers, "_OWNERLESS", timedelta(0))
    done = prune(client, place, really=True)
    assert (done.metadata > 0, done.freed > 0) == (True, True), "the next call does it"


def test_of_a_hundred_versions_each_stays_with_what_it_needs_and_the_rest_goes(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "LONGEST", 2000)  # the record of one lies in an artifact
    client, place = session.client, session.workspace(tree(2))
    made = {}
    for number in range(1, 101):
        one = package(number, use_case=session.name, data_path="d" * (2000 if number == 50 else 20))
        made[number] = versions.create(client, session.name, versions.record_of(one.manifest))
        if number % 20 == 0:
            versions.save_package(client, made[number], one, b"answers")
            versions.set_champion(client, made[number], one.manifest.champion_state)
    for number in range(20):
        save_artifact(
            StoredFile(session.root / "data/iris.csv"),
            f"{session.name}_table",
            version=f"v{number}",
            materializer=FileMaterializer,
        )
    before = versions.version_history(client, session.name)
    done = prune(client, place, really=True)
    assert (done.runs, done.artifacts, done.freed > 0) == (0, 20, True)
    assert "100 model versions stay, each with its record, and where it was champion with its package" in " ".join(
        done.stays
    )
    assert done.stays[-1].startswith("The database has ")
    assert versions.version_history(client, session.name) == before
    assert before.champion_number == 100
    for version in before.versions[19::20]:
        assert versions.load_package(client, version).manifest.model_version == version.number
        assert versions.kept_answers(client, version) is not None
    assert prune(client, place, really=True).artifacts == 0
