"""How two models that know classes are compared: curves, tables and the paired test, over the classes that the judged rows have.

No step that trains reaches this, so that a further curve refits nothing.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import bdtr
from sklearn import metrics

from champion.errors import listed
from champion.modeling.contract import Contract
from champion.modeling.evaluation import Label, PairedTest
from champion.modeling.predictor import Predictions
from champion.modeling.tasks.classification.evidence import ClassScore, Curve
from champion.modeling.tasks.classification.learning import Answers, encode
from champion.modeling.tasks.classification.target import canonical_labels, class_list

FEW_ROWS = 30
MOST_POINTS = 60  # of a curve
MOST_CURVES = 60  # classes with curves of their own
CALIBRATION_BINS = 10
ROWS_PER_BIN = 5  # at least, of a calibration curve
RIGHT_ANSWERS = {"accuracy", "f1_micro", "jaccard_micro", "precision_micro", "recall_micro", "recall_weighted"}


def classes(contracts: Iterable[Contract], truth: NDArray[np.object_]) -> list[Label]:
    """The classes that some models and the judged rows know, in order."""
    return class_list([*(label for contract in contracts for label in contract.classes), *truth.tolist()])


def answers(given: Predictions, contract: Contract, classes: Sequence[Label], truth: NDArray[np.object_]) -> Answers:
    """Truth and the answers of a model that knows the classes of its contract, in the codes of all `classes`."""
    code_of = encode(np.array([*contract.classes], dtype=object), classes)
    probabilities = None
    if given.probabilities is not None:
        probabilities = np.zeros((len(truth), len(classes)))
        probabilities[:, code_of] = given.probabilities
    return Answers(classes, encode(truth, classes), code_of[given.values], probabilities)


def missing_classes(answers: Answers) -> list[Label]:
    """The classes that no judged row has."""
    return [label for code, label in enumerate(answers.classes) if code not in answers.present]


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


def roc_curves(answers: Answers) -> Iterator[Curve]:
    """One class against the rest: false positive rate (x), true positive rate (y), and the area under it."""
    for label, positive, probability in _one_against_rest(answers):
        x, y, _ = metrics.roc_curve(positive, probability)
        yield Curve(label=label, **_thinned(x, y), area=float(metrics.auc(x, y)))


def precision_recall_curves(answers: Answers) -> Iterator[Curve]:
    """One class against the rest: recall (x), precision (y), and the average precision."""
    for label, positive, probability in _one_against_rest(answers):
        precision, recall, _ = metrics.precision_recall_curve(positive, probability)
        area = float(metrics.average_precision_score(positive, probability))
        yield Curve(label=label, **_thinned(recall[::-1], precision[::-1]), area=area)


def calibration(answers: Answers) -> Iterator[Curve]:
    """One class against the rest: mean predicted probability (x), share that was right (y), in bins of equal rows."""
    for label, positive, probability in _one_against_rest(answers):
        order = np.argsort(probability, kind="stable")
        bins = np.array_split(order, min(CALIBRATION_BINS, max(1, len(order) // ROWS_PER_BIN)))
        x, y = ([float(each[part].mean()) for part in bins] for each in (probability, positive))
        yield Curve(label=label, x=x, y=y, counts=list(map(len, bins)))


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


def one_sided(challenger: Answers, other: Answers) -> float:
    """The p-value of McNemar's exact test against one side: that a challenger is right no more often than the other."""
    right, others = (each.predicted == each.truth for each in (challenger, other))
    wins, losses = int((right & ~others).sum()), int((others & ~right).sum())
    return float(bdtr(losses, wins + losses, 0.5)) if wins + losses else 1.0


def counts_right_answers(metric: str) -> bool:
    """Whether a score grows with the number of right answers and with nothing else."""
    return metric in RIGHT_ANSWERS


def without_knowledge(
    answers: Answers, contract: Contract, classes: Sequence[Label], target_counts: Sequence[int]
) -> Answers:
    """The answers of a model that always says the largest class of the train set, with the shares of all as probabilities."""
    shares = np.zeros(len(classes))
    shares[encode(np.array([*contract.classes], dtype=object), classes)] = np.array(target_counts) / sum(target_counts)
    rows = len(answers.truth)
    return Answers(classes, answers.truth, np.full(rows, int(shares.argmax())), np.tile(shares, (rows, 1)))


def perfect(answers: Answers) -> Answers:
    """The right answers, each with certainty."""
    sure = np.eye(len(answers.classes))[answers.truth]
    return Answers(answers.classes, answers.truth, answers.truth, sure)


def rows(answers: Answers) -> int:
    """To how many rows they are."""
    return len(answers.truth)


def part(answers: Answers, rows: NDArray[np.int64]) -> Answers:
    """Those to some rows, of which one may be named more than once."""
    shares = None if answers.probabilities is None else answers.probabilities[rows]
    return Answers(answers.classes, answers.truth[rows], answers.predicted[rows], shares)


def smallest_gain(rows: int, paired: PairedTest | None) -> float:
    """The smallest gain in accuracy that the paired test tells from noise (p <= 0.05), as a share of so many rows.

    With fewer than six rows that only one of both answered right, no gain on them alone can stand out, so six are assumed;
    of fewer than six rows in all it is above 1.
    """
    differing = max(paired.only_challenger_right + paired.only_champion_right if paired else 0, 6)
    wins = next(wins for wins in range(differing // 2, differing + 1) if sign_test(wins, differing - wins) <= 0.05)
    return (2 * wins - differing) / max(rows, 1)


def evidence(answers: Answers) -> dict[str, Any]:
    """The fields of `champion.modeling.tasks.classification.evidence.ClassEvidence`."""
    return {
        "per_class": per_class(answers),
        "confusion": confusion(answers),
        "roc": [*roc_curves(answers)],
        "precision_recall": [*precision_recall_curves(answers)],
        "calibration": [*calibration(answers)],
    }


def unknown_target(target: pd.Series, contract: Contract) -> str | None:
    """Why a model can get no row right: 0 and 1 have become True and False, or the target is another one."""
    asked, known = class_list(canonical_labels(target.drop_duplicates())), contract.classes
    if _typed(asked) & _typed(known):
        return None
    return f"it knows the classes {listed(known)}, and the holdout has {listed(asked)}"


def sample(truth: NDArray[np.object_], order: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """The first rows of a random order, and the first of every class, since a score may need all."""
    first_of_class = np.unique(pd.factorize(truth[order])[0], return_index=True)[1]
    chosen: NDArray[np.int64] = order[np.union1d(first_of_class, np.arange(most))]
    return chosen


def doubts(truth: NDArray[np.object_], answers: Answers, contracts: Sequence[Contract]) -> list[str]:
    """What makes the scores of challenger and champion, in this order, say less than they seem to."""
    texts, absent, asked = [], missing_classes(answers), class_list(truth.tolist())
    if absent:
        texts.append(f"The judged rows lack {len(absent)} class(es): {listed(absent)}. Scores are over those present.")
    sides = (("challenger", "the train set lacks"), ("champion", "the champion never saw"))
    for contract, (role, who_lacks) in zip(contracts, sides, strict=False):
        known = _typed(contract.classes)
        new = [label for label in asked if (type(label), label) not in known]
        if new:
            rows = int(np.isin(truth, np.array(new, dtype=object)).sum())
            texts.append(
                f"The judged rows have {len(new)} class(es) that {who_lacks}: {listed(new)}. "
                f"Their {rows} row(s) count as wrong for the {role}."
            )
    if len(truth) < FEW_ROWS:
        texts.append(f"Only {len(truth)} rows judge: an accuracy moves by {1 / len(truth):.1%} with every row.")
    return texts


def _typed(labels: Iterable[Label]) -> set[tuple[type, Label]]:
    """Labels that are told apart by type too: True is not 1."""
    return {(type(label), label) for label in labels}
