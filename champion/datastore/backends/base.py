"""What every kind of DVC remote has in common, and the error that says a cause and a remedy."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from champion.datastore import dvc
from champion.datastore.index import Output
from champion.errors import ProjectError

CHECK_LIMIT = 60.0  # seconds
USER_GUIDE = 'DVC\'s user guide has the settings of each kind under "Remote storage"'
Tell = Callable[[str], None]


class RemoteError(ProjectError):
    """The remote cannot be used as it is: a line for the cause, one for the remedy, and whether trying again may help."""

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

    @property
    def keeps_versions(self) -> bool:
        """Whether files bear their own names there, and a pointer names the version of each."""
        return "true" in (self.config.get(key, "").lower() for key in ("version_aware", "worktree"))


@dataclass(frozen=True)
class Symptom:
    """What dvc or the client of a remote prints, as a pattern, and what it means; `{name}` is a group of the pattern."""

    said: str
    cause: str
    remedy: str
    passing: bool = False
    error_class: type[RemoteError] = RemoteError

    def error(self, **groups: str) -> RemoteError:
        """What it means, as an error."""
        return self.error_class(self.cause.format(**groups), self.remedy, self.passing)


BROKEN_CONNECTION = Symptom(
    r"EOF occurred|Connection reset|RemoteDisconnected|Broken pipe|BadStatusLine|IncompleteRead|timed out|"
    r"UNEXPECTED_EOF|Connection aborted|did not end within|Remote end closed|CannotSendRequest|ResponseNotReady|"
    r"Request-sent|Server disconnected|\[SSL(?!: CERTIFICATE)",
    "The connection broke, or took too long.",
    "Run again: what is there already is not sent twice. A large file may need DVC_TIME_LIMIT (seconds).",
    passing=True,
)


class RemoteBackend:
    """One kind of remote: a subclass in a module of its own, and a row of `champion.datastore.backends.table`.

    A kind says what differs. The package that dvc needs for it, dvc itself names; one that cannot live in this
    environment gets one of its own (`python`).
    """

    schemes: tuple[str, ...] = ()
    """What stands before `://` in its addresses; empty for a path."""
    symptoms: tuple[Symptom, ...] = ()
    """What its failures look like, and mean; the first that fits counts."""
    secrets: tuple[str, ...] = ()
    """The environment variables that hold its credentials; nothing that is published may show their values."""

    def identity(self, remote: Remote) -> str | None:
        """Who speaks to the remote, without any secret; None where it needs no credentials that are known here.

        Raises NoCredentialsError when there are none. Raises RemoteError when credentials or address cannot be right.
        """

    def settings(self, remote: Remote) -> dict[str, str]:  # noqa: ARG002 - for the kinds that have some
        """What DVC's configuration does not say of the remote and has to, by its credentials."""
        return {}

    def variables(self, remote: Remote) -> dict[str, str]:  # noqa: ARG002 - for the kinds that have some
        """What dvc gets in its environment in another form than this process has it."""
        return {}

    def python(self, root: Path) -> Path | None:
        """The Python whose dvc to call, made ready; None for this environment's."""

    def diagnose(self, output: str) -> RemoteError | None:
        """Cause and remedy of a call that failed, by the first symptom that fits; None where none does."""
        matches = ((symptom, re.search(symptom.said, output)) for symptom in self.symptoms)
        return next((symptom.error(**match.groupdict()) for symptom, match in matches if match), None)

    def require(self, remote: Remote) -> None:
        """Raise where it can be seen that the remote itself is not there, so that it lacks everything."""

    def check(self, root: Path, remote: Remote) -> str:
        """Look at the remote before DVC is asked for anything; what was found, in one line.

        Left to DVC where a kind knows no better: then a server that answers nothing at all may pass. Raises
        RemoteError with cause and remedy, for the first thing that is wrong.
        """
        call = ("ls-url", f"remote://{remote.name}") if remote.keeps_versions else ("status", "--cloud")
        done = dvc.run(root, *call, seconds=CHECK_LIMIT)
        if done.ok:
            return f"{remote.url}; `dvc {' '.join(call)}` finds no fault"
        problem = self.diagnose(done.output)
        if problem is None and remote.keeps_versions and "does not exist" in done.output:
            return f"{remote.url}; nothing was pushed there yet"
        raise problem or RemoteError(f"DVC cannot look at {remote.url}: {done.last_line}.", f"Mend that; {USER_GUIDE}.")

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
