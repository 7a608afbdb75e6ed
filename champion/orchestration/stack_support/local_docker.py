"""The docker stack: ZenML's local_docker orchestrator, with this project's image and its way to run a container."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from champion import settings
from champion.orchestration import patches
from champion.orchestration.docker import image
from champion.orchestration.docker.containers import Containers, handed_on
from champion.orchestration.docker.engine import connect
from champion.orchestration.store import is_local
from champion.patching import applied

if TYPE_CHECKING:
    from pathlib import Path

    from zenml.client import Client

    from champion.use_case.whole import UseCase


@contextlib.contextmanager
def pipeline_settings(client: Client) -> Iterator[dict[str, Any]]:
    """Build the image where it is new, and have the steps of the run start in containers of `Containers`.

    Where ZenML's inside is not as it was (see `patches.CONTAINERS`), ZenML starts the containers, one after the other.

    Raises
    ------
    EngineError
        When there is no engine, or the image cannot be built.
    """
    from zenml.config import DockerSettings

    docker = connect()
    name = image.ensure_image(docker, settings.root(), image.say)
    containers = Containers(docker, _shared_environment(client))
    the_code_is_inside = {
        "docker": DockerSettings(
            parent_image=name,
            skip_build=True,
            allow_download_from_artifact_store=False,
            allow_download_from_code_repository=False,
        )
    }
    with _ended_by_signals(containers), applied(patches.CONTAINERS, containers) as are_ours:
        if not are_ours:
            yield {**the_code_is_inside, "orchestrator.local_docker": {"run_args": {"remove": True}}}
            return
        try:
            containers.get_ready(name, _usual_options())
            yield the_code_is_inside
        finally:
            containers.clear()


def step_settings(_: UseCase, __: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Nothing: a step may take what the machine has."""
    return {}


def libraries() -> dict[str, str]:
    """Those of the image."""
    return image.libraries(settings.root())


def check(root: Path) -> str:
    """The engine, and whether the image is built."""
    return image.described(connect(), root)


def _shared_environment(client: Client) -> dict[str, str] | None:
    """What every step of this store gets; None where a run has a token of its own, as on a server."""
    if not is_local(client):
        return None
    from zenml.config.global_config import GlobalConfiguration

    configuration = GlobalConfiguration()
    stores = {"ZENML_LOCAL_STORES_PATH": configuration.local_stores_path}
    return {**handed_on(), **configuration.get_config_environment_vars(), **stores}


def _usual_options() -> dict[str, Any]:
    """What the orchestrator asks for where no step has settings of its own."""
    from zenml.config.global_config import GlobalConfiguration

    stores = GlobalConfiguration().local_stores_path
    return {
        "user": os.getuid(),
        "volumes": {stores: {"bind": stores, "mode": "rw"}},
        "extra_hosts": {"host.docker.internal": "host-gateway"},
    }


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
