"""The errors that are a user's to mend, and the exit code that each one ends the command line with.

Every message says what was found, what was expected and what to do. The command line prints it without a traceback;
anything that is not one of these is a bug of ours and keeps its traceback.
"""

import difflib
from collections.abc import Iterable, Sequence

DONE, FAILED, WRONG_USAGE, GATE_SAID_NO, NOT_ENOUGH_DATA = 0, 1, 2, 3, 4


class ProjectError(Exception):
    """Something a user can mend; ends the command with exit code 1."""

    exit_code = FAILED


class ConfigurationError(ProjectError):
    """A wrong use case, option or setting; exit code 2."""

    exit_code = WRONG_USAGE


class DataError(ProjectError):
    """A table that cannot be used as it is; exit code 1."""


class PackageError(ProjectError):
    """A production package that is broken, foreign or not trusted; exit code 1."""


class UntrustedCodeError(PackageError):
    """A package whose own code nobody here has allowed to run."""


class ModelError(PackageError):
    """A model that cannot be loaded, or cannot answer; `cause` says why, to follow the words "its model"."""

    def __init__(self, message: str, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


class MemoryLimitError(PackageError):
    """A model that this machine lacks the memory for; another one may have it."""


class StoreError(ProjectError):
    """A ZenML store that cannot be used as it is; exit code 1."""


class EngineError(ProjectError):
    """A Docker engine that is not there, or cannot do what it is asked; exit code 1."""


class NotEnoughDataError(ProjectError):
    """Too few rows to decide anything; exit code 4."""

    exit_code = NOT_ENOUGH_DATA


def nearest(word: str, allowed: Iterable[str]) -> str:
    """A sentence that names the nearest allowed word, or all of them where none is near.

    >>> nearest("slat", ["salt", "share"])
    "Did you mean 'salt'?"
    """
    choices = sorted(allowed)
    folded = {choice.casefold(): choice for choice in choices}
    close = difflib.get_close_matches(word, choices, n=1) or difflib.get_close_matches(word.casefold(), folded, n=1)
    if close:
        return f"Did you mean {folded.get(close[0], close[0])!r}?"
    return f"Allowed are: {', '.join(choices)}." if choices else "Nothing is allowed here."


def listed(names: Iterable[object], most: int = 8) -> str:
    """Names for a sentence, in quotes; of a long list the first ones and how many more.

    >>> listed(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    """
    quoted = [repr(str(name)) if isinstance(name, str) else repr(name) for name in names]
    rest = len(quoted) - most
    return ", ".join(quoted) if rest <= 0 else f"{', '.join(quoted[:most])} and {rest:,} more"


def nearest_column(word: str, names: Sequence[str]) -> str:
    """Name the nearest of the names, or the first of them where none is near.

    >>> nearest_column("Species", ["species", "island"])
    "Did you mean 'species'?"
    """
    folded = {name.strip().casefold(): name for name in reversed(names)}
    close = difflib.get_close_matches(word.strip().casefold(), folded, n=1)
    return f"Did you mean {folded[close[0]]!r}?" if close else f"The table has: {listed(names)}."


def counted(count: int, one: str, many: str) -> str:
    """A number with its noun, in the singular or the plural."""
    return f"{count:,} {one if count == 1 else many}"
