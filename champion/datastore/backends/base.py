"""What every kind of DVC remote has in common, and the error that says a cause and a remedy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from champion.datastore.index import Output
from champion.errors import ProjectError

Tell = Callable[[str], None]


class RemoteError(ProjectError):
    """The remote cannot be used as it is: one line for the cause, one for the remedy.

    Parameters
    ----------
    cause, remedy : str
        A sentence or two each.
    passing : bool
        Whether trying again may help.
    """

    def __init__(self, cause: str, remedy: str, passing: bool = False) -> None:
        super().__init__(f"{cause}\n{remedy}")
        self.cause, self.remedy, self.passing = cause, remedy, passing


class NoCredentialsError(RemoteError):
    """There are no credentials at all, as on a pull request from a fork."""


@dataclass(frozen=True)
class Remote:
    """A remote, as DVC's configuration has it."""

    name: str
    url: str
    config: dict[str, str]


@dataclass(frozen=True)
class Symptom:
    """What dvc or the client of a remote prints, as a pattern, and what it means; `{name}` is a group of the pattern."""

    said: str
    cause: str
    remedy: str
    passing: bool = False


BROKEN_CONNECTION = Symptom(
    r"EOF occurred|Connection reset|RemoteDisconnected|Broken pipe|BadStatusLine|IncompleteRead|timed out|"
    r"UNEXPECTED_EOF|Connection aborted|did not end within|Remote end closed|CannotSendRequest|ResponseNotReady|"
    r"Request-sent|Server disconnected|\[SSL(?!: CERTIFICATE)",
    "The connection broke, or took too long.",
    "Run again: what is there already is not sent twice. A large file may need DVC_TIME_LIMIT (seconds).",
    passing=True,
)


def explain(symptoms: Iterable[Symptom], output: str) -> RemoteError | None:
    """What everything that was printed means, by the first symptom that fits; None where none does."""
    for symptom in symptoms:
        if match := re.search(symptom.said, output):
            return RemoteError(symptom.cause.format(**match.groupdict()), symptom.remedy, symptom.passing)
    return None


class RemoteBackend:
    """One kind of remote. A kind names what its failures mean, and overrides what it does otherwise."""

    symptoms: tuple[Symptom, ...] = ()
    secrets: tuple[str, ...] = ()
    """The environment variables that hold its credentials; nothing that is published may show their values."""

    def matches(self, url: str) -> bool:
        """Whether a remote of this address is of this kind."""
        raise NotImplementedError

    def identity(self, remote: Remote) -> str | None:
        """Who speaks to the remote, without any secret; None where it needs no credentials that are known here.

        Raises NoCredentialsError when there are none. Raises RemoteError when credentials or address cannot be right.
        """

    def prepare(self, root: Path, remote: Remote, folder: Path) -> Path | None:
        """Make ready for a call of dvc in a folder.

        Returns the Python whose dvc to call; None for this environment's.
        """

    def diagnose(self, output: str) -> RemoteError | None:
        """Cause and remedy of a call that failed; None where its output is not known."""
        return explain(self.symptoms, output)

    def require(self, remote: Remote) -> None:
        """Raise where it can be seen that the remote itself is not there, so that it lacks everything."""

    def check(self, root: Path, remote: Remote) -> str:
        """Look at the remote before DVC is asked for anything; what was found, in one line.

        Raises RemoteError with cause and remedy, for the first thing that is wrong.
        """
        raise NotImplementedError

    def login(self, root: Path, remote: Remote, tell: Tell) -> str:  # noqa: ARG002 - for the kinds that have one
        """Let a user's browser give this machine access; what to do with the credentials."""
        raise RemoteError(f"The remote {remote.url} needs no login.", "`make push` and `make pull` work without one.")


def compare(recorded: list[Output], there: Mapping[str, object], where: str) -> str:
    """What is recorded beside what a remote has, by hash; the end of a sentence that names what was not pushed yet.

    Raises RemoteError when something is neither on the remote nor on this machine.
    """
    absent = [output for output in recorded if output.md5 not in there]
    lost = sorted(output.path.name for output in absent if not output.made and not output.path.exists())
    if lost:
        raise RemoteError(
            f"{', '.join(lost)} was never pushed: neither this machine nor {where} has it.",
            "Run `make push` where it is.",
        )
    waiting = ", ".join(output.path.name for output in absent if output.path.exists())
    return f"; not pushed yet: {waiting} (`make push`)" if waiting else ""
