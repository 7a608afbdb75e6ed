"""How a task is learned and scored."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from champion.modeling.evaluation import Label
from champion.modeling.predictor import Predictions
from champion.modeling.tasks import part_of
from champion.use_case.learning import Fitting

Fold = tuple[NDArray[np.int64], NDArray[np.int64]]  # places of the rows to learn from, and of those to ask


def following(when: NDArray[np.float64], folds: int) -> list[Fold]:
    """Folds that follow each other in time: each is asked the next stretch after all that it learned (rolling origin).

    The stretches have about equally many rows, and no moment is in two. Source: Tashman (2000), International Journal of
    Forecasting 16(4).
    """
    order = np.argsort(when, kind="stable")
    ordered = when[order]
    starts = [round(len(order) * part / (folds + 1)) for part in range(1, folds + 1)]
    cuts = [int(np.searchsorted(ordered, ordered[start])) for start in starts if start < len(order)]
    cuts = sorted({cut for cut in cuts if cut})
    return [(order[:cut], order[cut:end]) for cut, end in zip(cuts, [*cuts[1:], len(order)], strict=True)]


class Learning(Protocol):
    """A module of functions and values; what `answers` returns is the task's own."""

    ESTIMATOR: type[Any]  # the mixin that its estimators have
    ESTIMATOR_NAME: str  # of such an estimator, in a sentence; also how scikit-learn lists them
    ALWAYS_SHOWN: tuple[str, ...]  # scores that every report has
    REFUSED_SCORERS: Mapping[str, str]  # that scikit-learn has and a use case may not name: why, and what to take

    def scorer_names(self) -> list[str]:
        """The scores that a use case may name."""

    def encode(self, labels: NDArray[np.object_], classes: Sequence[Label]) -> NDArray[Any]:
        """What an estimator learns, shape (rows,)."""

    def parameters(self, params: dict[str, Any], classes: Sequence[Label]) -> dict[str, Any]:
        """An estimator's parameters, with labels in them as `encode` writes them."""

    def folds(
        self,
        learned: NDArray[Any],
        groups: NDArray[Any] | None,
        fitting: Fitting,
        when: NDArray[np.float64] | None = None,
    ) -> list[Fold]:
        """Folds of the cross-validation; NotEnoughDataError where there are too few rows for one."""

    def needs_probabilities(self, name: str) -> bool:
        """Whether a score asks for more than the answers."""

    def answers(self, predictions: Predictions, truth: NDArray[Any], classes: Sequence[Label]) -> Any:
        """Truth, as `encode` writes it, and the answers to the same rows."""

    def score(self, answers: Any, names: Iterable[str], required: str) -> dict[str, float]:
        """Scores by name, higher is better; what cannot be computed is left out, unless it is required."""


learning_of: Callable[[str], Learning] = partial(part_of, __name__)  # by task
