"""A server as a child process on a core of its own: started, looked at from outside, and ended with all below it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from devtools.benchmarks.measure import last_lines, tree_sum
from devtools.benchmarks.serving.load import Target, ask_once
from devtools.checkout import UnexpectedError

STARTING = 90.0  # seconds in which a server must answer
_PINNED = "import os, sys; os.sched_setaffinity(0, {int(sys.argv[1])}); os.execv(sys.argv[2], sys.argv[2:])"


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
        port: int = tried.getsockname()[1]
        return port


class Server:
    """A running server; `seconds_to_ready` are those from its start to its first good answer."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self.seconds_to_ready = 0.0

    def cpu_seconds(self) -> float:
        """What the whole tree has computed so far, user and system."""
        return tree_sum(self._process.pid, lambda process: sum(process.cpu_times()[:4]))

    def megabytes(self) -> float:
        """The resident memory of the whole tree."""
        return tree_sum(self._process.pid, lambda process: process.memory_info().rss) / 1e6

    def wait_until_ready(self, ready: Target, began: float) -> None:
        """Ask until the answer is good. Raises UnexpectedError when the server has ended, or is not ready in time."""
        while time.perf_counter() - began < STARTING:
            if self._process.poll() is not None:
                raise UnexpectedError(f"a server ended with exit code {self._process.returncode}, expected it to stay")
            with contextlib.suppress(OSError, UnexpectedError):
                if ask_once(ready)[0] == 200:
                    self.seconds_to_ready = time.perf_counter() - began
                    return
            time.sleep(0.005)
        raise UnexpectedError(f"a server was not ready within {STARTING:.0f} s")


@contextlib.contextmanager
def running(
    command: Sequence[str | Path], folder: Path, environment: Mapping[str, str], ready: Target, log: Path
) -> Iterator[Server]:
    """Run a server while the block runs; the first word of the command is the path of a program.

    Raises UnexpectedError when it does not become ready, or the block raises one; with the last lines it printed.
    """
    pinned = cores()
    prefix = [sys.executable, "-c", _PINNED, str(pinned[0])] if pinned else []
    with log.open("wb") as output:
        began = time.perf_counter()
        process = subprocess.Popen(
            [*prefix, *map(str, command)],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    server = Server(process)
    try:
        server.wait_until_ready(ready, began)
        yield server
    except UnexpectedError as error:
        said = last_lines(log.read_text(errors="replace"))
        raise UnexpectedError(f"{error}\nThe server said last:\n{said}") from error
    finally:
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.terminate()
        process.wait(10)
    with contextlib.suppress(ProcessLookupError):  # what it has left behind is in its session
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
