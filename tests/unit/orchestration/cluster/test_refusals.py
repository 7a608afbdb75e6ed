"""What a cluster refused: jobs made for it, as the API of Kubernetes 1.34.4 of one node told of them (recorded.json)."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from champion.orchestration.cluster.api import Seen
from champion.orchestration.cluster.refusals import PATIENCE, Refusal, quantity, refusal

RECORDED: dict[str, Any] = json.loads(Path(__file__).with_name("recorded.json").read_text(encoding="utf-8"))


def found(name: str, seconds: float = 60.0) -> Refusal | None:
    """What is refused so long after a pod, or its job, was made."""
    seen = Seen(**RECORDED[name])
    made = [each["metadata"]["creationTimestamp"] for each in [*seen.pods, *seen.jobs]]
    now = datetime.fromisoformat(min(made)).astimezone(UTC) + timedelta(seconds=seconds)
    return refusal(seen, RECORDED["nodes"], "configs/iris.yaml", now)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("oom", "it ran out of memory; its limit is 64Mi. Set resources.train_forest.memory of configs/iris.yaml higher."),
        ("cores", "it asks for 64 of cpu, and the biggest node has 2. Ask for less in resources.train_forest.cpu of "),
        ("memory", "it asks for 900Gi of memory, and the biggest node has 24478852Ki. Ask for less in "),
        ("image", "cannot be pulled (ErrImagePull: "),
        ("name", "cannot be pulled (InvalidImageName: "),
        ("selector", "no node takes its pod: 0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."),
        ("account", 'serviceaccount "trainer" not found. Make it with `kubectl apply -k deploy/kubernetes/training`'),
        ("deadline", "it took longer than its deadline of 5 s. Give it more with active_deadline_seconds in stacks/"),
        ("strict", 'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false'),
        ("quota", "exceeded quota: few, requested: limits.memory=2Gi"),
        ("range", "maximum memory usage per Container is 512Mi, but limit is 2Gi. Set resources.train_forest of configs/iris"),
    ],
)  # fmt: skip
def test_each_refusal_has_its_step_its_reason_and_its_remedy(name: str, says: str) -> None:
    told = found(name)
    assert told is not None
    assert told.step == "train_forest"
    assert says in told.says


def test_a_child_out_of_memory_is_told_though_the_pod_ends_with_a_code_of_its_own() -> None:
    (pod,) = RECORDED["oomchild"]["pods"]
    ended = pod["status"]["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (7, "OOMKilled")
    told = found("oomchild")
    assert told is not None
    assert told.says.startswith("it ran out of memory")


def test_the_pod_that_runs_the_light_steps_has_the_size_that_is_said_for_all() -> None:
    told = found("own")
    assert told is not None
    assert told.step is None
    assert "Set resources.default.memory of configs/iris.yaml higher." in told.says


@pytest.mark.parametrize("name", ["busy", "fails"])
def test_a_pod_that_waits_for_a_busy_node_and_one_that_fails_by_itself_are_not_refused(name: str) -> None:
    assert found(name, 3600.0) is None


def test_a_pod_that_a_quota_has_no_room_for_now_waits_until_others_end() -> None:
    job = RECORDED["quota"]
    (message,) = {event["message"] for event in job["events"][-1:]}
    assert "requested: limits.memory=2Gi,requests.memory=2Gi, used: limits.memory=0" in message
    busy = message.replace("=2Gi", "=512Mi").replace("used: limits.memory=0", "used: limits.memory=768Mi")
    events = [{**event, "message": busy} for event in job["events"]]
    assert refusal(Seen(job["jobs"], [], events), RECORDED["nodes"], "configs/iris.yaml") is None


def test_what_was_refused_before_the_pod_came_is_no_refusal() -> None:
    (job,) = RECORDED["account"]["jobs"]
    (pod,) = RECORDED["busy"]["pods"]
    came = {**pod, "metadata": {**pod["metadata"], "labels": {"job-name": job["metadata"]["name"]}}}
    assert refusal(Seen([job], [came], RECORDED["account"]["events"]), RECORDED["nodes"], "configs/iris.yaml") is None


@pytest.mark.parametrize("name", ["selector", "image"])
def test_what_may_pass_by_itself_is_waited_for(name: str) -> None:
    assert found(name, PATIENCE - 10) is None


def test_where_nodes_may_not_be_listed_a_pod_too_big_for_them_all_waits() -> None:
    seen = Seen(**RECORDED["cores"])
    assert refusal(seen, [], "configs/iris.yaml") is None


AMOUNTS = [("500m", 0.5), ("2", 2), ("1Gi", 2**30), ("24478852Ki", 24478852 * 1024), ("1e3", 1000), ("many", 0)]


@pytest.mark.parametrize(("text", "value"), AMOUNTS)
def test_amounts_are_read_as_kubernetes_writes_them(text: str, value: float) -> None:
    assert float(quantity(text)) == value
