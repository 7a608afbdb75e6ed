"""Every reach into ZenML's inside, as the rows that `champion.patching` applies.

What ZenML does at a start and this project does not need is left out (`START`). The rest is about Ctrl-C, the end of the
process, and containers.
"""

import functools
import socket
import sys
import time
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from champion import patching
from champion.patching import PROPERTY
from champion.workspace.files import replacing

Patch = functools.partial(patching.Patch, written_for="zenml 0.98.0")
_DOCKER = "zenml.orchestrators.local_docker.local_docker_orchestrator:LocalDockerOrchestrator"
AWAY = 300.0
"""Seconds that a pod waits for a server or a cluster that does not answer."""
_ATTEMPTS = 60
# Names of ZenML's own that are not replaced but looked for.
LOAD_INPUT = "_load_input_artifact"  # in a traceback: the function that loads an input of a step
CONSOLE_HANDLER = "ZenMLConsoleHandler"  # among the handlers of the root logger: the one that prints
A_STACK = "SELECT 1 FROM stack LIMIT 1"  # in a local store's database: a row that half of one lacks


@functools.cache
def _distribution(module: str) -> str | None:
    """The distribution of the same name as a module's top level."""
    try:
        return metadata.distribution(module.partition(".")[0]).name
    except metadata.PackageNotFoundError:
        return None


@functools.cache
def _installed() -> list[str]:
    """Name and version of every distribution, from the names of their folders: reading each would take its time."""
    folders = (path.stem for entry in sys.path if entry for path in Path(entry).glob("*.dist-info"))
    return sorted({"==".join(name.rsplit("-", 1)) for name in folders})


def _whole(slow: Any) -> Any:
    def write_yaml(file_path: str, contents: Any, sort_keys: bool = True) -> None:
        import yaml

        if "://" in file_path:
            slow(file_path, contents, sort_keys)
            return
        path, text = Path(file_path), yaml.dump(contents, sort_keys=sort_keys)
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            with replacing(path) as unfinished:
                unfinished.write_text(text, encoding="utf-8")

    return write_yaml


def _patient(impatient: Any) -> Any:
    def retry(
        func: Any,
        max_retries: int = 3,
        delay: float = 1,
        backoff: float = 1,
        fail_on_status_codes: tuple[int, ...] = (404,),
        api_request_timeout: int | None = None,
    ) -> Any:
        calling = impatient(func, max_retries, delay, backoff, fail_on_status_codes, api_request_timeout)

        @functools.wraps(func)
        def called(*arguments: Any, **more: Any) -> Any:
            until = time.monotonic() + AWAY
            while True:
                try:
                    return calling(*arguments, **more)
                except Exception as error:  # raised again, unless a connection was lost
                    if not is_away(error) or time.monotonic() > until:
                        raise
                time.sleep(delay)

        return called

    return retry


def _patient_session(impatient: Any) -> Any:
    def session(store: Any) -> Any:
        made = impatient.fget(store)
        for adapter in made.adapters.values():
            if adapter.max_retries.connect is not None and adapter.max_retries.connect < _ATTEMPTS:
                adapter.max_retries = adapter.max_retries.new(
                    total=_ATTEMPTS,
                    connect=_ATTEMPTS,
                    read=_ATTEMPTS,
                    status=_ATTEMPTS,
                    other=_ATTEMPTS,
                    backoff_max=AWAY / _ATTEMPTS,
                )
        return made

    return property(session)


def _once(_: Any) -> Any:
    def run_sync_step(runner: Any, step: Any, remaining_retries: int | None = None) -> Any:  # noqa: ARG001 - that is the point
        from zenml.execution.step.utils import launch_step

        return launch_step(
            snapshot=runner.snapshot, step=step, orchestrator_run_id=runner.orchestrator_run_id, wait=True, retry=False
        )

    return run_sync_step


def is_away(error: Exception) -> bool:
    """Whether an error of a client is a connection that is lost, or a server that is not itself."""
    from kubernetes.client.exceptions import ApiException
    from requests.exceptions import RequestException
    from urllib3.exceptions import HTTPError

    if isinstance(error, ApiException):
        return not error.status or error.status == 429 or error.status >= 500
    return isinstance(error, (RequestException, HTTPError, ConnectionError, TimeoutError))


def _counting(submit: Any, containers: Any) -> Any:
    def counted(self: Any, snapshot: Any, *arguments: Any, **more: Any) -> Any:
        containers.left = len(snapshot.step_configurations)
        return submit(self, snapshot, *arguments, **more)

    return counted


START = (
    Patch(
        "zenml.utils.yaml_utils:write_yaml",
        "(file_path, contents, sort_keys=True)",
        _whole,
        "ZenML empties its configuration and fills it again, four times at each start: who reads it meanwhile, or comes after "
        "a kill in between, finds half of it",
    ),
    Patch(
        "zenml.utils.source_utils:_get_package_for_module",
        "(module_name)",
        lambda slow: lambda module_name: _distribution(module_name) or slow(module_name),
        "ZenML reads the file lists of all distributions to find the one of a class",
    ),
    Patch(
        "zenml.integrations.registry:IntegrationRegistry.activate_integrations",
        "(self)",
        lambda _: lambda self: None,  # noqa: ARG005 - a method
        "every installed integration is imported for its materializers; each of our artifacts names its own",
    ),
    Patch(
        "zenml.environment:Environment.get_python_packages",
        "()",
        lambda _: staticmethod(_installed),
        "uv and pip are started to list what is installed, which the interpreter knows",
    ),
)
RUN = (
    Patch(
        "zenml.orchestrators.signal_handler:SignalHandler.register",
        "(self)",
        lambda _: lambda self: self,
        "ZenML's handler of Ctrl-C asks the store in the middle of whatever was interrupted; where that is a query, the "
        "process waits for a lock that it holds itself, a minute for each question, and every other one with it",
    ),
    Patch(
        "zenml.analytics.context:AnalyticsContext.__exit__",
        "(self, exc_type, exc_val, exc_tb)",
        lambda deaf: (
            lambda self, exc_type, exc_val, exc_tb: (
                deaf(self, exc_type, exc_val, exc_tb) and exc_type is not KeyboardInterrupt
            )
        ),
        "Ctrl-C while ZenML counts what it did is taken for an error of its statistics, and ignored",
    ),
)
END = (
    Patch(
        "opentelemetry.instrumentation.logging.handler:LoggingHandler.flush",
        "(self)",
        lambda _: lambda self: None,  # noqa: ARG005 - a method
        "the log handler flushes in a new thread, which the end of Python 3.12.0 to 3.12.2 refuses with a traceback after "
        "every run; the logs are flushed before",
    ),
)
IN_A_CONTAINER = (
    Patch(
        f"{_DOCKER}.get_step_run_metadata",
        "(self, info)",
        lambda _: lambda *_, **__: {"container": socket.gethostname(), "python": sys.version.split()[0]},
        "each step records where it ran",
    ),
)
CONTAINERS = (
    Patch(
        f"{_DOCKER}.docker_client",
        PROPERTY,
        lambda _, containers: property(lambda _: SimpleNamespace(containers=containers)),
        "the container of the next step gets ready while the present one runs, the log is shown as it comes, and none stays",
    ),
    Patch(
        f"{_DOCKER}.submit_pipeline",
        "(self, snapshot, stack, base_environment, step_environments, placeholder_run=None)",
        _counting,
        "the number of steps says when no further container has to get ready",
    ),
)
IN_A_POD = (
    RUN[0],
    Patch(
        "zenml.zen_stores.rest_zen_store:RestZenStore.session",
        PROPERTY,
        _patient_session,
        "a server that is away for longer than half a minute ends the step, and the run",
    ),
    Patch(
        "zenml.integrations.kubernetes.kube_utils:retry_on_api_exception",
        "(func, max_retries=3, delay=1, backoff=1, fail_on_status_codes=(404,), api_request_timeout=None)",
        _patient,
        "a cluster whose API is away for a moment fails the step that is asked for, and the run",
    ),
    Patch(
        "zenml.execution.pipeline.dynamic.runner:DynamicPipelineRunner._run_sync_step",
        "(self, step, remaining_retries=None)",
        _once,
        "a light step may be begun again where its pod was taken away, and ZenML takes that for leave to repeat one that failed",
    ),
)
ALL = (*START, *RUN, *END, *IN_A_CONTAINER, *CONTAINERS, *IN_A_POD[1:])


def start_afresh() -> None:
    """Have ZenML in this process read its configuration again, as its own tests do."""
    from zenml.client import Client
    from zenml.config.global_config import GlobalConfiguration

    GlobalConfiguration._reset_instance()  # noqa: SLF001 - it has no public way to be made anew
    Client._reset_instance()  # noqa: SLF001 - nor has this
