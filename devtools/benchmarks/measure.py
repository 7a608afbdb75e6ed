"""Runs a command and says how long it took and how much memory its processes held."""

import contextlib
import os
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
from typing import IO

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
        return shlex.join(str(argument) for argument in self.arguments)


def run(command: Command, *, sample_memory: bool = False) -> Result:
    """Run a command to its end.

    Parameters
    ----------
    sample_memory : bool
        Whether to add up the memory of the whole process tree while it runs. Without it `Result.mebibytes` is the
        peak of the largest single process.

    Returns
    -------
    Result
        Wall seconds; peak resident memory in MiB; standard output and error together.

    Raises
    ------
    UnexpectedError
        When the exit code is not 0; the message ends with the last lines that the command printed.
    """
    with tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="replace") as output:
        seconds, code, peak = _run_to_end(command, output, sample_memory)
        output.seek(0)
        text = output.read()
    if code != 0:
        tail = "\n".join(text.splitlines()[-25:])
        raise UnexpectedError(f"`{command}` ended with exit code {code}, expected 0. It said last:\n{tail}")
    return Result(seconds, peak / MEBIBYTE, text)


def _run_to_end(command: Command, output: IO[str], sample_memory: bool) -> tuple[float, int, int]:
    started = time.perf_counter()
    process = subprocess.Popen(
        [str(argument) for argument in command.arguments],
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
    return seconds, process.returncode, max(memory.peak, usage.ru_maxrss * MAXRSS_UNIT)


class TreeMemory:
    """Samples the resident memory of a process and all below it; without ``/proc`` it stays 0.

    Pages that processes share count once for each of them, on both sides of a claim alike.
    """

    def __init__(self, pid: int, *, enabled: bool) -> None:
        self.peak = 0
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
            self.peak = max(self.peak, sum(resident(pid) for pid in tree(self._pid)))


def tree(pid: int) -> list[int]:
    """List a process and all below it; without ``/proc`` it is alone."""
    found, waiting = [], [pid]
    while waiting:
        current = waiting.pop()
        found.append(current)
        for thread in _threads(current):
            waiting.extend(int(child) for child in _read(thread / "children").split())
    return found


def _threads(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:  # the process has ended since it was listed
        return []


def resident(pid: int) -> int:
    """Bytes of a process that are in memory; 0 when it has ended."""
    pages = _read(Path(f"/proc/{pid}/statm")).split()
    return int(pages[1]) * os.sysconf("SC_PAGE_SIZE") if pages else 0


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except OSError:  # the process has ended since it was listed
        return ""


def alternate(
    ours: Callable[[int], Result], rival: Callable[[int], Result], repeats: int
) -> tuple[list[Result], list[Result]]:
    """Run both sides in turn, the first one changing each time, so that a slow moment hits both.

    Parameters
    ----------
    ours, rival : callable
        Each takes the number of the repeat, from 0, and runs once.
    repeats : int
        How many times each side runs.

    Returns
    -------
    tuple of list of Result
        Ours and the rival's, in the order of the repeats.
    """
    our_results, rival_results = [], []
    for number in range(repeats):
        if number % 2:
            rival_results.append(rival(number))
            our_results.append(ours(number))
        else:
            our_results.append(ours(number))
            rival_results.append(rival(number))
    return our_results, rival_results
