"""What a cluster refuses, each with its reason in words and its remedy by the key of a file.

A pod's exit code is not what happened to it: `OOMKilled` stands beside exit codes 0, 1, 7 and 137 alike, and one that is evicted
and ends with 0 counts as succeeded (Kubernetes 1.34.4). So the reason is read before the code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from champion.orchestration.cluster.api import Seen, step_of

PATIENCE = 30.0  # seconds after which what may pass by itself is a refusal
_UNITS = {
    "m": "0.001",
    "k": "1e3",
    "M": "1e6",
    "G": "1e9",
    "T": "1e12",
    "Ki": "1024",
    "Mi": "1048576",
    "Gi": "1073741824",
}
_QUANTITY = re.compile(r"([0-9.]+(?:e[0-9]+)?)(m|k|M|G|T|Ki|Mi|Gi)?")
_IMAGE = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")
_CONFIG = ("CreateContainerConfigError", "CreateContainerError", "RunContainerError")


@dataclass(frozen=True)
class Refusal:
    """What was refused: the step (None: the pod that starts the steps), a sentence with its remedy, and whose log tells more."""

    step: str | None
    says: str
    pod: str | None = None


def refusal(seen: Seen, nodes: list[dict[str, Any]], config: str, now: datetime | None = None) -> Refusal | None:
    """The first thing of a run that the cluster refuses, and that will not pass by itself; None where there is none.

    `config` names the file of the use case, for the remedy.
    """
    moment = now or datetime.now(UTC)
    steps = {job["metadata"]["name"]: step_of(job) for job in seen.jobs}
    admitted = {
        (pod["metadata"].get("labels") or {}).get("job-name") for pod in seen.pods
    }  # since, whatever was said before
    for event in seen.events:
        name, message = event["involvedObject"].get("name"), event.get("message", "")
        if name in steps and name not in admitted and event.get("reason") == "FailedCreate" and not _used_up(message):
            return Refusal(steps[name], _of_admission(message, steps[name], config))
    for pod in seen.pods:
        step = steps.get((pod["metadata"].get("labels") or {}).get("job-name", ""))
        found = _of_pod(pod, step, nodes, config, moment)
        if found:
            return Refusal(step, found, pod["metadata"]["name"])
    for job in seen.jobs:
        for condition in job["status"].get("conditions") or []:
            if condition["type"] == "Failed" and condition.get("reason") == "DeadlineExceeded":
                limit = job["spec"].get("activeDeadlineSeconds")
                return Refusal(
                    step_of(job),
                    f"it took longer than its deadline of {limit} s. Give it more with active_deadline_seconds in "
                    "stacks/kubernetes.yaml.",
                )
    return None


def _used_up(message: str) -> bool:
    """Whether a quota refuses a pod that would fit into it alone: the job tries again, as others end."""
    amounts = {
        word: dict(each.partition("=")[::2] for each in listed.rstrip(".").split(","))
        for word, listed in re.findall(r"(requested|limited): ([^ ]+?)(?:, |$)", message)
    }
    requested, limited = amounts.get("requested", {}), amounts.get("limited", {})
    return bool(requested) and all(
        quantity(asked) <= quantity(limited.get(kind, "0")) for kind, asked in requested.items()
    )


def _of_admission(message: str, step: str | None, config: str) -> str:
    """What refuses to make a pod, in the words of the API server."""
    why = message.removeprefix("Error creating: ")
    if "violates PodSecurity" in why:
        remedy = (
            "Relax the namespace's label pod-security.kubernetes.io/enforce, or the setting of the pod that it names."
        )
    elif "exceeded quota" in why or "failed quota" in why:
        remedy = f"Ask for less in {_key(step, config)}, or have the namespace's ResourceQuota raised."
    elif "per Container" in why or "per Pod" in why or "must be less than or equal to" in why:
        remedy = f"Set {_key(step, config)} within the namespace's LimitRange, or have that changed."
    elif "service account" in why or "serviceaccount" in why:
        remedy = (
            "Make it with `kubectl apply -k deploy/kubernetes/training`, or name another in stacks/kubernetes.yaml."
        )
    else:
        remedy = "Ask who runs the cluster what its admission policy wants."
    return f"the cluster does not admit its pod: {why}. {remedy}"


def _of_pod(
    pod: dict[str, Any], step: str | None, nodes: list[dict[str, Any]], config: str, now: datetime
) -> str | None:
    status = pod["status"]
    containers: list[dict[str, Any]] = status.get("containerStatuses") or [{}]
    container = containers[0]
    waiting = (container.get("state") or {}).get("waiting") or {}
    ended = (container.get("state") or {}).get("terminated") or {}
    age = (now - datetime.fromisoformat(pod["metadata"]["creationTimestamp"])).total_seconds()
    if waiting.get("reason") in _IMAGE and (age > PATIENCE or waiting["reason"] != "ErrImagePull"):
        image = pod["spec"]["containers"][0]["image"]
        return (
            f"its image {image} cannot be pulled ({waiting['reason']}: {_short(waiting.get('message', ''))}). The nodes "
            "must reach IMAGE_REGISTRY, and may need a login: name a secret in image_pull_secrets of its"
            " pod_settings in stacks/kubernetes.yaml."
        )
    if waiting.get("reason") in _CONFIG:
        return (
            f"its container cannot be made ({waiting['reason']}: {_short(waiting.get('message', ''))}). Make what it names in "
            "the namespace, or take it out of pod_settings in stacks/kubernetes.yaml."
        )
    if ended.get("reason") == "OOMKilled":
        limit = _limits(pod).get("memory")
        asked = f"its limit is {limit}" if limit else "it has no limit, so its node ran out"
        return f"it ran out of memory; {asked}. Set {_key(step, config, 'memory')} higher."
    for condition in status.get("conditions") or []:
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return _of_scheduling(pod, condition.get("message", ""), step, nodes, config, age)
    return None


def _of_scheduling(
    pod: dict[str, Any], message: str, step: str | None, nodes: list[dict[str, Any]], config: str, age: float
) -> str | None:
    """What no node can take. One that is only busy will have room again: that is no refusal."""
    asked = (pod["spec"]["containers"][0].get("resources") or {}).get("requests") or {}
    for kind in ("cpu", "memory"):
        room = [(quantity(node["status"]["allocatable"][kind]), node["status"]["allocatable"][kind]) for node in nodes]
        if room and kind in asked and quantity(asked[kind]) > max(room)[0]:
            return (
                f"it asks for {asked[kind]} of {kind}, and the biggest node has {max(room)[1]}. Ask for less in "
                f"{_key(step, config, kind)}, or add a bigger node."
            )
    unmatched = "didn't match" in message or "untolerated taint" in message
    if unmatched and "Insufficient" not in message and age > PATIENCE:
        return (
            f"no node takes its pod: {message} Correct node_selectors or tolerations in stacks/kubernetes.yaml, or label a "
            "node."
        )
    return None


def quantity(text: str) -> Decimal:
    """An amount as Kubernetes writes it (`500m`, `2`, `1Gi`), as a number of cores or bytes; 0 where it cannot be read."""
    matched = _QUANTITY.fullmatch(text)
    return Decimal(matched[1]) * Decimal(_UNITS.get(matched[2], "1")) if matched else Decimal(0)


def _limits(pod: dict[str, Any]) -> dict[str, str]:
    limits: dict[str, str] = (pod["spec"]["containers"][0].get("resources") or {}).get("limits") or {}
    return limits


def _key(step: str | None, config: str, kind: str = "") -> str:
    """Where a step's size is said."""
    if step is None:
        return f"resources.default{f'.{kind}' if kind else ''} of {config}"
    return f"resources.{step}{f'.{kind}' if kind else ''} of {config}"


def _short(text: str, most: int = 200) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[:most]} ..."
