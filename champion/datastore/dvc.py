"""The program dvc: called without questions and under a time limit.

Its imports are slow, its lock is its own, and a run inside a DVC stage must not call it at all.
"""

import contextlib
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from champion.errors import ConfigurationError
from champion.workspace import process

TIME_LIMIT = 1800.0  # seconds for one call
UNBROKEN = ("add", "commit", "checkout")
"""Calls that are let end what they began: in their middle a file is in the cache alone, and no pointer names it."""
_DONE = re.compile(r"^.*\b(?:pushed|fetched|added|modified|deleted|up to date)\b.*$", re.MULTILINE)


@dataclass(frozen=True)
class Done:
    """How a call of dvc ended."""

    ok: bool
    output: str

    @property
    def last_line(self) -> str:
        """The last thing it said that says something."""
        lines = [line.strip() for line in self.output.splitlines() if line.strip()]
        errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR")]
        return (errors or lines or ["it said nothing"])[-1]

    @property
    def summary(self) -> str:
        """What dvc says it did, without its warnings."""
        lines = _DONE.findall(self.output)
        return lines[-1].strip() if lines else self.last_line


def run(
    root: Path,
    *arguments: str,
    python: Path | None = None,
    seconds: float | None = None,
    tell: Callable[[str], None] | None = None,
    variables: Mapping[str, str] | None = None,
) -> Done:
    """Call dvc in a checkout: that of another environment's Python if given, and with more environment variables.

    It is ended after `seconds`, or else `DVC_TIME_LIMIT`; `tell` is told every 20 seconds that it goes on. What is `UNBROKEN`
    has no limit, and whoever asks this process to end waits for it.
    """
    environment = {**os.environ, "DVC_NO_ANALYTICS": "true", "GDRIVE_NON_INTERACTIVE": "1", **(variables or {})}
    if python is not None:
        environment["PYTHONWARNINGS"] = "ignore"  # another environment's libraries warn of their own age

    def heartbeat(passed: float) -> None:
        if tell is not None:
            tell(f"dvc {arguments[0]} goes on ({passed:.0f} s)")

    command = [str(python or sys.executable), "-m", "dvc", *arguments]
    alone = arguments[0] in UNBROKEN
    limit = None if alone else seconds or _time_limit()
    try:
        with process.unbroken() if alone else contextlib.nullcontext():
            ended = process.run(command, root, environment=environment, seconds=limit, alone=alone, heartbeat=heartbeat)
    except process.NotEndedError as error:
        return Done(False, f"dvc {arguments[0]}: {error}")
    return Done(ended.code == 0, ended.output + ended.errors)


def _time_limit() -> float:
    text = os.environ.get("DVC_TIME_LIMIT", "")
    try:
        return float(text) if text else TIME_LIMIT
    except ValueError:
        raise ConfigurationError(f"DVC_TIME_LIMIT is {text!r}; expected a number of seconds.") from None
