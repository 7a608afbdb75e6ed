"""The kubernetes stack: pods as big as the use case says, and their image in the registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from champion import settings
from champion.errors import EngineError
from champion.orchestration.stacks import orchestrator
from champion.workspace.workspace import commit

if TYPE_CHECKING:
    from zenml.client import Client

    from champion.use_case.whole import Resources, UseCase

FLAVOR = "kubernetes"
SETTINGS = f"orchestrator.{FLAVOR}"


def steps_in_pods(client: Client, use_case: UseCase, steps: Sequence[str] | None = None) -> dict[str, dict[str, Any]]:
    """The settings of every step on a Kubernetes stack.

    Parameters
    ----------
    use_case : UseCase
        Its `resources` say how big a pod is; a step that is not named there asks for what `default` says, or for
        nothing.
    steps : sequence of str, optional
        Of the pipeline; those of a training run if left out.

    Returns
    -------
    dict of str to dict
        By step; empty on another stack.
    """
    if orchestrator(client) != FLAVOR:
        return {}
    default = use_case.resources.get("default")
    revision, _ = commit(settings.root())
    return {
        step: {"settings": {SETTINGS: _orchestrator(use_case, use_case.resources.get(step, default), revision)}}
        for step in steps or use_case.steps()
    }


def image_in_registry(client: Client) -> dict[str, Any]:
    """Build the image of a pod, push it to the stack's registry, and name it to ZenML.

    Returns
    -------
    dict
        The settings for the pipeline; empty on another stack.

    Raises
    ------
    EngineError
        When it cannot be built or pushed.
    """
    if orchestrator(client) != FLAVOR:
        return {}
    from docker.errors import DockerException
    from zenml.config import DockerSettings
    from zenml.enums import StackComponentType

    from champion.orchestration import image
    from champion.orchestration.engine import connect, explained

    registry = client.active_stack_model.components[StackComponentType.CONTAINER_REGISTRY][0].configuration["uri"]
    docker = connect()
    name = image.ensure_image(docker, settings.root(), image.say, image.POD_IMAGE)
    there = f"{registry}/{name}"
    try:
        docker.images.get(name).tag(there)
        for line in docker.images.push(there, stream=True, decode=True):
            if "error" in line:
                raise EngineError(
                    f"The registry refuses {there}: {line['error']}. Log in with `docker login {registry.partition('/')[0]}`, "
                    "or correct IMAGE_REGISTRY."
                )
    except DockerException as error:
        raise explained(error) from error
    return {"docker": DockerSettings(parent_image=there, skip_build=True)}


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
