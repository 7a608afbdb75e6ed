"""From which probability of the second class on a model of two classes answers it, found on the train set alone."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import Pipeline

from champion.errors import ConfigurationError, NotEnoughDataError
from champion.modeling.contract import Contract
from champion.modeling.predictor import Predictions
from champion.modeling.tasks.learning import learning_of
from champion.use_case.learning import Threshold, WrongAnswer

POINTS = 200  # thresholds tried


def require_two_classes(contract: Contract, name: str) -> None:
    """Raise ConfigurationError where there is no second class to find a threshold for, or more than two."""
    if len(contract.classes) != 2:
        found = f"{len(contract.classes)} classes" if contract.classes else "no classes"
        raise ConfigurationError(
            f"candidates.{name}.threshold: the target has {found}, and a threshold is between two. Leave it out; "
            "where classes are unbalanced, class_weight: balanced among the parameters is for any number."
        )


def tuned(
    wanted: Threshold, likely: NDArray[np.float64], truth: NDArray[np.int64], metric: str, contract: Contract
) -> tuple[float, float]:
    """The threshold that is best on rows that a model did not learn from, and the metric there.

    `likely` is the probability of the second class, shape (rows,). Best is the highest metric, or the lowest costs; of equals
    the one nearest to 0.5.
    """
    points = np.unique(np.quantile(likely, np.linspace(0, 1, POINTS)))
    points = np.unique([0.5, *((points[1:] + points[:-1]) / 2)])
    learning, shares = learning_of(contract.task), np.stack([1 - likely, likely], axis=1)
    ranked = []
    for point in points.tolist():
        answered = (likely >= point).astype(np.int64)
        answers = learning.answers(Predictions(answered, shares), truth, range(2))
        try:
            score = learning.score(answers, (), required=metric)[metric]
        except NotEnoughDataError:
            continue
        value = -_costs(wanted, answered, truth) if isinstance(wanted, dict) else score
        ranked.append((value, -abs(point - 0.5), point, score))
    if not ranked:
        raise NotEnoughDataError(f"{metric} cannot be computed on the train set, so no threshold can be tuned by it.")
    _, _, point, score = max(ranked)
    return point, score


def _costs(costs: dict[WrongAnswer, float], answered: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    alarms, misses = ((answered == 1) & (truth == 0)).sum(), ((answered == 0) & (truth == 1)).sum()
    return float(costs.get("false_positive", 1.0) * alarms + costs.get("false_negative", 1.0) * misses)


def answering_from(pipeline: Pipeline, threshold: float) -> Pipeline:
    """A pipeline, not fitted, that answers the second class from a probability on."""
    model: Any = FixedThresholdClassifier(
        pipeline[-1], threshold=threshold, pos_label=1, response_method="predict_proba"
    )
    return Pipeline([*pipeline.steps[:-1], ("model", model)])
