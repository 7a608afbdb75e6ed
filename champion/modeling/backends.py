"""Faster ways to ask a fitted estimator: a table, a module per kind. The equivalence check decides whether one is taken.

Who knows the best way for another model library writes a module with `can` and `make`, and adds its row.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from champion.modeling import forest

NATIVE = "native"  # the estimator answers itself


class Backend(Protocol):
    """What answers in place of an estimator."""

    @property
    def most_rows(self) -> int:
        """Asked at once; with more the estimator itself is faster."""

    def probabilities(self, columns: NDArray[np.float64]) -> NDArray[np.float64]:
        """Answer rows of the estimator's columns: float64, shape (rows, classes)."""

    def boundaries(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Columns, and their values at which the answer may change: there the equivalence check looks closely."""


class Kind(Protocol):
    """A module that makes one kind of them."""

    def can(self, model: Any) -> bool:
        """Whether it knows a faster way for this fitted estimator."""

    def make(self, model: Any, classes: int) -> Backend:
        """Make it, for so many classes, also where the estimator was fitted without some of them."""


BACKENDS: dict[str, Kind] = {"packed": forest}
