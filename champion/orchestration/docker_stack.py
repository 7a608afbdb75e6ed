"""The docker stack: ZenML's local_docker orchestrator, with this project's image and its way to run a container."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from champion import settings
from champion.orchestration import image
from champion.orchestration import kubernetes_stack as pods
from champion.orchestration.containers import Containers, handed_on
from champion.orchestration.engine import connect
from champion.orchestration.stacks import orchestrator
from champion.orchestration.store import is_local

if TYPE_CHECKING:
    from zenml.client import Client

FLAVOR = "local_docker"


@contextlib.contextmanager
def steps_in_containers(client: Client) -> Iterator[dict[str, Any]]:
    """Have the steps of a run start in containers where the active stack asks for it.

    Yields
    ------
    dict
        The settings for the pipeline; empty on a stack without containers.

    Raises
    ------
    EngineError
        When there is no engine, or the image cannot be built.
    """
    if orchestrator(client) != FLAVOR:
        yield {}
        return
    from zenml.orchestrators.local_docker.local_docker_orchestrator import LocalDockerOrchestrator

    docker = connect()
    name = image.ensure_image(docker, settings.root(), image.say)
    containers = Containers(docker, _shared_environment(client))
    answer = property(lambda _: _Client(containers))
    with (
        _ended_by_signals(containers),
        _replaced(LocalDockerOrchestrator, "docker_client", answer),
        _replaced(LocalDockerOrchestrator, "submit_pipeline", _counting(containers)),
    ):
        try:
            containers.get_ready(name, _usual_options())
            yield {"docker": _image_has_the_code(name)}
        finally:
            containers.clear()


@contextlib.contextmanager
def _replaced(owner: type, name: str, value: object) -> Iterator[None]:
    former = owner.__dict__[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, former)


def _image_has_the_code(name: str) -> Any:
    from zenml.config import DockerSettings

    return DockerSettings(
        parent_image=name,
        skip_build=True,
        allow_download_from_artifact_store=False,
        allow_download_from_code_repository=False,
    )


def _counting(containers: Containers) -> Callable[..., Any]:
    """The orchestrator's own method, after it told how many steps there are to run."""
    from zenml.orchestrators.local_docker.local_docker_orchestrator import LocalDockerOrchestrator

    submit = LocalDockerOrchestrator.submit_pipeline

    def counted(self: Any, snapshot: Any, *arguments: Any, **more: Any) -> Any:
        containers.left = len(snapshot.step_configurations)
        return submit(self, snapshot, *arguments, **more)

    return counted


def _shared_environment(client: Client) -> dict[str, str] | None:
    """What every step of this store gets; None where a run has a token of its own, as on a server."""
    if not is_local(client):
        return None
    from zenml.config.global_config import GlobalConfiguration

    found = GlobalConfiguration()
    stores = {"ZENML_LOCAL_STORES_PATH": found.local_stores_path}
    return {**handed_on(), **found.get_config_environment_vars(), **stores}


def _usual_options() -> dict[str, Any]:
    """What the orchestrator asks for where no step has settings of its own."""
    from zenml.config.global_config import GlobalConfiguration

    stores = GlobalConfiguration().local_stores_path
    return {
        "user": os.getuid(),
        "volumes": {stores: {"bind": stores, "mode": "rw"}},
        "extra_hosts": {"host.docker.internal": "host-gateway"},
    }


def image_libraries(client: Client) -> dict[str, str]:
    """The library versions that the steps will run with, where that is an image; else nothing."""
    return image.libraries(settings.root()) if orchestrator(client) in (FLAVOR, pods.FLAVOR) else {}


@contextlib.contextmanager
def _ended_by_signals(containers: Containers) -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does, so that it takes its containers along, and let neither be lost.

    An interrupt that comes while a library calls back is swallowed there; the next step will know of it.
    """

    def interrupt(*_: object) -> None:
        containers.interrupted = True
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = [number for number in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Client:
    """As much of docker-py's client as the orchestrator uses."""

    def __init__(self, containers: Containers) -> None:
        self.containers = containers
