"""The image of a pod on its way to a registry; the registry is the one part that is not here."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from champion.errors import EngineError
from champion.orchestration.docker.image import StepImage
from champion.orchestration.stack_support.kubernetes import Kubernetes, image_in_registry

if TYPE_CHECKING:
    from docker import DockerClient


def test_a_registry_that_refuses_is_named_with_its_remedy(
    engine: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zenml.enums import StackComponentType

    def ready(*_: Any) -> str:
        engine.images.get("python:3.13-slim-bookworm").tag("champion-pod", "test")
        return "champion-pod:test"

    monkeypatch.setattr(StepImage, "ensure", ready)
    registry = SimpleNamespace(flavor_name="default", configuration={"uri": "127.0.0.1:1/team"})
    cluster = SimpleNamespace(flavor_name="kubernetes")
    parts = {StackComponentType.ORCHESTRATOR: [cluster], StackComponentType.CONTAINER_REGISTRY: [registry]}
    client: Any = SimpleNamespace(active_stack_model=SimpleNamespace(components=parts))
    try:
        with pytest.raises(
            EngineError, match=r"refuses 127\.0\.0\.1:1/team/champion-pod:test.*docker login 127\.0\.0\.1:1"
        ):
            image_in_registry(client, Kubernetes.image)
    finally:
        for name in ("champion-pod:test", "127.0.0.1:1/team/champion-pod:test"):
            engine.images.remove(name)
