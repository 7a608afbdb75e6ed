"""A fitted pipeline with its signature and its classes: what predicts on a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.estimators import is_tree_based
from ml.evaluation import Label
from ml.features import Feature, model_frame


@dataclass(frozen=True)
class Predictions:
    """Answers for some rows.

    Attributes
    ----------
    codes : ndarray of int64, shape (rows,)
        Places in the classifier's `classes`.
    probabilities : ndarray of float64, shape (rows, classes), or None
        None where the estimator has none.
    """

    codes: NDArray[np.int64]
    probabilities: NDArray[np.float64] | None


@dataclass(frozen=True)
class Classifier:
    """A fitted pipeline that predicts the places of `classes` from the columns of `features`."""

    features: Sequence[Feature]
    classes: Sequence[Label]
    pipeline: Any

    def predict(self, table: pd.DataFrame) -> Predictions:
        """Answer a table, in any column order.

        Parameters
        ----------
        table : DataFrame, shape (rows, any)
            Has at least the columns of `features`.

        Returns
        -------
        Predictions

        Raises
        ------
        DataError
            When a column is missing or holds a value that is not of its kind.
        """
        frame = model_frame(table, self.features)
        probabilities = self._probabilities(frame)
        if probabilities is not None and is_tree_based(self.pipeline[-1]):
            return Predictions(probabilities.argmax(axis=1), probabilities)
        return Predictions(np.asarray(self.pipeline.predict(frame), dtype=np.int64), probabilities)

    def _probabilities(self, frame: pd.DataFrame) -> NDArray[np.float64] | None:
        """Probabilities with a column for every class, also for one that a fold of training lacked."""
        if not hasattr(self.pipeline, "predict_proba"):
            return None
        found = self.pipeline.predict_proba(frame)
        if found.shape[1] == len(self.classes):
            return np.asarray(found, dtype=np.float64)
        whole = np.zeros((len(frame), len(self.classes)))
        whole[:, self.pipeline.classes_] = found
        return whole
