"""How a task compares two models on the same rows; no step that trains reaches this."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from champion.modeling.contract import Contract
from champion.modeling.evaluation import Label, PairedTest
from champion.modeling.predictor import Predictions
from champion.modeling.tasks import part_of


class Judging(Protocol):
    """A module of functions; what `answers` returns is the task's own, and understood by its `score` too."""

    def classes(self, contracts: Iterable[Contract], truth: NDArray[np.object_]) -> list[Label]:
        """The classes that some models and the judged rows know, in order; none where the task knows none."""

    def answers(
        self, predictions: Predictions, contract: Contract, classes: Sequence[Label], truth: NDArray[np.object_]
    ) -> Any:
        """Truth and answers of a model, over all `classes` of a comparison."""

    def missing_classes(self, answers: Any) -> list[Label]:
        """The classes that no judged row has."""

    def evidence(self, answers: Any) -> dict[str, Any]:
        """Fields of `champion.comparison.evaluation.Performance`, for a report: `measured`, or the task's own."""

    def paired_test(self, challenger: Any, champion: Any) -> PairedTest:
        """Whether chance explains the difference of two models on the same rows."""

    def one_sided(self, challenger: Any, other: Any) -> float:
        """The p-value of the paired test against one side: that a challenger is no better than the other."""

    def counts_right_answers(self, metric: str) -> bool:
        """Whether a score says how many answers are right, so that the paired test is about it."""

    def without_knowledge(
        self, answers: Any, contract: Contract, classes: Sequence[Label], target_counts: Sequence[int]
    ) -> Any:
        """What a model would answer to the same rows that knows the target of the train set alone."""

    def perfect(self, answers: Any) -> Any:
        """The answers to the same rows that are all right."""

    def rows(self, answers: Any) -> int:
        """To how many rows they are."""

    def part(self, answers: Any, rows: NDArray[np.int64]) -> Any:
        """Those to some rows, of which one may be named more than once."""

    def smallest_gain(self, rows: int, paired: PairedTest | None) -> float:
        """The smallest gain that the paired test tells from noise on so many rows."""

    def unknown_target(self, target: pd.Series, contract: Contract) -> str | None:
        """Why a model can get no row of a table right; None where it can."""

    def sample(self, truth: NDArray[np.object_], order: NDArray[np.int64], most: int) -> NDArray[np.int64]:
        """Places of at most about so many rows, the first of a random order, on which any score can be computed."""

    def doubts(self, truth: NDArray[np.object_], answers: Any, contracts: Sequence[Contract]) -> list[str]:
        """What makes the scores of challenger and champion, in this order, say less than they seem to."""


judging_of: Callable[[str], Judging] = partial(part_of, __name__)  # by task
