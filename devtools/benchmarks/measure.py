"""Runs a command and says how long it took and how much memory its processes held."""

import contextlib
import os
import platform
import shlex
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import click

from devtools.checkout import Checkout, UnexpectedError

MEBIBYTE = 1024 * 1024
SAMPLING_SECONDS = 0.2  # often enough to disturb nothing; the largest process tells its exact peak by itself
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Result:
    """What one run of a command cost: wall seconds and peak resident memory; and what it printed, errors too."""

    seconds: float
    mebibytes: float
    output: str


def run(checkout: Checkout, *arguments: str | Path, sample_memory: bool = False) -> Result:
    """Run a command to its end.

    `sample_memory`: whether to add up the memory of the whole process tree while it runs. Without it (and without /proc)
    the peak is that of the largest single process. Raises UnexpectedError when the exit code is not 0; the message ends
    with the last lines that the command printed.
    """
    peaks, ended = [0.0], threading.Event()
    with tempfile.TemporaryFile(mode="w+", encoding="utf-8", errors="replace") as output:
        began = time.perf_counter()
        with checkout.started(*arguments, out=output.fileno()) as process:

            def sample() -> None:
                while not ended.wait(SAMPLING_SECONDS):
                    peaks.append(tree_cost(process.pid)[1])

            if sample_memory:
                threading.Thread(target=sample, daemon=True).start()
            try:
                _, status, usage = os.wait4(process.pid, 0)
                seconds = time.perf_counter() - began
            finally:
                ended.set()
            process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode != 0:
        command = shlex.join(map(str, arguments))
        raise UnexpectedError(
            f"`{command}` ended with exit code {process.returncode}, expected 0. It said last:\n{last_lines(text)}"
        )
    return Result(seconds, max(*peaks, usage.ru_maxrss * MAXRSS_UNIT) / MEBIBYTE, text)


def tree_cost(root: int) -> tuple[float, float]:
    """CPU seconds (user and system) that a process and all below it have used, and their resident memory in bytes.

    Pages that processes share count once for each of them. Both are 0 where the system has no /proc.
    """
    parents, costs = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # what has ended meanwhile counts as nothing
            fields = path.read_text().rpartition(")")[2].split()  # man 5 proc_pid_stat, from the third field on
            pid = int(path.parent.name)
            parents[pid], costs[pid] = int(fields[1]), (sum(map(int, fields[11:15])), int(fields[21]))
    below = {root} & costs.keys()
    while more := {pid for pid, parent in parents.items() if parent in below} - below:
        below |= more
    ticks, pages = (sum(costs[pid][which] for pid in below) for which in (0, 1))
    return ticks / os.sysconf("SC_CLK_TCK"), float(pages * os.sysconf("SC_PAGE_SIZE"))


def alternate(
    ours: Callable[[int], Result], rival: Callable[[int], Result], repeats: int
) -> tuple[list[Result], list[Result]]:
    """Run both sides in turn, the first one changing each time, so that a slow moment hits both.

    Each takes the number of the repeat, from 0, and runs once.
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
