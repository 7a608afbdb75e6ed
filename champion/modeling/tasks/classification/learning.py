"""How classes are learned and scored: what an estimator sees, folds, and scores over the classes that the asked rows have."""

import math
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import metrics
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.utils.metaestimators import available_if

from champion.errors import ConfigurationError, NotEnoughDataError
from champion.modeling.evaluation import Label
from champion.modeling.predictor import Predictions
from champion.modeling.tasks.learning import Fold
from champion.use_case.learning import Fitting

ESTIMATOR: type[Any] = ClassifierMixin
ESTIMATOR_NAME = "classifier"
ALWAYS_SHOWN: tuple[str, ...] = ("accuracy", "balanced_accuracy", "f1_macro", "neg_log_loss", "roc_auc")

_NOT_FOR_CLASSES = re.compile(
    "error|r2|explained_variance|d2_absolute|mutual_info|rand_score|completeness|homogeneity|v_measure|fowlkes|deviance|samples"
)
_AVERAGED = re.compile(r"(f1|precision|recall|jaccard)_(macro|micro|weighted)")
_FROM_PREDICTIONS = re.compile(
    rf"accuracy|balanced_accuracy|f1|precision|recall|jaccard|matthews_corrcoef|\w+_likelihood_ratio|{_AVERAGED.pattern}"
)


@dataclass(frozen=True)
class Answers:
    """What was asked and what one model answered, in the codes of `classes`; probabilities of shape (rows, classes)."""

    classes: Sequence[Label]
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probabilities: NDArray[np.float64] | None

    @property
    def present(self) -> list[int]:
        """The codes that the judged rows have."""
        return [int(code) for code in np.unique(self.truth)]


def encode(labels: NDArray[np.object_], classes: Sequence[Label]) -> NDArray[np.int64]:
    """Find the place of every label in `classes`, shape (rows,); -1 for a label that is not there."""
    code_of = {(type(label), label): code for code, label in enumerate(classes)}
    codes, uniques = pd.factorize(np.asarray(labels, dtype=object))
    each = np.array([code_of.get((type(label), label), -1) for label in uniques] + [-1], dtype=np.int64)
    encoded: NDArray[np.int64] = each[codes]
    return encoded


def parameters(params: dict[str, Any], classes: Sequence[Label]) -> dict[str, Any]:
    """An estimator's parameters, with class weights by code, because codes are what it learns."""
    weights = params.get("class_weight")
    if not isinstance(weights, dict):
        return params
    code_of = {(type(label), label): code for code, label in enumerate(classes)}
    unknown = [label for label in weights if (type(label), label) not in code_of]
    if unknown:
        raise ConfigurationError(
            f"class_weight names {unknown[0]!r}, which is no class of the train set. "
            f"The classes are: {', '.join(map(repr, classes))}."
        )
    return {**params, "class_weight": {code_of[type(label), label]: weight for label, weight in weights.items()}}


def folds(codes: NDArray[np.int64], groups: NDArray[Any] | None, fitting: Fitting) -> list[Fold]:
    """Stratified folds that tear no group apart, without those that could not be learned from or have no row.

    Raises NotEnoughDataError when none is left.
    """
    largest = int(np.bincount(codes).max())
    most = largest if groups is None else min(largest, len(np.unique(groups)))
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    made: list[Fold] = []
    if most > 1:
        split = kind(n_splits=min(fitting.folds, most), shuffle=True, random_state=fitting.seed)
        with warnings.catch_warnings(action="ignore"):  # on small classes, one line per fold
            made = list(split.split(codes, codes, groups))
    kept = [(learned, asked) for learned, asked in made if len(asked) and len(np.unique(codes[learned])) > 1]
    if not kept:
        raise NotEnoughDataError(
            f"The train set has {len(codes)} rows, too few to rank candidates by cross-validation: in every fold at "
            "least two classes must be left to learn from, and no group may be torn apart. Add rows, or keep one "
            "candidate without a search."
        )
    return kept


def answers(predictions: Predictions, truth: NDArray[np.int64], classes: Sequence[Label]) -> Answers:
    """Truth, as `encode` writes it, and the answers of a model that knows the same classes."""
    return Answers(classes, truth, predictions.values, predictions.probabilities)


def scorer_names() -> list[str]:
    """scikit-learn's scorers of classifiers."""
    return [name for name in metrics.get_scorer_names() if not _NOT_FOR_CLASSES.search(name)]


def score(answers: Answers, names: Iterable[str], required: str) -> dict[str, float]:
    """Compute the named scikit-learn scores, higher is better.

    Averages are over the classes present in the judged rows; probabilities are renormalized to them. ``roc_auc`` means one
    against the rest when there are more than two classes. A score that cannot be computed (no probabilities, one class only)
    is left out, unless it is the required one.

    Raises ConfigurationError when the required score is not made for these classes, NotEnoughDataError when it cannot be
    computed on these rows.
    """
    scores: dict[str, float] = {}
    for name in dict.fromkeys((required, *names)):
        try:
            value = _score(answers, name)
        except (ValueError, AttributeError) as error:
            if name != required:
                continue
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            if len(answers.present) < 2:
                raise _not_enough(name, answers) from None
            raise ConfigurationError(
                f"{name!r} (promotion.metric or a guardrail) cannot score this estimator and target: {reason}"
            ) from None
        if math.isfinite(value):
            scores[name] = value
        elif name == required:
            raise _not_enough(name, answers)
    return scores


def needs_probabilities(name: str) -> bool:
    """Tell whether a scorer asks for more than the predicted classes."""
    return not _FROM_PREDICTIONS.fullmatch(name)


def _not_enough(name: str, answers: Answers) -> NotEnoughDataError:
    lacking = "have one class only" if len(answers.present) < 2 else "and the answers to them leave it undefined"
    return NotEnoughDataError(
        f"{name} cannot be computed: the {len(answers.truth)} judged rows {lacking}. Add rows, enlarge split.share, or "
        "choose another promotion.metric."
    )


def _score(answers: Answers, name: str) -> float:
    averaged = _AVERAGED.fullmatch(name)
    with warnings.catch_warnings(action="ignore"):
        if averaged:
            measure = getattr(metrics, f"{averaged[1]}_score")
            over = {"labels": answers.present, "average": averaged[2], "zero_division": 0}
            return float(measure(answers.truth, answers.predicted, **over))
        if name == "roc_auc" and len(answers.present) > 2:
            name = "roc_auc_ovr"
        recorded = _Recorded(answers)
        rows = np.arange(len(answers.truth)).reshape(-1, 1)
        return float(metrics.get_scorer(name)(recorded, rows, recorded.truth))


class _Recorded(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """An estimator that repeats recorded answers, so that every scorer works and no row is predicted twice.

    Its classes are the places of the present ones, 0 to k - 1; an answer that names an absent class keeps a place
    behind them. Probabilities are renormalized over the present ones.
    """

    def __init__(self, answers: Answers) -> None:
        present = answers.present
        absent = [code for code in range(len(answers.classes)) if code not in present]
        code_of = np.empty(len(answers.classes) + 1, dtype=np.int64)
        code_of[present + absent] = np.arange(len(answers.classes))
        code_of[-1] = len(answers.classes)
        self.classes_ = np.arange(len(present))
        self.truth = code_of[answers.truth]
        self.predicted = code_of[answers.predicted]
        self.probabilities: Any = None
        if answers.probabilities is not None:
            kept = answers.probabilities[:, present]
            total = kept.sum(axis=1, keepdims=True)
            self.probabilities = np.divide(kept, total, out=np.full_like(kept, 1 / len(present)), where=total > 0)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return self.predicted[rows[:, 0]]

    @available_if(lambda self: self.probabilities is not None)  # type: ignore[untyped-decorator]  # nor here
    def predict_proba(self, rows: NDArray[np.int64]) -> Any:
        return self.probabilities[rows[:, 0]]
