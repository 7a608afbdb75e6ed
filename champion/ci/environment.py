"""What a workflow hands over: every variable that `champion.ci` reads, by its name and meaning.

Its secrets do not travel: GitHub hides them in its logs, but not in a comment, a summary or an artifact.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from champion import settings
from champion.datastore.backends import table
from champion.errors import ConfigurationError
from champion.orchestration import stacks

TOKENS = ("REPO_TOKEN", "GITHUB_TOKEN")
SHORTEST = 8  # what is shorter is no secret, and hiding it would spoil the text
_REPOSITORY, _COMMIT, _RUN = r"[\w.-]{1,100}/[\w.-]{1,100}", r"[0-9a-f]{40}", r"\d{1,20}"
_PATTERNS = {
    "BASE_SHA": _COMMIT,
    "HEAD_SHA": _COMMIT,
    "PR_NUMBER": r"[1-9]\d{0,9}",
    "GITHUB_RUN_ID": _RUN,
    "RUN_ID": _RUN,
    "GITHUB_REPOSITORY": _REPOSITORY,
    "HEAD_REPOSITORY": _REPOSITORY,
    "ROLLBACK_TO": r"\d{1,9}",
    "ROLLBACK_USE_CASE": r"[A-Za-z0-9_][\w.-]{0,99}",
    "DRIFT_DATA": r"(?!.*\.\.)[\w{][\w{}./-]{0,199}",
    "GITHUB_SERVER_URL": r"https?://[\w.:-]+",
    "GITHUB_API_URL": r"https?://[\w.:/-]+",
}


@dataclass(frozen=True)
class Environment:
    """The variables of one step; empty where one is not set."""

    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """The value of a variable, without blanks around it.

        Raises ConfigurationError when it cannot be what it should be.
        """
        value = self.values.get(name, "").strip()
        if value and name in _PATTERNS and not re.fullmatch(_PATTERNS[name], value):
            raise ConfigurationError(
                f"The variable {name} is {value[:80]!r}, which does not look like one. Correct it."
            )
        return value

    def need(self, name: str, why: str) -> str:
        """The value of a variable that a command cannot do without. Raises ConfigurationError when it is not set."""
        value = self[name]
        if not value:
            raise ConfigurationError(f"The variable {name} is not set: {why}.")
        return value

    def append(self, name: str, text: str) -> None:
        """Write a text at the end of the file that a variable names, where it names one."""
        if self[name]:
            with Path(self[name]).open("a", encoding="utf-8") as file:
                file.write(text)

    @property
    def stack(self) -> str:
        """The ZenML stack that trains."""
        return self["CI_STACK"] or "docker"

    @property
    def run_link(self) -> str | None:
        """The address of the workflow's run, where there is one; RUN_ID names another run than this one."""
        server, repository = self["GITHUB_SERVER_URL"], self["GITHUB_REPOSITORY"]
        run = self["RUN_ID"] or self["GITHUB_RUN_ID"]
        return f"{server}/{repository}/actions/runs/{run}" if server and repository and run else None

    @property
    def has_server(self) -> bool:
        """Whether a ZenML server is the truth about the champion."""
        return bool(self["ZENML_STORE_URL"])


def secrets_of(variables: Mapping[str, str]) -> list[str]:
    """The secrets of an environment, and the parts of one that is JSON, the longest first.

    Which variables hold one is said where they are read: here, by the settings, each kind of remote, and the stacks' files.
    """
    names = {*TOKENS, *settings.SECRETS, *table.SECRETS, *stacks.secrets()}
    secrets = {part for name in names for part in _parts(variables.get(name, "").strip())}
    return sorted((each for each in secrets if len(each) >= SHORTEST), key=len, reverse=True)


def hidden(text: str, secrets: list[str]) -> str:
    """A text with ``***`` in place of secrets."""
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def _parts(value: str) -> Iterator[str]:
    yield value
    try:
        loaded = json.loads(value)
    except ValueError:
        yield from value.replace("\\n", "\n").splitlines()
        return
    yield from _texts(loaded, secret=False)


def _texts(loaded: object, secret: bool) -> Iterator[str]:
    """The texts of a JSON value that stand under a name of a secret, as they are and as JSON writes them."""
    if isinstance(loaded, dict):
        for key, part in loaded.items():
            yield from _texts(part, secret or any(word in str(key) for word in ("key", "token", "secret")))
    elif isinstance(loaded, list):
        for part in loaded:
            yield from _texts(part, secret)
    elif secret and isinstance(loaded, str) and not loaded.startswith("http"):
        yield from (loaded, json.dumps(loaded)[1:-1], *loaded.replace("\\n", "\n").splitlines())
