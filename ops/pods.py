"""What the steps of a run ask a Kubernetes cluster for: pods as big as the use case says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ops import settings
from ops.workspace import commit

if TYPE_CHECKING:
    from zenml.client import Client

    from ml.use_case import Resources, UseCase

FLAVOR = "kubernetes"
SETTINGS = f"orchestrator.{FLAVOR}"


def steps_in_pods(client: Client, use_case: UseCase) -> dict[str, dict[str, Any]]:
    """The settings of every step on a Kubernetes stack.

    Parameters
    ----------
    client : Client
        Of the store.
    use_case : UseCase
        Its `resources` say how big a pod is; a step that is not named there asks for what `default` says, or for
        nothing.

    Returns
    -------
    dict of str to dict
        By step; empty on another stack.
    """
    if _flavor(client) != FLAVOR:
        return {}
    default = use_case.resources.get("default")
    revision, _ = commit(settings.root())
    return {
        step: {"settings": {SETTINGS: _orchestrator(use_case, use_case.resources.get(step, default), revision)}}
        for step in use_case.steps()
    }


def _orchestrator(use_case: UseCase, wanted: Resources | None, revision: str | None) -> dict[str, Any]:
    labels = {"app.kubernetes.io/part-of": settings.PROJECT, f"{settings.PROJECT}/use-case": use_case.name}
    if revision:
        labels[f"{settings.PROJECT}/commit"] = revision
    pod: dict[str, Any] = {"labels": labels}
    if wanted is not None:
        # memory is not compressible: what a step asks for is also the most it gets, or its neighbours would pay
        pod["resources"] = {
            "requests": {"cpu": f"{wanted.cpu:g}", "memory": wanted.memory},
            "limits": {"memory": wanted.memory},
        }
    return {"pod_settings": pod}


def _flavor(client: Client) -> str:
    from zenml.enums import StackComponentType

    return str(client.active_stack_model.components[StackComponentType.ORCHESTRATOR][0].flavor_name)
