"""Runs a command and says how long it took and how much memory its processes held."""

import contextlib
import os
import platform
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import psutil  # type: ignore[import-untyped]  # ZenML brings it; it has no types

from devtools.checkout import UnexpectedError

MEBIBYTE = 1024 * 1024
SAMPLING_SECONDS = 0.2  # often enough to disturb nothing; the largest process tells its exact peak by itself
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Result:
    """What one run of a command cost."""

    seconds: float
    mebibytes: float
    output: str


@dataclass(frozen=True)
class Command:
    """A command line and where it runs."""

    arguments: Sequence[str | Path]
    folder: Path
    environment: Mapping[str, str]

    def __str__(self) -> str:
        """Show it as a shell would take it."""
        return shlex.join(map(str, self.arguments))


def run(command: Command, *, sample_memory: bool = False) -> Result:
    """Run a command to its end.

    `sample_memory`: whether to add up the memory of the whole process tree while it runs. Without it `Result.mebibytes`
    is the peak of the largest single process. Returns wall seconds; peak resident memory in MiB; standard output and
    error together. Raises UnexpectedError when the exit code is not 0; the message ends with the last lines that the
    command printed.
    """
    with tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="replace") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            [*map(str, command.arguments)],
            cwd=command.folder,
            env=dict(command.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            with TreeMemory(process.pid, enabled=sample_memory) as memory:
                _, status, usage = os.wait4(process.pid, 0)
                seconds = time.perf_counter() - started
        except BaseException:  # Ctrl-C too leaves no process behind
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode != 0:
        raise UnexpectedError(
            f"`{command}` ended with exit code {process.returncode}, expected 0. It said last:\n{last_lines(text)}"
        )
    return Result(seconds, max(memory.peak, usage.ru_maxrss * MAXRSS_UNIT) / MEBIBYTE, text)


class TreeMemory:
    """Samples the resident memory of a process and all below it.

    Pages that processes share count once for each of them, on both sides of a claim alike.
    """

    def __init__(self, pid: int, *, enabled: bool) -> None:
        self.peak = 0.0
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True) if enabled else None

    def __enter__(self) -> "TreeMemory":
        """Start sampling."""
        if self._thread:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop sampling."""
        self._done.set()
        if self._thread:
            self._thread.join()

    def _sample(self) -> None:
        while not self._done.wait(SAMPLING_SECONDS):
            self.peak = max(self.peak, tree_sum(self._pid, lambda process: process.memory_info().rss))


def tree_sum(pid: int, value: Callable[[psutil.Process], float]) -> float:
    """Add up something of a process and of all below it; what has ended meanwhile counts as nothing."""
    total = 0.0
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += value(process)
    return total


def alternate(
    ours: Callable[[int], Result], rival: Callable[[int], Result], repeats: int
) -> tuple[list[Result], list[Result]]:
    """Run both sides in turn, the first one changing each time, so that a slow moment hits both.

    `ours`, `rival`: each takes the number of the repeat, from 0, and runs once.
    """
    results: tuple[list[Result], list[Result]] = [], []
    for number in range(repeats):
        for side in (number % 2, 1 - number % 2):
            results[side].append((ours, rival)[side](number))
    return results


def last_lines(text: str) -> str:
    """The end of what a command has printed."""
    return "\n".join(text.splitlines()[-25:])


def describe_machine() -> str:
    """Cores, interpreter and system, as a figure's reader needs to know them."""
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()} {platform.machine()}"


def say(line: str) -> None:
    """Tell on stderr what goes on."""
    click.echo(f"... {line}", err=True)
