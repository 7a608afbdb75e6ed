"""How classes are learned and judged: folds, scores, curves and the paired test, over the classes that the judged rows have."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import bdtr
from sklearn import metrics
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.utils.metaestimators import available_if

from champion.errors import ConfigurationError, NotEnoughDataError, listed
from champion.modeling.classifier import Predictions
from champion.modeling.evaluation import ClassScore, Curve, Label, PairedTest
from champion.modeling.tasks.classification.target import canonical_labels, class_list
from champion.use_case.learning import Fitting

ESTIMATOR: type[Any] = ClassifierMixin
ESTIMATOR_NAME = "classifier"

ALWAYS_SHOWN: tuple[str, ...] = ("accuracy", "balanced_accuracy", "f1_macro", "neg_log_loss", "roc_auc")
MOST_POINTS = 60  # of a curve
MOST_CURVES = 60  # classes with curves of their own
CALIBRATION_BINS = 10
ROWS_PER_BIN = 5  # at least, of a calibration curve

Fold = tuple[NDArray[np.int64], NDArray[np.int64]]  # places of the rows to learn from, and of those to ask

_FROM_PREDICTIONS = frozenset(
    {
        "accuracy", "balanced_accuracy", "f1", "precision", "recall", "jaccard", "matthews_corrcoef",
        "positive_likelihood_ratio", "neg_negative_likelihood_ratio",
    }
)  # fmt: skip
_NOT_FOR_CLASSES = ("error", "r2", "explained_variance", "d2_absolute", "mutual_info", "rand_score", "completeness",
                    "homogeneity", "v_measure", "fowlkes", "deviance", "samples")  # fmt: skip
_AVERAGED = re.compile(r"(f1|precision|recall|jaccard)_(macro|micro|weighted)")


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


def answers(
    predictions: Predictions, own: Sequence[Label], classes: Sequence[Label], truth: NDArray[np.object_]
) -> Answers:
    """Truth and the answers of a model that knows its `own` classes, in the codes of all `classes`."""
    code_of = encode(np.array([*own], dtype=object), classes)
    probabilities = None
    if predictions.probabilities is not None:
        probabilities = np.zeros((len(truth), len(classes)))
        probabilities[:, code_of] = predictions.probabilities
    return Answers(classes, encode(truth, classes), code_of[predictions.codes], probabilities)


def scorer_names() -> list[str]:
    """scikit-learn's scorers of classifiers."""
    return [name for name in metrics.get_scorer_names() if not any(word in name for word in _NOT_FOR_CLASSES)]


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
    return name not in _FROM_PREDICTIONS and not _AVERAGED.fullmatch(name)


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
            return float(
                measure(answers.truth, answers.predicted, labels=answers.present, average=averaged[2], zero_division=0)
            )
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


def per_class(answers: Answers) -> list[ClassScore]:
    """Precision, recall, F1 and support of every class, in the order of `Answers.classes`."""
    codes = list(range(len(answers.classes)))
    columns = metrics.precision_recall_fscore_support(answers.truth, answers.predicted, labels=codes, zero_division=0)
    rows = zip(answers.classes, *(column.tolist() for column in columns), strict=True)
    return [
        ClassScore(label=label, precision=precision, recall=recall, f1=f1, support=support)
        for label, precision, recall, f1, support in rows
    ]


def confusion(answers: Answers) -> list[list[int]]:
    """Rows by truth, columns by prediction, in the order of `Answers.classes`."""
    codes = list(range(len(answers.classes)))
    matrix: list[list[int]] = metrics.confusion_matrix(answers.truth, answers.predicted, labels=codes).tolist()
    return matrix


def roc_curves(answers: Answers) -> list[Curve]:
    """One class against the rest: false positive rate (x), true positive rate (y), and the area under it."""
    curves = []
    for label, positive, probability in _one_against_rest(answers):
        x, y, _ = metrics.roc_curve(positive, probability)
        curves.append(Curve(label=label, **_thinned(x, y), area=float(metrics.auc(x, y))))
    return curves


def precision_recall_curves(answers: Answers) -> list[Curve]:
    """One class against the rest: recall (x), precision (y), and the average precision."""
    curves = []
    for label, positive, probability in _one_against_rest(answers):
        precision, recall, _ = metrics.precision_recall_curve(positive, probability)
        area = float(metrics.average_precision_score(positive, probability))
        curves.append(Curve(label=label, **_thinned(recall[::-1], precision[::-1]), area=area))
    return curves


def calibration(answers: Answers) -> list[Curve]:
    """One class against the rest: mean predicted probability (x), share that was right (y), in bins of equal rows."""
    curves = []
    for label, positive, probability in _one_against_rest(answers):
        order = np.argsort(probability, kind="stable")
        bins = np.array_split(order, min(CALIBRATION_BINS, max(1, len(order) // ROWS_PER_BIN)))
        x, y = ([float(each[part].mean()) for part in bins] for each in (probability, positive))
        curves.append(Curve(label=label, x=x, y=y, counts=list(map(len, bins))))
    return curves


def _one_against_rest(answers: Answers) -> Iterator[tuple[Label, NDArray[np.bool_], NDArray[np.float64]]]:
    """Every present class that has a rest; of two classes the second alone, which says it all."""
    if answers.probabilities is None or len(answers.present) < 2:
        return
    codes = [1] if len(answers.classes) == 2 else answers.present[:MOST_CURVES]
    for code in codes:
        yield answers.classes[code], answers.truth == code, answers.probabilities[:, code]


def _thinned(x: NDArray[np.float64], y: NDArray[np.float64]) -> dict[str, list[float]]:
    kept = np.unique(np.linspace(0, len(x) - 1, min(MOST_POINTS, len(x))).round().astype(int))
    return {"x": np.round(x[kept], 5).tolist(), "y": np.round(y[kept], 5).tolist()}


def paired_test(challenger: Answers, champion: Answers) -> PairedTest:
    """McNemar's exact test on the rows that both answered.

    Source: McNemar (1947), in the exact binomial form; see Dietterich (1998), Neural Computation 10(7).
    """
    challenger_right, champion_right = (each.predicted == each.truth for each in (challenger, champion))
    neither, losses, wins, both = np.bincount(2 * challenger_right + champion_right, minlength=4).tolist()
    alone = {"only_challenger_right": wins, "only_champion_right": losses}
    return PairedTest(both_right=both, both_wrong=neither, **alone, p_value=sign_test(wins, losses))


def sign_test(wins: int, losses: int) -> float:
    """Two-sided exact binomial p-value of so many wins and losses when both were equally likely."""
    if wins == losses:
        return 1.0
    return float(min(1.0, 2.0 * bdtr(min(wins, losses), wins + losses, 0.5)))


def smallest_gain(rows: int, paired: PairedTest | None) -> float:
    """The smallest gain in accuracy that the paired test tells from noise (p <= 0.05), as a share of so many rows.

    With fewer than six rows that only one of both answered right, no gain on them alone can stand out, so six are assumed;
    of fewer than six rows in all it is above 1.
    """
    differing = max(paired.only_challenger_right + paired.only_champion_right if paired else 0, 6)
    wins = next(wins for wins in range(differing // 2, differing + 1) if sign_test(wins, differing - wins) <= 0.05)
    return (2 * wins - differing) / max(rows, 1)


def tables_and_curves(answers: Answers) -> dict[str, Any]:
    """The fields of a performance that only classes have."""
    return {
        "per_class": per_class(answers),
        "confusion": confusion(answers),
        "roc": roc_curves(answers),
        "precision_recall": precision_recall_curves(answers),
        "calibration": calibration(answers),
    }


def unknown_target(target: pd.Series, known: Sequence[Label]) -> str | None:
    """Why a model can get no row right: 0 and 1 have become True and False, or the target is another one."""
    asked = class_list(canonical_labels(target.drop_duplicates()))
    if {(type(label), label) for label in asked} & {(type(label), label) for label in known}:
        return None
    return f"it knows the classes {listed(known)}, and the holdout has {listed(asked)}"


def sample(truth: NDArray[np.object_], order: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """The first rows of a random order, and the first of every class, since a score may need all."""
    first_of_class = np.unique(pd.factorize(truth[order])[0], return_index=True)[1]
    chosen: NDArray[np.int64] = order[np.union1d(first_of_class, np.arange(most))]
    return chosen
