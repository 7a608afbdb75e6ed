"""A program that answers a line of JSON with a line of JSON, started once: the libraries that it needs are loaded once."""

import contextlib
import json
import os
import select
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devtools.checkout import Checkout, UnexpectedError

BLOCK = 65_536


class Worker:
    """Starts the program when it is first asked, and anew after it has ended or was too late."""

    def __init__(self, checkout: Checkout, *command: str | Path) -> None:
        self._checkout, self._command, self._running = checkout, command, contextlib.ExitStack()
        self._process: subprocess.Popen[str] | None = None

    def ask(self, request: Sequence[str | None], timeout: float) -> dict[str, Any]:
        """The answer; UnexpectedError where none comes in so many seconds, or the program ends without one."""
        if self._process is None:
            self._process = self._running.enter_context(self._checkout.started(*self._command, answers=True))
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(request)}\n")
        self._process.stdin.flush()
        answers, line, end = self._process.stdout.fileno(), b"", time.monotonic() + timeout
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([answers], [], [], max(0.0, end - time.monotonic()))
            block = os.read(answers, BLOCK) if ready else b""
            if not block:
                self.end()
                what = "ended without an answer" if ready else f"did not answer within {timeout:.0f} seconds"
                raise UnexpectedError(f"{Path(self._command[-1]).name} {what} to {json.dumps(request)}")
            line += block
        answer: dict[str, Any] = json.loads(line)
        return answer

    def end(self) -> None:
        """End the program with all that it started."""
        self._running.close()
        if self._process is not None and self._process.stdin is not None and self._process.stdout is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
            self._process.stdout.close()
        self._process = None

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
