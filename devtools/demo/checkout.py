"""A checkout for `make demo`, with data, store and champion of its own, and the programs that run in it.

Every program gets a session of its own: Ctrl-C reaches the demo alone, which then ends what it has started.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from champion.errors import ProjectError
from champion.workspace.workspace import git

TIME_LIMIT = 900.0  # seconds for one command
GRACE = 30.0  # seconds that a program has to end when it is told to
_FOREIGN = ("ZENML_", "DVC_", "GIT_", "SERVE_", "CHAMPION_")  # settings of the user's own work
_NAME, _MAIL = "demo", "demo@example.com"


class UnexpectedError(Exception):
    """Something did not go as the story says; the text is what happened, as a sentence without its full stop."""


@dataclass(frozen=True)
class Ran:
    """A command that has ended."""

    exit_code: int
    seconds: float
    out: str


@dataclass(frozen=True)
class DemoCheckout:
    """A copy of the project; `root` is its folder."""

    root: Path

    def run(self, *arguments: str, expect: int = 0) -> Ran:
        """Run a command to its end, as ``python run.py train`` or ``dvc add FILE``.

        Parameters
        ----------
        *arguments : str
            Of the command; ``python`` is this Python.

        Raises
        ------
        UnexpectedError
            When it ends otherwise, or not at all.
        """
        shown = shlex.join(arguments)
        begun = time.monotonic()
        with self.started(*arguments, out=subprocess.PIPE) as process:
            try:
                out, err = process.communicate(timeout=TIME_LIMIT)
            except subprocess.TimeoutExpired:
                raise UnexpectedError(f"`{shown}` did not end within {TIME_LIMIT:.0f} seconds") from None
        if process.returncode != expect:
            last = " ".join([*out.splitlines()[-2:], *err.splitlines()[-3:]]).strip()
            raise UnexpectedError(
                f"`{shown}` ended with exit code {process.returncode} where {expect} was expected, and said: {last}"
            )
        return Ran(process.returncode, time.monotonic() - begun, out)

    @contextlib.contextmanager
    def started(self, *arguments: str, out: int) -> Iterator[subprocess.Popen[str]]:
        """Start a program, which has ended when this is left.

        Parameters
        ----------
        *arguments : str
            Of the command; ``python`` is this Python.
        out : int
            A file descriptor that stdout and stderr go to, or `subprocess.PIPE`.
        """
        command = [sys.executable if arguments[0] == "python" else arguments[0], *arguments[1:]]
        process = subprocess.Popen(
            command, cwd=self.root, env=environment(), stdout=out, stderr=out, text=True, start_new_session=True
        )
        try:
            yield process
        finally:
            end(process)


def environment() -> dict[str, str]:
    """The environment of the demo's programs: nothing in it leads to the user's store, data or remote."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
    binaries = str(Path(sys.executable).parent)
    return {
        **kept,
        "PATH": os.pathsep.join([binaries, kept.get("PATH", "")]),
        "ZENML_ANALYTICS_OPT_IN": "false",
        "DVC_NO_ANALYTICS": "true",
        "GIT_AUTHOR_NAME": _NAME,
        "GIT_AUTHOR_EMAIL": _MAIL,
        "GIT_COMMITTER_NAME": _NAME,
        "GIT_COMMITTER_EMAIL": _MAIL,
    }


def end(process: subprocess.Popen[str]) -> None:
    """End a program and what it has started, by its process group; one that has ended is left alone."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(GRACE)


def make_checkout(source: Path, folder: Path) -> DemoCheckout:
    """Copy what git knows of a checkout, and make a repository of it.

    Neither data nor packages are copied, nor where DVC keeps or shares them.

    Parameters
    ----------
    folder : Path
        Where the copy goes; must not exist.

    Raises
    ------
    ProjectError
        When the source is no git checkout.
    UnexpectedError
        When git refuses.
    """
    listed = git(source, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if not listed:
        raise ProjectError(
            f"The demo works in a copy of what git knows of this checkout, and git knows nothing of {source}. Clone the "
            "repository with git, and run `make demo` in the clone."
        )
    for name in filter(None, listed.split("\0")):
        if (source / name).is_file() and name.split("/")[0] != "tests":
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, folder / name)
    (folder / ".dvc").mkdir(exist_ok=True)
    (folder / ".dvc/config").write_text("[core]\n    analytics = false\n[cache]\n    dir = cache\n", encoding="utf-8")
    made = DemoCheckout(folder)
    made.run("git", "init", "--quiet")
    made.run("git", "add", "--all")
    made.run(
        "git", "-c", "commit.gpgsign=false", "commit", "--quiet", "--no-verify", "--message", "The project as it is"
    )
    return made


def wait_until(look: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait for something to come true.

    Parameters
    ----------
    look : callable
        Says whether it has.
    seconds : float
        How long at most.

    Returns
    -------
    float
        The seconds it took.

    Raises
    ------
    UnexpectedError
        When the time is over.
    """
    begun = time.monotonic()
    while not look():
        if time.monotonic() - begun > seconds:
            raise UnexpectedError(f"{what} within {seconds:.0f} seconds")
        time.sleep(0.05)
    return time.monotonic() - begun
