"""Model libraries: what is to be known of the library that an estimator comes from, to choose, fit, write and read it.

A further one is a module of these functions, and its row in `LIBRARIES`. A faster way to ask its models is a module too,
and a row of `champion.modeling.arrays.BACKENDS`, which no step that trains reaches.
"""

from typing import Any, Protocol

from champion.modeling.libraries import catboost, lightgbm, scikit_learn, xgboost


class Library(Protocol):
    """A module of functions and values; importing it does not import the library."""

    TRUSTED: frozenset[str]  # types in the files of its models, beyond those that skops trusts by itself
    RENAMED: dict[str, str]  # types by a former name that the library documents as the same, and their name of today

    ADAPTED: frozenset[str]  # import paths that a class of this project stands for
    GROUP: str | None  # the optional group of requirements that it is installed with
    IMPORTS_PANDAS: bool  # whether it cannot be imported without

    def adapted(self, path: str) -> type[Any]:
        """That class, for one of those paths, or for the library's row in `LIBRARIES`."""

    def owns(self, estimator: type[Any]) -> bool:
        """Whether a class is an estimator of this library, or is made from one."""

    def names(self, kind: str) -> dict[str, str]:
        """The import paths of its estimators of a kind, by the names of their classes."""

    def check_parameters(self, estimator: Any) -> None:
        """Let an estimator refuse its parameters (ValueError, TypeError) before it sees a table, where it can."""

    def is_wrong_parameter(self, error: Exception) -> bool:
        """Whether what fitting raised is about a parameter, and not about the table."""

    def number_steps(self, estimator: Any) -> Any:
        """The preparation of its numbers, or ``"passthrough"``."""

    def category_encoder(self, estimator: Any) -> Any:
        """The preparation of its categories."""

    def category_parameters(self, estimator: Any, numbers: int, categories: int) -> dict[str, Any]:
        """Parameters that tell an estimator which of its columns, numbers first, are categories; none where it need not know."""


LIBRARIES: dict[str, Library] = {
    "scikit-learn": scikit_learn,
    "lightgbm": lightgbm,
    "xgboost": xgboost,
    "catboost": catboost,
}
TRUSTED: frozenset[str] = frozenset().union(*(library.TRUSTED for library in LIBRARIES.values()))
RENAMED = {former: name for library in LIBRARIES.values() for former, name in library.RENAMED.items()}


def library_of(estimator: type[Any]) -> Library:
    """The library of a class: the last row that owns it, since most others follow scikit-learn's conventions."""
    return next((library for library in reversed(LIBRARIES.values()) if library.owns(estimator)), scikit_learn)
