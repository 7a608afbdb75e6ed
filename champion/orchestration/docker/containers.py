"""Steps in containers, each in one of its own that does not outlive it; knows the engine, and not ZenML.

A container starts `champion.orchestration.docker.inside` instead of ZenML's entry point, and gets ready while the step before
it runs. Its log is shown as it comes, and it is taken away however the step ended.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import click

import champion.errors
from champion import settings
from champion.errors import ProjectError
from champion.orchestration.docker import engine, inside
from champion.terminal import echo

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

LABEL = f"{settings.PROJECT}.run"
COMMAND = ["python", "-m", "champion.orchestration.docker.inside"]
GRACE = 5  # seconds that an interrupted step has to say so in the store
HANDED_ON = ("ZENML_LOGGING_VERBOSITY", "ZENML_ENABLE_RICH_TRACEBACK", "ZENML_DISABLE_STEP_LOGS_STORAGE")


@dataclass(frozen=True)
class _Shape:
    """What a container is made with."""

    image: str
    options: dict[str, Any]
    environment: dict[str, str]

    def fits(self, other: _Shape) -> bool:
        """Whether a step of the other shape can run in a container of this one."""
        same = (self.image, self.options) == (other.image, other.options)
        return same and self.environment.items() <= other.environment.items()


class Containers:
    """Runs one step at a time, each in a container of its own; the next one gets ready meanwhile.

    `ahead` is the environment that all steps share; without it no container is made ahead.
    """

    def __init__(self, docker: DockerClient, ahead: dict[str, str] | None = None) -> None:
        self._docker = docker
        self._run = uuid4().hex
        self._ahead = ahead
        self._spare: tuple[_Shape, Container] | None = None
        self.left: int | None = None
        self.interrupted = False

    def get_ready(self, image: str, options: dict[str, Any]) -> None:
        """Start a container for the next step, unless that is known to be none."""
        if self.interrupted:
            raise KeyboardInterrupt
        if self._ahead is not None and self.left != 0:
            shape = _Shape(image, options, self._ahead)
            self._spare = (shape, self._start(shape))

    def run(self, image: str, command: list[str], entrypoint: list[str], **options: Any) -> list[bytes]:
        """Run a step, as the orchestrator asks docker-py for it; its log goes to stderr as it comes.

        What is returned is empty: what ZenML would log is shown already. Raises the `ProjectError` of the step, or one with
        the exit code where it ended otherwise.
        """
        del entrypoint
        if self.interrupted:
            raise KeyboardInterrupt
        step = command[command.index("--step_name") + 1]
        logger = logging.getLogger("zenml.orchestrators")
        logger.info("Step `%s` has started.", step)
        environment = {**handed_on(), **options.pop("environment", {})}
        options.pop("stream", None)
        if self.left is not None:
            self.left -= 1
        with engine.errors_explained():
            container = self._container(_Shape(image, options, environment))
            try:
                container.put_archive(inside.FOLDER, _archive({"arguments": command, "environment": environment}))
                self.get_ready(image, options)
                error = _show(container.attach(stdout=True, stderr=True, stream=True, logs=True))
                code = container.wait()["StatusCode"]
            except KeyboardInterrupt:
                _interrupt(container)
                raise
            finally:
                _remove(container)
        if error is not None:
            raise error
        if code:
            why = " (137: it was killed, often for want of memory)" if code == 137 else ""
            raise ProjectError(
                f"The step {step} failed in its container, which ended with exit code {code}{why}. Its log is above."
            )
        logger.info("Step `%s` has finished in its container.", step)
        return []

    def _container(self, shape: _Shape) -> Container:
        """The one that was made ahead, where it fits and is still alive; else a new one."""
        spare, self._spare = self._spare, None
        if spare is not None:
            spare[1].reload()
            if spare[0].fits(shape) and spare[1].status == "running":
                return spare[1]
            _remove(spare[1])
        return self._start(shape)

    def _start(self, shape: _Shape) -> Container:
        container = self._docker.containers.create(
            shape.image, entrypoint=COMMAND, labels={LABEL: self._run}, environment=shape.environment, **shape.options
        )
        try:
            container.start()
        except BaseException:  # Ctrl-C too leaves no container behind
            _remove(container)
            raise
        return container

    def clear(self) -> None:
        """Remove what is left of this run, and dead containers of runs that were killed."""
        from docker.errors import DockerException

        with contextlib.suppress(DockerException):
            left = self._docker.containers.list(
                all=True, ignore_removed=True, filters={"label": f"{LABEL}={self._run}"}
            )
            dead = self._docker.containers.list(
                all=True, ignore_removed=True, filters={"label": LABEL, "status": "exited"}
            )
            for container in [*left, *dead]:
                _remove(container)


def handed_on() -> dict[str, str]:
    """What of this process's environment a step gets, whatever the store."""
    return {name: os.environ[name] for name in HANDED_ON if name in os.environ}


def _archive(step: dict[str, Any]) -> bytes:
    """A tar of the step and, after it, of the file that says that the step is complete."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in ((inside.STEP, json.dumps(step).encode()), (inside.READY, b"")):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.uid = len(content), 0o400, os.getuid()
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _show(chunks: Iterator[bytes]) -> ProjectError | None:
    """Pass the log on line by line; the error that it names, if any."""
    error: ProjectError | None = None
    for line in _lines(chunks):
        text = line.decode("utf-8", errors="replace").rstrip("\r")
        if text.startswith(inside.ERROR_MARK):
            facts = json.loads(text.removeprefix(inside.ERROR_MARK))
            error = getattr(champion.errors, str(facts["kind"]), ProjectError)(str(facts["message"]))
        else:
            echo(click.unstyle(text), err=True)
    return error


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
    if rest:
        yield rest


def _interrupt(container: Container) -> None:
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    with contextlib.suppress(DockerException, RequestException, KeyboardInterrupt):
        container.kill("SIGINT")
        container.wait(timeout=GRACE)


def _remove(container: Container) -> None:
    from docker.errors import DockerException

    with contextlib.suppress(DockerException):
        container.remove(force=True, v=True)
