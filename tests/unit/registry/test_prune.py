"""What the store is freed of, and what stays."""

import pytest
from zenml.utils.pagination_utils import depaginate

from champion.orchestration import metadata
from champion.registry.prune import prune
from champion.registry.reconcile import reconcile
from champion.registry.rollback import roll_back
from pipelines import table_check
from tests.conftest import Session, tree


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
    assert prune(client, place, really=False) == said, "saying removes nothing"
    assert prune(client, place, really=True) == said
    again = prune(client, place, really=True)
    assert (again.runs, again.artifacts, again.bytes) == (0, 0, 0)
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


def test_another_use_case_keeps_what_is_its_own(session: Session) -> None:
    other = type(session)(session.root, session.client)
    for each in (session, other, session, other):
        each.train(tree(2), cache=each is other)
    assert prune(session.client, session.workspace(tree(2)), really=True).runs == 1
    assert other.train(tree(2))[1] == {"promote", "report"}
