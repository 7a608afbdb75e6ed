"""What the cluster refuses is told with its remedy, ends the run, and leaves no pod."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from devtools.demo.traffic import wait_until
from tests.cluster.conftest import PATIENCE, Team, training_of
from tests.conftest import quick
from tests.support.cluster import Namespace
from tests.support.door import Door

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


@contextlib.contextmanager
def orchestrator_with(team: Team, **configuration: Any) -> Iterator[None]:
    """Have stacks/kubernetes.yaml say more of its orchestrator."""
    file = team.checkout.root / "stacks/kubernetes.yaml"
    before = file.read_text(encoding="utf-8")
    stack = yaml.safe_load(before)
    stack["components"]["orchestrator"]["configuration"] |= configuration
    file.write_text(yaml.safe_dump(stack), encoding="utf-8")
    try:
        yield
    finally:
        file.write_text(before, encoding="utf-8")


HOST_FOLDER = {
    "volumes": [{"name": "host", "hostPath": {"path": "/tmp"}}],
    "volume_mounts": [{"name": "host", "mountPath": "/host"}],
}


@pytest.mark.long
@pytest.mark.parametrize(
    ("configuration", "says", "remedy"),
    [
        (
            {"pod_settings": {"node_selectors": {"champion-tests": "no-node-has-this"}}},
            "no node takes its pod",
            "Correct node_selectors or tolerations in stacks/kubernetes.yaml, or label a node",
        ),
        (
            {"pod_settings": HOST_FOLDER},
            "violates PodSecurity",
            "Relax the namespace's label pod-security.kubernetes.io/enforce, or the setting of the pod that it names",
        ),
        (
            {"service_account_name": "nobody"},
            "the cluster does not admit its pod",
            "Make it with `kubectl apply -k deploy/kubernetes/training`, or name another in stacks/kubernetes.yaml",
        ),
        (
            {"active_deadline_seconds": 12},
            "it took longer than its deadline of 12 s",
            "Give it more with active_deadline_seconds in stacks/kubernetes.yaml",
        ),
    ],
    ids=["no node matches", "pod security", "no such account", "deadline"],
)
def test_what_the_stacks_file_asks_for_and_the_cluster_refuses(
    configuration: dict[str, Any], says: str, remedy: str, followed: str, team: Team, training: Namespace
) -> None:
    with orchestrator_with(team, **configuration):
        said = refused(team, cpu=0.1, memory="1Gi")
    assert says in said
    assert remedy in said
    assert training.alive() == []


@pytest.mark.long
def test_a_step_that_asks_for_more_than_the_namespaces_quota(
    followed: str, team: Team, training: Namespace, limits: None
) -> None:
    said = refused(team, cpu=9, memory="1Gi")
    assert "exceeded quota" in said
    assert (
        f"Ask for less in resources.{STEP} of configs/refused.yaml, or have the namespace's ResourceQuota raised"
        in said
    )
    assert training.alive() == []


@pytest.mark.long
def test_an_image_that_the_nodes_cannot_pull(followed: str, team: Team, training: Namespace) -> None:
    """The registry is reached by another address, which is gone once the image is pushed."""
    address = team.checkout.env["IMAGE_REGISTRY"]
    with Door("127.0.0.1", f"http://{address}") as door:
        team.checkout.env["IMAGE_REGISTRY"] = door.url.removeprefix("http://")
        try:
            with training_of(team, quick("refused")) as run:
                run.until(r"the image \S+ is (pushed|in the registry)")
                with door.shut():
                    assert run.ended() == 1
        finally:
            team.checkout.env["IMAGE_REGISTRY"] = address
    said = " ".join(run.said.split())
    assert "cannot be pulled" in said
    assert "The nodes must reach IMAGE_REGISTRY" in said
    assert training.alive() == []


@pytest.mark.long
def test_a_step_that_fails_by_itself_has_its_own_words(followed: str, team: Team, training: Namespace) -> None:
    params = {"monotonic_cst": [1, 1, 1, 1]}  # which trees refuse for three classes, when they are trained
    wrong = {"tree": {"estimator": "sklearn.tree.DecisionTreeClassifier", "params": params}}
    with training_of(team, quick("refused", candidates=wrong)) as run:
        assert run.ended() == 1
    assert f"the step {STEP} did not get through: it failed: " in " ".join(run.said.split())
    assert "Traceback" not in run.said
    wait_until(lambda: training.alive() == [], PATIENCE, "a pod went on")
