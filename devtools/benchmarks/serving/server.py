"""A server as a child process on a core of its own: started, looked at from outside, and ended with all below it."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from devtools.benchmarks.measure import last_lines
from devtools.benchmarks.serving.load import Target, ask_once
from devtools.checkout import Checkout, UnexpectedError

STARTING = 90.0  # seconds in which a server must answer


@cache  # what is allowed changes once this process is pinned itself
def cores() -> tuple[int, int] | None:
    """The core of the servers and that of the load; None on a machine that has no two, or cannot pin."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[0], allowed[-1]) if len(allowed) > 1 else None


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


@contextlib.contextmanager
def running(checkout: Checkout, command: Sequence[str | Path], ready: Target, log: Path) -> Iterator[tuple[int, float]]:
    """Run a server while the block runs: the number of its process, and the seconds to its first good answer.

    Raises UnexpectedError when it does not become ready, or the block raises one; with the last lines it printed.
    """
    try:
        began = time.perf_counter()
        with log.open("wb") as output, checkout.started(*command, out=output.fileno()) as process:
            if pinned := cores():
                os.sched_setaffinity(process.pid, {pinned[0]})  # before it has a thread or a child
            while not _answers(ready):
                if process.poll() is not None:
                    raise UnexpectedError(f"a server ended with exit code {process.returncode}, expected it to stay")
                if time.perf_counter() - began > STARTING:
                    raise UnexpectedError(f"a server was not ready within {STARTING:.0f} s")
                time.sleep(0.005)
            yield process.pid, time.perf_counter() - began
    except UnexpectedError as error:
        printed = last_lines(log.read_text(errors="replace"))
        raise UnexpectedError(f"{error}\nThe server said last:\n{printed}") from error


def _answers(ready: Target) -> bool:
    with contextlib.suppress(OSError, UnexpectedError):
        return ask_once(ready)[0] == 200
    return False
