"""How a task is learned and judged, and the tasks that there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from champion.modeling.classifier import Predictions
from champion.modeling.evaluation import Label, PairedTest
from champion.modeling.tasks.classification import learning as classification
from champion.modeling.tasks.classification.learning import Answers, Fold
from champion.use_case.learning import Fitting


class Learning(Protocol):
    """A module of functions and values."""

    ESTIMATOR: type[Any]  # the mixin that its estimators have
    ESTIMATOR_NAME: str  # of such an estimator, in a sentence; also how scikit-learn lists them
    ALWAYS_SHOWN: tuple[str, ...]  # scores that every report has

    def scorer_names(self) -> list[str]:
        """The scores that a use case may name."""

    def encode(self, labels: NDArray[np.object_], classes: Sequence[Label]) -> NDArray[np.int64]:
        """What an estimator learns, shape (rows,)."""

    def parameters(self, params: dict[str, Any], classes: Sequence[Label]) -> dict[str, Any]:
        """An estimator's parameters, with labels in them as `encode` writes them."""

    def folds(self, codes: NDArray[np.int64], groups: NDArray[Any] | None, fitting: Fitting) -> list[Fold]:
        """Folds of the cross-validation; NotEnoughDataError where there are too few rows for one."""

    def needs_probabilities(self, name: str) -> bool:
        """Whether a score asks for more than the predicted labels."""

    def answers(
        self, predictions: Predictions, own: Sequence[Label], classes: Sequence[Label], truth: NDArray[np.object_]
    ) -> Answers:
        """Truth and answers of a model that knows its `own` classes, over all `classes` of a comparison."""

    def score(self, answers: Answers, names: Iterable[str], required: str) -> dict[str, float]:
        """Scores by name, higher is better; what cannot be computed is left out, unless it is required."""

    def tables_and_curves(self, answers: Answers) -> dict[str, Any]:
        """The further fields of `champion.comparison.evaluation.Performance`, for the tables and figures of a report."""

    def paired_test(self, challenger: Answers, champion: Answers) -> PairedTest:
        """Whether chance explains the difference of two models on the same rows."""

    def smallest_gain(self, rows: int, paired: PairedTest | None) -> float:
        """The smallest gain that the paired test tells from noise on so many rows."""

    def unknown_target(self, target: pd.Series, known: Sequence[Label]) -> str | None:
        """Why a model that knows some classes can get no row of a table right; None where it can."""

    def sample(self, truth: NDArray[np.object_], order: NDArray[np.int64], most: int) -> NDArray[np.int64]:
        """Places of at most about so many rows, the first of a random order, on which any score can be computed."""


LEARNING: dict[str, Learning] = {"classification": classification}
