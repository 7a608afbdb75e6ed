"""Other programs: run to their end within a time limit, or started and read line by line. The one place that starts any."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

Command = Sequence[str | PathLike[str]]


class NotEndedError(Exception):
    """A program that did not end within its time; it was killed."""


@dataclass(frozen=True)
class Ended:
    """How a program ended: its exit code, and what it said."""

    code: int
    output: str
    errors: str


def run(
    command: Command,
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    given: str | None = None,
    seconds: float | None = None,
    alone: bool = False,
    errors_shown: bool = False,
    heartbeat: Callable[[float], None] | None = None,
    every: float = 20.0,
) -> Ended:
    """Run a program with a standard input, and wait for its end; it is killed where this call is interrupted.

    Ctrl-C does not reach it if `alone`, nor does it end with this process: with `unbroken` around it, it runs to its end.
    Its standard error goes to ours instead of into the answer if `errors_shown`; `heartbeat` is called every `every`
    seconds with the seconds that have passed. Raises OSError when it cannot be started. Raises NotEndedError when it does
    not end within `seconds`.
    """
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if errors_shown else subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=alone,
    ) as process:
        try:
            begun = time.monotonic()
            while seconds is None or time.monotonic() - begun < seconds:
                left = every if seconds is None else min(every, begun + seconds - time.monotonic())
                try:
                    output, errors = process.communicate(given, timeout=max(left, 0.0))
                except subprocess.TimeoutExpired:
                    if heartbeat is not None:
                        heartbeat(time.monotonic() - begun)
                else:
                    return Ended(process.returncode, output, errors or "")
            raise NotEndedError(f"it did not end within {seconds:g} s")
        finally:
            process.kill()


def start(
    command: Command,
    folder: Path,
    *,
    environment: Mapping[str, str] | None = None,
    alone: bool = False,
    errors: bool = True,
) -> subprocess.Popen[str]:
    """Start a program whose output is read while it runs; Ctrl-C does not reach it if `alone`.

    Its errors are among its output, or go nowhere without `errors`.
    """
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if errors else subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=alone,
    )


@contextlib.contextmanager
def unbroken() -> Iterator[None]:
    """Let what asks this process to end take effect after a block, since half of the block would be lost.

    Whoever asks is told so. Blocks may stand in each other.
    """
    asked: list[int] = []

    def later(number: int, _: object) -> None:
        asked.append(number)
        os.write(2, b"\nThis ends as soon as what it has begun is done: half of it would be lost.\n")

    def obey() -> None:
        for number in asked[:1]:
            signal.raise_signal(number)

    with contextlib.ExitStack() as ended:
        ended.callback(obey)
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                if signal.getsignal(number) != signal.SIG_IGN:
                    ended.callback(signal.signal, number, signal.signal(number, later))
        yield
