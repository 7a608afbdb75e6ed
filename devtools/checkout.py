"""The one harness that copies a checkout and runs commands in the copy: for the demo, the benchmarks and the tests.

A copy holds what git knows of the source (tracked files, and new ones that are not ignored) as it lies on disk, and is a
repository of its own with one commit. Every program that runs in it has a session of its own: Ctrl-C reaches the caller
alone, which then ends what it has started.
"""

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIME_LIMIT = 900.0  # seconds for one command
GRACE = 30.0  # seconds that a program has to end when it is told to
FOREIGN = ("ZENML_", "DVC_", "GIT_", "SERVE_", "CHAMPION_")  # settings of the user's own work
_COMMIT = ("git", "-c", "commit.gpgsign=false", "commit", "--quiet", "--no-verify", "--message")


class UnexpectedError(Exception):
    """A command, or what came of it, is not as expected; the text says what it is, without a full stop at its end."""


@dataclass
class Checkout:
    """A folder and the environment of what runs in it."""

    root: Path
    env: Mapping[str, str]

    def run(
        self, *arguments: str | Path, expect: int | None = 0, timeout: float = TIME_LIMIT
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end, as ``python run.py train`` or ``git status``.

        ``python`` is this Python. Raises UnexpectedError when it does not end in time, or with another exit code than
        `expect` (None takes any).
        """
        command = shlex.join(map(str, arguments))
        with self.started(*arguments) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                raise UnexpectedError(f"`{command}` did not end within {timeout:.0f} seconds") from None
        if expect not in (None, process.returncode):
            last = "\n".join([*out.splitlines()[-5:], *err.splitlines()[-15:]]).strip()
            raise UnexpectedError(
                f"`{command}` ended with exit code {process.returncode} where {expect} was expected, and said: {last}"
            )
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    @contextlib.contextmanager
    def started(
        self, *arguments: str | Path, out: int = subprocess.PIPE, answers: bool = False
    ) -> Iterator[subprocess.Popen[str]]:
        """Start a program, which has ended with all that it started when this is left.

        `out`: a file descriptor that stdout and stderr go to, or `subprocess.PIPE`. `answers`: whether it is asked on stdin,
        and what it says on stderr is not kept.
        """
        command = [sys.executable if arguments[0] == "python" else arguments[0], *arguments[1:]]
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": out, "stderr": out, "text": True}
        if answers:
            streams |= {"stdin": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, cwd=self.root, env=self.env, start_new_session=True, **streams)
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGTERM)
                    process.wait(GRACE)
            with contextlib.suppress(ProcessLookupError):  # what it has left behind is in its session
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def commit(self, message: str) -> None:
        """Commit all that git does not ignore, in a repository that is made where there is none."""
        self.run("git", "init", "--quiet", "--initial-branch", "main")
        self.run("git", "add", "--all")
        self.run(*_COMMIT, message)


def copy_known(source: Path, target: Path, leave_out: Collection[str] = ()) -> None:
    """Copy what git knows of a checkout, but what lies directly below it and is left out, into a folder.

    Raises UnexpectedError when the source is no git checkout.
    """
    listing = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(listing, cwd=source, capture_output=True, check=False).stdout
    if not listed:
        raise UnexpectedError(
            f"this works in a copy of what git knows of a checkout, and git knows nothing of {source}: clone the repository "
            "with git, and run the same command in the clone"
        )
    for name in {os.fsdecode(raw) for raw in listed.split(b"\0") if raw}:
        if name.split("/")[0] not in leave_out and (source / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, target / name)


def environment(home: Path | None = None, foreign: tuple[str, ...] = FOREIGN) -> dict[str, str]:
    """The environment of programs in a copy: this Python's programs, an author for git, and nothing of the user's work.

    `home`: in place of the user's HOME. `foreign`: how the names of variables begin that are left out.
    """
    env = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    if home is not None:
        env["HOME"] = str(home)
    for role in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{role}_NAME": "copy", f"GIT_{role}_EMAIL": "copy@example.com"}
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env.get("PATH", os.defpath)])
    return env | {"ZENML_ANALYTICS_OPT_IN": "false", "DVC_NO_ANALYTICS": "true"}
