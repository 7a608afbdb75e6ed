"""The kubernetes stack: pods as big as the use case says, and their image in the registry."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from champion import settings
from champion.errors import EngineError
from champion.orchestration.docker.engine import connect, errors_explained
from champion.orchestration.docker.image import StepImage
from champion.orchestration.stack_support import StackSupport
from champion.workspace.git import commit

if TYPE_CHECKING:
    from zenml.client import Client

    from champion.use_case.whole import UseCase


class Kubernetes(StackSupport):
    """Steps as jobs of a cluster."""

    image = StepImage(f"{settings.PROJECT}-pod", "pod")

    @contextlib.contextmanager
    def pipeline_settings(self, client: Client) -> Iterator[dict[str, Any]]:
        """Build the image of a pod, push it to the stack's registry, and name it to ZenML."""
        from zenml.config import DockerSettings

        yield {"docker": DockerSettings(parent_image=image_in_registry(client, self.image), skip_build=True)}

    def step_settings(self, use_case: UseCase, steps: Sequence[str]) -> dict[str, dict[str, Any]]:
        """How big each pod is: what `resources` say of the step, else what `default` says, else nothing."""
        revision, _ = commit(settings.root())
        labels = {"app.kubernetes.io/part-of": settings.PROJECT, f"{settings.PROJECT}/use-case": use_case.name}
        if revision:
            labels[f"{settings.PROJECT}/commit"] = revision
        by_step = {}
        for step in steps:
            pod: dict[str, Any] = {"labels": labels}
            if wanted := use_case.resources.get(step, use_case.resources.get("default")):
                # memory is not compressible: what a step asks for is also the most it gets, or its neighbours would pay
                requests = {"cpu": f"{wanted.cpu:g}", "memory": wanted.memory}
                pod["resources"] = {"requests": requests, "limits": {"memory": wanted.memory}}
            by_step[step] = {"settings": {"orchestrator.kubernetes": {"pod_settings": pod}}}
        return by_step


SUPPORT = Kubernetes()


def image_in_registry(client: Client, image: StepImage) -> str:
    """The name of a pod's image in the stack's registry, built and pushed; an `EngineError` when that fails."""
    from zenml.enums import StackComponentType

    registry = client.active_stack_model.components[StackComponentType.CONTAINER_REGISTRY][0].configuration["uri"]
    docker = connect()
    name = image.ensure(docker)
    remote_name = f"{registry}/{name}"
    with errors_explained():
        docker.images.get(name).tag(remote_name)
        for line in docker.images.push(remote_name, stream=True, decode=True):
            if "error" in line:
                raise EngineError(
                    f"The registry refuses {remote_name}: {line['error']}. "
                    f"Log in with `docker login {registry.partition('/')[0]}`, or correct IMAGE_REGISTRY."
                )
    return remote_name
