"""The Docker engine: found, or refused with its remedy."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from champion.errors import EngineError
from champion.failures import causes

if TYPE_CHECKING:
    from docker import DockerClient


def connect() -> DockerClient:
    """The engine, after it has answered; an `EngineError` when there is none, it refuses this user, or is silent."""
    import docker

    with errors_explained():
        return docker.from_env(version="auto", timeout=60)


@contextlib.contextmanager
def errors_explained() -> Iterator[None]:
    """Turn what docker-py raises into an `EngineError` with its remedy."""
    from docker.errors import DockerException

    try:
        yield
    except DockerException as error:
        raise explained(error) from error


def explained(error: BaseException) -> EngineError:
    """What an error of the engine or its client means, and what to do."""
    where = os.environ.get("DOCKER_HOST", "/var/run/docker.sock")
    text = " ".join(str(error).split())
    if _is(error, errno.EACCES, errno.EPERM) or "permission denied" in text.lower():
        return EngineError(
            f"The Docker engine at {where} refuses this user. Join its group (`sudo usermod -aG docker $USER`, then log "
            "in again), or run on the local stack: `--stack local`."
        )
    if "no space left on device" in text.lower() or _is(error, errno.ENOSPC, errno.EDQUOT):
        return EngineError(
            "The disk of the Docker engine is full. `docker system df` says what takes the room, `docker system prune` "
            "frees what nothing uses; then run again."
        )
    if _is(error, errno.ENOENT, errno.ECONNREFUSED) or "Error while fetching server API version" in text:
        return EngineError(
            f"No Docker engine answers at {where}. Install or start one (`sudo systemctl start docker`, or Docker "
            "Desktop), set DOCKER_HOST if it is elsewhere, or run on the local stack: `--stack local`."
        )
    return EngineError(f"The Docker engine at {where} failed: {text}. `docker info` says more.")


def _is(error: BaseException, *numbers: int) -> bool:
    """Whether a system error of these numbers is behind an error, as its cause, its argument or its reason."""
    inner = [value for cause in causes(error) for value in (cause, *cause.args) if isinstance(value, BaseException)]
    behind = [value for each in inner for value in (each, getattr(each, "reason", None), *each.args)]
    return any(isinstance(value, OSError) and value.errno in numbers for value in behind)
