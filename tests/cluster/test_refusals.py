"""What the cluster refuses is told with its remedy, ends the run, and leaves no pod."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.cluster.conftest import Team
from tests.conftest import quick
from tests.support.cluster import Namespace

STEP = "train_tree"


def refused(team: Team, **resources: Any) -> str:
    """What a run says that asks for this much for its training, and ends with exit code 1."""
    config = team.checkout.write_use_case(quick("refused", resources={STEP: resources}))
    done = team.checkout.command(
        "python", "run.py", "train", "--stack", "kubernetes", "--config", config, warm=False, expect=1
    )
    assert "Traceback" not in done.stderr, done.stderr
    return " ".join(done.stderr.split())


@pytest.fixture
def limits(team: Team) -> Iterator[None]:
    """The quota and the limit range that deploy/kubernetes/training has as an example."""
    folder = str(team.checkout.root / "deploy/kubernetes/training/limits")
    team.namespace.kubectl("apply", "--kustomize", folder)
    yield
    team.namespace.kubectl("delete", "--kustomize", folder)


def test_a_step_that_needs_more_memory_than_it_asks_for(followed: str, team: Team, training: Namespace) -> None:
    said = refused(team, cpu=0.1, memory="64Mi")
    assert f"the step {STEP} did not get through: it ran out of memory; its limit is 64Mi" in said
    assert f"Set resources.{STEP}.memory of configs/refused.yaml higher" in said
    assert training.alive() == []


def test_a_step_that_asks_for_more_than_the_biggest_node_has(followed: str, team: Team, training: Namespace) -> None:
    said = refused(team, cpu=6400, memory="1Gi")
    assert re.search(
        rf"the step {STEP} did not get through: it asks for 6400 of cpu, and the biggest node has \d+", said
    )
    assert f"Ask for less in resources.{STEP}.cpu of configs/refused.yaml, or add a bigger node" in said
    assert training.alive() == []


def test_a_step_that_the_namespaces_limit_range_does_not_admit(
    followed: str, team: Team, training: Namespace, limits: None
) -> None:
    said = refused(team, cpu=0.1, memory="33Gi")
    assert f"the step {STEP} did not get through: the cluster does not admit its pod" in said
    assert "maximum memory usage per Container is 32Gi" in said
    assert f"Set resources.{STEP} of configs/refused.yaml within the namespace's LimitRange" in said
    assert training.alive() == []
