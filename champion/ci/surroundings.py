"""What a workflow hands over: every environment variable that `champion.ci` reads, by its name and its meaning."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from champion.errors import ConfigurationError

_PATTERNS = {
    "BASE_SHA": r"[0-9a-f]{40}",
    "HEAD_SHA": r"[0-9a-f]{40}",
    "PR_NUMBER": r"[1-9]\d{0,9}",
    "GITHUB_RUN_ID": r"\d{1,20}",
    "RUN_ID": r"\d{1,20}",
    "GITHUB_REPOSITORY": r"[\w.-]{1,100}/[\w.-]{1,100}",
    "HEAD_REPOSITORY": r"[\w.-]{1,100}/[\w.-]{1,100}",
    "ROLLBACK_TO": r"\d{1,9}",
    "ROLLBACK_USE_CASE": r"[A-Za-z0-9_][\w.-]{0,99}",
    "DRIFT_DATA": r"(?!.*\.\.)[\w{][\w{}./-]{0,199}",
    "GITHUB_SERVER_URL": r"https?://[\w.:-]+",
    "GITHUB_API_URL": r"https?://[\w.:/-]+",
}


@dataclass(frozen=True)
class Surroundings:
    """The environment of one step; empty where a variable is not set."""

    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        """The value of a variable, without blanks around it.

        Raises
        ------
        ConfigurationError
            When it cannot be what it should be.
        """
        found = self.values.get(name, "").strip()
        pattern = _PATTERNS.get(name)
        if found and pattern and not re.fullmatch(pattern, found):
            raise ConfigurationError(
                f"The variable {name} is {found[:80]!r}, which does not look like one. Correct it."
            )
        return found

    def need(self, name: str, why: str) -> str:
        """The value of a variable that a command cannot do without.

        Raises
        ------
        ConfigurationError
            When it is not set.
        """
        found = self[name]
        if not found:
            raise ConfigurationError(f"The variable {name} is not set: {why}.")
        return found

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


def surroundings() -> Surroundings:
    """The environment of this process."""
    return Surroundings(dict(os.environ))
