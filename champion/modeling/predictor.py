"""A fitted pipeline with its contract: what predicts on a table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from champion.errors import DataError
from champion.modeling.contract import Contract
from champion.modeling.features import model_frame

if TYPE_CHECKING:
    import pandas as pd

FEWEST_ROWS_FOR_THREADS = 10_000  # below, threads wait for each other longer than they work


@dataclass(frozen=True)
class Predictions:
    """Answers for some rows, shape (rows,): the places of classes as int64, or float64 where the task knows no classes.

    `probabilities` are of shape (rows, classes), or None where the estimator has none.
    """

    values: NDArray[Any]
    probabilities: NDArray[np.float64] | None = None

    def part(self, rows: slice | Sequence[int]) -> Predictions:
        """Those of some rows."""
        return Predictions(self.values[rows], None if self.probabilities is None else self.probabilities[rows])


@dataclass(frozen=True)
class Predictor:
    """A fitted pipeline that answers tables as its contract says."""

    contract: Contract
    pipeline: Any

    def predict(self, table: pd.DataFrame) -> Predictions:
        """Answer a table that has at least the columns of the contract, in any order.

        Raises DataError when a column is missing, holds a value that is not of its kind, or one that the estimator refuses.
        """
        frame = model_frame(table, self.contract.features)
        try:
            return ask(self.pipeline, frame, len(self.contract.classes))
        except ValueError as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise DataError(f"{type(self.pipeline[-1]).__name__} cannot answer this table: {reason}") from error


def ask(pipeline: Any, frame: pd.DataFrame, classes: int, probabilities: bool = True) -> Predictions:
    """Ask a fitted pipeline: for codes from 0 to `classes` - 1, also where it was fitted without some of them, else for numbers.

    `frame` is as `champion.modeling.features.model_frame` makes it, and may have no row. `probabilities` says whether they are
    wanted, where the estimator has them.
    """
    wanted = probabilities and hasattr(pipeline, "predict_proba")
    if frame.empty:
        return nothing(classes, wanted)
    if not wanted:
        with _threads(len(frame)):
            return _plain(pipeline, frame, classes)
    return answered(pipeline, _row_by_row(pipeline, frame), classes)


def nothing(classes: int, probabilities: bool) -> Predictions:
    """The answers to no row."""
    return Predictions(np.empty(0, dtype=_type(classes)), np.empty((0, classes)) if probabilities else None)


def _plain(model: Any, rows: Any, classes: int) -> Predictions:
    return Predictions(np.asarray(model.predict(rows), dtype=_type(classes)))


def _type(classes: int) -> type[np.int64] | type[np.float64]:
    return np.int64 if classes else np.float64


def _row_by_row(pipeline: Any, frame: pd.DataFrame) -> pd.DataFrame:
    """The numbers of a row side by side where only trees look at them: column by column, boosting takes a fifth longer."""
    import pandas as pd

    if pipeline[0] != "passthrough" or any(dtype != np.float64 for dtype in frame.dtypes):
        return frame
    return pd.DataFrame(np.ascontiguousarray(frame.to_numpy()), frame.index, frame.columns, copy=False)


def answered(model: Any, rows: Any, classes: int) -> Predictions:
    """Ask a fitted estimator or pipeline one row or more: for answers, and for probabilities where it has them."""
    with _threads(len(rows)):
        return _answered(model, rows, classes)


def _threads(rows: int) -> AbstractContextManager[Any]:
    """Few rows are answered by the thread that asks: boosting has others wait for each other at every tree."""
    few = rows < FEWEST_ROWS_FOR_THREADS
    return _pools(len(sys.modules)).limit(limits=1, user_api="openmp") if few else nullcontext()


@lru_cache(maxsize=1)
def _pools(_: int) -> ThreadpoolController:
    """Looks through all libraries of the process, which takes a millisecond; anew where modules came, which may bring one."""
    return ThreadpoolController()


def _answered(model: Any, rows: Any, classes: int) -> Predictions:
    if not hasattr(model, "predict_proba"):
        return _plain(model, rows, classes)
    probabilities = np.asarray(model.predict_proba(rows), dtype=np.float64)
    if probabilities.shape[1] != classes:
        whole = np.zeros((len(rows), classes))
        whole[:, model.classes_] = probabilities
        probabilities = whole
    if _takes_the_most_probable(model):  # predict would walk the trees again, to the same answer
        return Predictions(probabilities.argmax(axis=1), probabilities)
    return Predictions(np.asarray(model.predict(rows), dtype=np.int64), probabilities)


def _takes_the_most_probable(model: Any) -> bool:
    """Whether predict is the first of the largest probabilities at a tie too; plain gradient boosting takes the second."""
    estimator = model[-1] if hasattr(model, "steps") else model
    if getattr(estimator, "most_probable", False):
        return True
    words = ("ForestClassifier", "TreeClassifier", "HistGradientBoostingClassifier")
    return any(word in parent.__name__ for parent in type(estimator).__mro__ for word in words)
