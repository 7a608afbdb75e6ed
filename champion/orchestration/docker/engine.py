"""The Docker engine: found, or refused with its remedy."""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING

from champion.errors import EngineError

if TYPE_CHECKING:
    from docker import DockerClient

_NO_SPACE = re.compile("no space left on device", re.IGNORECASE)


def connect() -> DockerClient:
    """The engine, after it has answered.

    Raises
    ------
    EngineError
        When there is none, it refuses this user, or it does not answer.
    """
    import docker
    from docker.errors import DockerException

    try:
        return docker.from_env(version="auto", timeout=60)
    except DockerException as error:
        raise explained(error) from None


def explained(error: BaseException) -> EngineError:
    """What an error of the engine or its client means, and what to do."""
    where = os.environ.get("DOCKER_HOST", "/var/run/docker.sock")
    text = " ".join(str(error).split())
    if _is(error, errno.EACCES, errno.EPERM) or "permission denied" in text.lower():
        return EngineError(
            f"The Docker engine at {where} refuses this user. Join its group (`sudo usermod -aG docker $USER`, then log "
            "in again), or run on the local stack: `--stack local`."
        )
    if _NO_SPACE.search(text) or _is(error, errno.ENOSPC, errno.EDQUOT):
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


def _is(error: BaseException | None, *numbers: int) -> bool:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        inner = [error, *(value for value in error.args if isinstance(value, BaseException))]
        for found in inner:
            reason = getattr(found, "reason", None)
            for candidate in (found, reason, *getattr(found, "args", ())):
                if isinstance(candidate, OSError) and candidate.errno in numbers:
                    return True
        error = error.__cause__ or error.__context__
    return False
