"""What the store is freed of, and what stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenml.utils.pagination_utils import depaginate

from champion.registry.prune import prune
from champion.registry.reconcile import reconcile
from champion.registry.rollback import roll_back

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Workshop

    Tree = Callable[..., dict[str, Any]]


def test_what_nobody_needs_goes_and_the_next_run_is_cached_as_before(workshop: Workshop, tree: Tree) -> None:
    client, place = workshop.client, workshop.place(tree(2))
    assert prune(client, place, really=True).runs == 0
    former = (workshop.root / "data/iris.csv").read_bytes()
    workshop.write(former + b"5.0,3.0,1.5,0.3,setosa\n")
    workshop.train(tree(1))
    workshop.write(former)
    for depth in (1, 0, 2, 2):
        workshop.train(tree(depth))
    stages = workshop.stages()

    said = prune(client, place, really=False)
    assert (said.runs, said.artifacts > 10, said.bytes > 10_000) == (2, True, True)
    assert prune(client, place, really=False) == said, "saying removes nothing"
    assert prune(client, place, really=True) == said
    again = prune(client, place, really=True)
    assert (again.runs, again.artifacts, again.bytes) == (0, 0, 0)
    tables = depaginate(client.list_artifact_versions, artifact=f"{workshop.name}_table")
    assert [table.version for table in tables] == [workshop.manifest()["data_version"]]

    assert workshop.stages() == stages
    assert reconcile(client, place).done is None
    assert workshop.train(tree(2))[1] == {"promote", "report"}
    assert roll_back(client, place, 1).champion == 1
    assert workshop.manifest()["model_version"] == 1
    again, _ = workshop.train(tree(2))
    assert again.decision.reason_code == "withdrawn"


def test_another_use_case_keeps_what_is_its_own(workshop: Workshop, tree: Tree) -> None:
    other = type(workshop)(workshop.root, workshop.client)
    for each in (workshop, other, workshop, other):
        each.train(tree(2), cache=each is other)
    assert prune(workshop.client, workshop.place(tree(2)), really=True).runs == 1
    assert other.train(tree(2))[1] == {"promote", "report"}
