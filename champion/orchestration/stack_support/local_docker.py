"""The docker stack: ZenML's local_docker orchestrator, with this project's image and its way to run a container."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from champion.orchestration import patches
from champion.orchestration.ctrl_c import Interrupt
from champion.orchestration.docker.containers import Containers, handed_on
from champion.orchestration.docker.engine import connect
from champion.orchestration.docker.image import PIPELINE
from champion.orchestration.stack_support import StackSupport
from champion.orchestration.store import is_local
from champion.patching import applied

if TYPE_CHECKING:
    from zenml.client import Client

    from champion.use_case.whole import UseCase


class LocalDocker(StackSupport):
    """Steps in containers of this machine."""

    image = PIPELINE

    @contextlib.contextmanager
    def pipeline_settings(self, client: Client, __: UseCase) -> Iterator[dict[str, Any]]:
        """Build the image where it is new, and have the steps of the run start in containers of `Containers`.

        Where ZenML's inside is not as it was (see `patches.CONTAINERS`), ZenML starts the containers, one after the
        other. An `EngineError` when there is no engine, or the image cannot be built.
        """
        from zenml.config import DockerSettings
        from zenml.config.global_config import GlobalConfiguration

        docker = connect()
        name = self.image.ensure(docker)
        has_the_code = {"allow_download_from_artifact_store": False, "allow_download_from_code_repository": False}
        of_run: dict[str, Any] = {"docker": DockerSettings(parent_image=name, skip_build=True, **has_the_code)}
        configuration = GlobalConfiguration()
        stores = configuration.local_stores_path
        shared = None  # on a server each run has a token of its own
        if is_local(client):
            shared = {**handed_on(), **configuration.get_config_environment_vars(), "ZENML_LOCAL_STORES_PATH": stores}
        containers = Containers(docker, shared)
        with ended_by_signals(containers), applied(patches.CONTAINERS, containers) as are_ours:
            if not are_ours:
                yield {**of_run, "orchestrator.local_docker": {"run_args": {"remove": True}}}
                return
            usual = {  # what the orchestrator asks for where no step has settings of its own
                "user": os.getuid(),
                "volumes": {stores: {"bind": stores, "mode": "rw"}},
                "extra_hosts": {"host.docker.internal": "host-gateway"},
            }
            try:
                containers.get_ready(name, usual)
                yield of_run
            finally:
                containers.clear()


SUPPORT = LocalDocker()


@contextlib.contextmanager
def ended_by_signals(containers: Containers) -> Iterator[None]:
    """Let a run take its containers along where it is ended, by Ctrl-C, SIGTERM or SIGHUP, and let none of these be lost.

    An interrupt that comes while a library calls back is swallowed there; the next step will know of it.
    """
    between_transactions = Interrupt()

    def interrupt(number: int, frame: object) -> None:
        containers.interrupted = True
        between_transactions(number, frame)

    with contextlib.ExitStack() as restored:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) != signal.SIG_IGN:
                    restored.callback(signal.signal, number, signal.signal(number, interrupt))
        yield
