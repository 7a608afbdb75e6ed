"""How classes are learned and scored: what an estimator sees, folds, and scores over the classes that the asked rows have."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from champion.errors import ConfigurationError, NotEnoughDataError
from champion.modeling.evaluation import Label
from champion.modeling.predictor import Predictions
from champion.modeling.tasks.classification.scores import REFUSED, SCORERS, has_meaning, unfit
from champion.modeling.tasks.classification.scores import Answers as Answers
from champion.modeling.tasks.learning import Fold, following
from champion.use_case.learning import Fitting

ESTIMATOR: type[Any] = ClassifierMixin
ESTIMATOR_NAME = "classifier"
ALWAYS_SHOWN: tuple[str, ...] = ("accuracy", "balanced_accuracy", "f1_macro", "neg_log_loss", "roc_auc")
REFUSED_SCORERS: Mapping[str, str] = REFUSED


def encode(labels: NDArray[np.object_], classes: Sequence[Label]) -> NDArray[np.int64]:
    """Find the place of every label in `classes`, shape (rows,); -1 for a label that is not there."""
    code_of = {(type(label), label): code for code, label in enumerate(classes)}
    codes, uniques = pd.factorize(np.asarray(labels, dtype=object))
    each = np.array([code_of.get((type(label), label), -1) for label in uniques] + [-1], dtype=np.int64)
    encoded: NDArray[np.int64] = each[codes]
    return encoded


def parameters(params: dict[str, Any], classes: Sequence[Label]) -> dict[str, Any]:
    """An estimator's parameters, with class weights by code, because codes are what it learns."""
    code_of = {(type(label), label): code for code, label in enumerate(classes)}
    coded = dict(params)
    for name, weights in params.items():
        if name.rpartition("__")[2] not in ("class_weight", "class_weights") or not isinstance(weights, dict):
            continue
        unknown = [label for label in weights if (type(label), label) not in code_of]
        if unknown:
            raise ConfigurationError(
                f"class_weight names {unknown[0]!r}, which is no class of the train set. "
                f"The classes are: {', '.join(map(repr, classes))}."
            )
        coded[name] = {code_of[type(label), label]: weight for label, weight in weights.items()}
    return coded


def folds(
    codes: NDArray[np.int64],
    groups: NDArray[Any] | None,
    fitting: Fitting,
    when: NDArray[np.float64] | None = None,
) -> list[Fold]:
    """Stratified folds that tear no group apart, without those that could not be learned from or have no row.

    With `when`, the moments of the rows, folds follow each other: each is asked what is later than all that it learned, and no
    moment is on both sides.

    Raises NotEnoughDataError when none is left.
    """
    largest = int(np.bincount(codes).max())
    most = largest if groups is None else min(largest, len(np.unique(groups)))
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    made: list[Fold] = []
    if when is not None:
        made = following(when, fitting.folds)
    elif most > 1:
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
    """The scores that a use case may name; see `champion.modeling.tasks.classification.scores`."""
    return sorted(SCORERS)


def score(answers: Answers, names: Iterable[str], required: str) -> dict[str, float]:
    """Compute the named scores, higher is better.

    Averages over classes are over those that the judged rows have; ``roc_auc`` means one against the rest when there are more
    than two classes. A score without a meaning here (no probabilities, one class only) is left out, unless it is the
    required one.

    Raises ConfigurationError when the required score is not made for these classes or this estimator, NotEnoughDataError
    when it has no meaning on these rows.
    """
    scores: dict[str, float] = {}
    for name in dict.fromkeys((required, *names)):
        reason = unfit(name, answers)
        if reason is None and has_meaning(name, answers):
            scores[name] = SCORERS[name].compute(answers)
        elif name != required:
            continue
        elif reason is None:
            raise _not_enough(name, answers)
        else:
            raise ConfigurationError(
                f"{name!r} (promotion.metric or a guardrail) cannot score this estimator and target: {reason}."
            )
    return scores


def needs_probabilities(name: str) -> bool:
    """Tell whether a scorer asks for more than the predicted classes."""
    return SCORERS[name].probabilities


def _not_enough(name: str, answers: Answers) -> NotEnoughDataError:
    rows = len(answers.truth)
    if rows == 0:
        return NotEnoughDataError(
            f"{name} cannot be computed: there is no judged row. Add rows, or enlarge split.share."
        )
    only = answers.classes[answers.present[0]]
    return NotEnoughDataError(
        f"{name} cannot be computed: the {rows} judged rows have one class only ({only!r}), expected two or more: on one "
        "class it says nothing of a model. Add rows of the others, enlarge split.share, or choose another promotion.metric."
    )
