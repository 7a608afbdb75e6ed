"""The scores of a model that knows classes: one definition each, over the same classes for whoever is compared.

Whether a score has a meaning depends on the judged rows and the classes alone, never on the answers, so that no model can
make it undefined: what divides by what a model answered is either settled here (a class that is never named has precision
0) or refused by name. All names and definitions are scikit-learn's, where every class is among the judged rows.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn import metrics

from champion.modeling.evaluation import Label

TOP = 2  # of top_k_accuracy
REFUSED = {
    "positive_likelihood_ratio": "it is infinite for a model without a false alarm, which is the best there is. On the same "
    "rows 'precision' ranks two models as it would, and has a value for every answer",
    "neg_negative_likelihood_ratio": "it is infinite or undefined for a model that never says the first class. Take "
    "'balanced_accuracy', which has a value for every answer",
}
FOR_MORE_CLASSES = {
    "f1": "f1_macro",
    "jaccard": "jaccard_macro",
    "precision": "precision_macro",
    "recall": "recall_macro",
}

_EPSILON = float(np.finfo(np.float64).eps)  # the least probability of a log loss, whatever the model computes in

Floats = NDArray[np.float64]


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


class Scorer(NamedTuple):
    """How a score is computed, and for what."""

    compute: Callable[[Answers], float]
    classes: Literal["any", "two", "more"] = "any"  # that challenger, champion and rows know together
    probabilities: bool = False
    one_class: bool = False  # whether it says something where all judged rows have the same class


def unfit(name: str, answers: Answers) -> str | None:
    """Why a score is not made for these classes or this model; None where it is."""
    scorer, known = SCORERS[name], len(answers.classes)
    if scorer.classes == "two" and known != 2:
        return f"it is made for two classes, and there are {known}; {FOR_MORE_CLASSES[name]!r} is made for any number"
    if scorer.classes == "more" and known <= TOP:
        return f"of {known} classes every answer is among the best {TOP}; 'accuracy' tells models apart"
    if not scorer.probabilities:
        return None
    if answers.probabilities is None:
        return "the estimator has no probabilities (predict_proba)"
    return None if np.isfinite(answers.probabilities).all() else "the estimator gives probabilities that are no numbers"


def has_meaning(name: str, answers: Answers) -> bool:
    """Whether the judged rows can give a score: a class alone tells no model from one that always says it."""
    return len(answers.present) >= (1 if SCORERS[name].one_class else 2)


def _counts(answers: Answers) -> tuple[Floats, Floats, Floats]:
    """For every class: the rows that were rightly named it, that were named it, and that have it."""
    size = len(answers.classes)
    right = answers.truth[answers.predicted == answers.truth]
    counted = [np.bincount(codes, minlength=size) for codes in (right, answers.predicted, answers.truth)]
    return counted[0].astype(float), counted[1].astype(float), counted[2].astype(float)


def _accuracy(answers: Answers) -> float:
    return float(np.mean(answers.predicted == answers.truth))


def _matthews(answers: Answers) -> float:
    """Gorodkin (2004) for any number of classes; 0, its limit, for one answer to every row."""
    (right, named, there), rows = _counts(answers), len(answers.truth)
    spread = (rows**2 - named @ named) * (rows**2 - there @ there)
    return float((rows * right.sum() - named @ there) / np.sqrt(spread)) if spread > 0 else 0.0


def _precision(right: Floats, named: Floats, there: Floats) -> Floats:  # noqa: ARG001 - all four take the same
    return np.divide(right, named, out=np.zeros_like(right), where=named > 0)


def _recall(right: Floats, named: Floats, there: Floats) -> Floats:  # noqa: ARG001 - all four take the same
    return np.divide(right, there, out=np.zeros_like(right), where=there > 0)


def _f1(right: Floats, named: Floats, there: Floats) -> Floats:
    return np.divide(2 * right, named + there, out=np.zeros_like(right), where=named + there > 0)


def _jaccard(right: Floats, named: Floats, there: Floats) -> Floats:
    either = named + there - right
    return np.divide(right, either, out=np.zeros_like(right), where=either > 0)


Measure = Callable[[Floats, Floats, Floats], Floats]


def _second(answers: Answers, measure: Measure) -> float:
    """Of two classes the second, which counts as the positive one."""
    return float(measure(*_counts(answers))[1])


def _macro(answers: Answers, measure: Measure) -> float:
    """The mean over the classes that the judged rows have."""
    return float(measure(*_counts(answers))[answers.present].mean())


def _weighted(answers: Answers, measure: Measure) -> float:
    """The mean over the classes by their judged rows."""
    counts = _counts(answers)
    return float(measure(*counts) @ counts[2] / len(answers.truth))


def _micro(answers: Answers, measure: Measure) -> float:
    """Over all rows together, so that an answer that names an absent class is as wrong as any."""
    right, named, there = (np.atleast_1d(each.sum()) for each in _counts(answers))
    return float(measure(right, named, there)[0])


def _likely(answers: Answers) -> Floats:
    """The probabilities, which `unfit` has seen to be there."""
    return np.asarray(answers.probabilities, dtype=np.float64)


def _log_loss(answers: Answers) -> float:
    of_truth = _likely(answers)[np.arange(len(answers.truth)), answers.truth]
    return float(-np.log(np.clip(of_truth, _EPSILON, 1 - _EPSILON)).mean())


def _brier(answers: Answers) -> float:
    """Brier (1950): the squared distance from the truth over all classes known, of which two classes count half."""
    distance = np.eye(len(answers.classes))[answers.truth] - _likely(answers)
    return float((distance**2).sum(axis=1).mean()) / (2 if len(answers.classes) == 2 else 1)


def _d2(answers: Answers, loss: Callable[[Answers], float]) -> float:
    """What a model saves of the loss of one that always says the share of each class among the judged rows."""
    shares = _counts(answers)[2] / len(answers.truth)
    null = Answers(answers.classes, answers.truth, answers.predicted, np.tile(shares, (len(answers.truth), 1)))
    return 1 - loss(answers) / loss(null)


def _one_against_rest(answers: Answers) -> Iterator[tuple[NDArray[np.bool_], Floats]]:
    """Of two classes the second, else every present one: which rows have it, and how likely it was said to be."""
    likely = _likely(answers)
    for code in [1] if len(answers.classes) == 2 else answers.present:
        yield answers.truth == code, likely[:, code]


def _area(positive: NDArray[np.bool_], likely: Floats) -> float:
    """The area under the ROC curve as Mann and Whitney's U: the share of pairs in the right order, ties half."""
    count, others = int(positive.sum()), int((~positive).sum())
    return float((rankdata(likely)[positive].sum() - count * (count + 1) / 2) / (count * others))


def _against_rest(answers: Answers, weighted: bool = False) -> float:
    sides = [*_one_against_rest(answers)]
    areas = [_area(positive, likely) for positive, likely in sides]
    return float(np.average(areas, weights=[positive.sum() for positive, _ in sides] if weighted else None))


def _against_each(answers: Answers, weighted: bool = False) -> float:
    """Hand and Till (2001): every pair of classes among its own rows, either of both as the positive one."""
    if len(answers.classes) == 2:
        return _against_rest(answers)
    likely, areas, shares = _likely(answers), [], []
    for pair in combinations(answers.present, 2):
        rows = np.isin(answers.truth, pair)
        areas.append(np.mean([_area(answers.truth[rows] == code, likely[rows, code]) for code in pair]))
        shares.append(rows.mean())
    return float(np.average(areas, weights=shares if weighted else None))


def _average_precision(answers: Answers) -> float:
    return float(np.mean([metrics.average_precision_score(*side) for side in _one_against_rest(answers)]))


def _top(answers: Answers) -> float:
    labels = range(len(answers.classes))
    return float(metrics.top_k_accuracy_score(answers.truth, _likely(answers), k=TOP, labels=[*labels]))


def _negative(answers: Answers, loss: Callable[[Answers], float]) -> float:
    return -loss(answers)


_MEASURES = {"f1": _f1, "jaccard": _jaccard, "precision": _precision, "recall": _recall}
_AREAS: dict[str, Callable[[Answers], float]] = {
    "roc_auc": _against_rest,
    "roc_auc_ovo": _against_each,
    "roc_auc_ovo_weighted": partial(_against_each, weighted=True),
    "roc_auc_ovr": _against_rest,
    "roc_auc_ovr_weighted": partial(_against_rest, weighted=True),
}
SCORERS: dict[str, Scorer] = {
    "accuracy": Scorer(_accuracy, one_class=True),
    "average_precision": Scorer(_average_precision, probabilities=True),
    "balanced_accuracy": Scorer(partial(_macro, measure=_recall)),
    "d2_brier_score": Scorer(partial(_d2, loss=_brier), probabilities=True),
    "d2_log_loss_score": Scorer(partial(_d2, loss=_log_loss), probabilities=True),
    **{name: Scorer(partial(_second, measure=each), classes="two") for name, each in _MEASURES.items()},
    **{f"{name}_macro": Scorer(partial(_macro, measure=each)) for name, each in _MEASURES.items()},
    **{f"{name}_micro": Scorer(partial(_micro, measure=each), one_class=True) for name, each in _MEASURES.items()},
    **{
        f"{name}_weighted": Scorer(partial(_weighted, measure=each), one_class=name == "recall")
        for name, each in _MEASURES.items()
    },
    "matthews_corrcoef": Scorer(_matthews),
    "neg_brier_score": Scorer(partial(_negative, loss=_brier), probabilities=True),
    "neg_log_loss": Scorer(partial(_negative, loss=_log_loss), probabilities=True),
    **{name: Scorer(each, probabilities=True) for name, each in _AREAS.items()},
    "top_k_accuracy": Scorer(_top, classes="more", probabilities=True),
}
