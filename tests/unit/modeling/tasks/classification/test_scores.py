"""Every score that a use case may name, beside its definition, also where it has none."""

import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

from champion.errors import ConfigurationError, NotEnoughDataError
from champion.modeling.tasks.classification import learning
from champion.modeling.tasks.classification.learning import Answers, score
from champion.modeling.tasks.classification.scores import FOR_MORE_CLASSES, REFUSED, SCORERS

NONE, OTHER = "no meaning on these rows", "made for other classes"
NAMES = learning.scorer_names()


class Rows(NamedTuple):
    """Truth, answers, the share that each class was given, and how often each row is there."""

    classes: int
    truth: list[int]
    answers: list[int]
    shares: list[list[float]]
    weights: list[int]

    @property
    def places(self) -> range:
        return range(len(self.truth))

    def asked(self) -> Answers:
        times = np.repeat(np.arange(len(self.truth)), self.weights)
        truth, answers = np.array(self.truth)[times], np.array(self.answers)[times]
        return Answers([*range(self.classes)], truth, answers, np.array(self.shares)[times])


def rows(
    classes: int, truth: list[int], answers: list[int], sure: float = 0.7, weights: list[int] | None = None
) -> Rows:
    """Rows of which the answered class has `sure` more probability than the others; each a little less than the one before."""
    shares = []
    for place, answer in enumerate(answers):
        more = sure - 0.01 * place if sure < 1 else 1.0
        shares.append([(1 - more) / classes + (more if code == answer else 0.0) for code in range(classes)])
    return Rows(classes, truth, answers, shares, weights or [1] * len(truth))


CASES = {
    "two classes": rows(2, [0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1, 0]),
    "three classes": rows(3, [0, 0, 1, 1, 2, 2, 2], [0, 1, 1, 1, 2, 0, 2]),
    "perfect": rows(2, [0, 0, 0, 1, 1], [0, 0, 0, 1, 1]),
    "perfect and sure": rows(3, [0, 0, 1, 1, 2], [0, 0, 1, 1, 2], sure=1),
    "all wrong": rows(2, [0, 0, 0, 1, 1], [1, 1, 1, 0, 0]),
    "all wrong and sure": rows(3, [0, 0, 1, 1, 2], [1, 2, 0, 2, 0], sure=1),
    "always the first": rows(2, [0, 0, 0, 1, 1], [0] * 5),
    "always the second": rows(2, [0, 0, 0, 1, 1], [1] * 5),
    "always one of three": rows(3, [0, 0, 1, 1, 2], [1] * 5, sure=1),
    "no false alarm": rows(2, [0, 0, 0, 1, 1], [0, 0, 0, 0, 1]),
    "one class of two": rows(2, [0, 0, 0, 0], [0, 0, 0, 1]),
    "one class, the positive one": rows(2, [1, 1, 1, 1], [1, 1, 0, 1]),
    "one class, perfect": rows(2, [1, 1, 1], [1, 1, 1]),
    "one class of three": rows(3, [1, 1, 1, 1], [1, 1, 2, 0]),
    "a class is missing": rows(3, [0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 1, 0]),
    "a missing class is answered": rows(3, [0, 0, 0, 1, 1, 1], [0, 2, 2, 1, 1, 2]),
    "a middle class is missing": rows(4, [0, 0, 2, 2, 3, 3], [0, 1, 2, 0, 3, 1]),
    "one row": rows(2, [1], [1]),
    "weighted": rows(2, [0, 0, 1, 1, 1], [0, 1, 1, 0, 1], weights=[5, 1, 2, 3, 1]),
    "weighted of three": rows(3, [0, 0, 1, 1, 2], [0, 1, 1, 0, 2], weights=[5, 1, 2, 3, 4]),
}


# The definitions, row by row and in plain Python


def total(case: Rows, true: list[bool]) -> int:
    return sum(weight for weight, each in zip(case.weights, true, strict=True) if each)


def present(case: Rows) -> list[int]:
    return sorted(set(case.truth))


def of_class(case: Rows, code: int) -> tuple[int, int, int]:
    """True positives, false positives, false negatives."""
    hit = total(case, [case.truth[row] == code == case.answers[row] for row in case.places])
    false = total(case, [case.answers[row] == code != case.truth[row] for row in case.places])
    return hit, false, total(case, [case.truth[row] == code != case.answers[row] for row in case.places])


def ratio(over: float, under: float) -> float:
    return over / under if under else 0.0


MEASURES = {
    "precision": lambda hit, false, _: ratio(hit, hit + false),
    "recall": lambda hit, _, missed: ratio(hit, hit + missed),
    "f1": lambda hit, false, missed: ratio(2 * hit, 2 * hit + false + missed),
    "jaccard": lambda hit, false, missed: ratio(hit, hit + false + missed),
}


def measured(case: Rows, name: str) -> float:
    kind, _, average = name.partition("_")
    measure = MEASURES[kind]
    if not average:
        return measure(*of_class(case, 1))
    if average == "micro":
        return measure(*map(sum, zip(*(of_class(case, code) for code in range(case.classes)), strict=True)))
    support = {code: total(case, [case.truth[row] == code for row in case.places]) for code in present(case)}
    weights = support if average == "weighted" else dict.fromkeys(support, 1)
    return sum(measure(*of_class(case, code)) * weights[code] for code in support) / sum(weights.values())


def accuracy(case: Rows) -> float:
    return total(case, [case.truth[row] == case.answers[row] for row in case.places]) / sum(case.weights)


def matthews(case: Rows) -> float:
    """The correlation of two tables of zeros and ones, one column for each class; 0 where one does not vary."""
    codes, weights = range(case.classes), np.array(case.weights, dtype=float)
    truth, answers = (np.array([[float(each == code) for code in codes] for each in column]) for column in case[1:3])

    def together(one: Any, other: Any) -> float:
        mean = [np.average(each, axis=0, weights=weights) for each in (one, other)]
        return float((weights[:, None] * (one - mean[0]) * (other - mean[1])).sum())

    return ratio(together(truth, answers), math.sqrt(together(truth, truth) * together(answers, answers)))


def log_loss(case: Rows, shares: list[list[float]]) -> float:
    least = 2.0**-52
    said = [min(max(share[code], least), 1 - least) for share, code in zip(shares, case.truth, strict=True)]
    return sum(-math.log(each) * weight for each, weight in zip(said, case.weights, strict=True)) / sum(case.weights)


def brier(case: Rows, shares: list[list[float]]) -> float:
    far = [
        sum((share - (code == true)) ** 2 for code, share in enumerate(row))
        for row, true in zip(shares, case.truth, strict=True)
    ]
    mean = sum(each * weight for each, weight in zip(far, case.weights, strict=True)) / sum(case.weights)
    return mean / 2 if case.classes == 2 else mean


def saved(case: Rows, loss: Callable[[Rows, list[list[float]]], float]) -> float:
    law = [
        total(case, [case.truth[row] == code for row in case.places]) / sum(case.weights)
        for code in range(case.classes)
    ]
    return 1 - loss(case, case.shares) / loss(case, [law] * len(case.truth))


def area(case: Rows, code: int, among: list[int]) -> float:
    """The share of pairs of a row of the class and another one in which the class was said to be likelier of the first."""
    right = pairs = 0.0
    for one, other in itertools.product(range(len(case.truth)), repeat=2):
        if case.truth[one] == code != case.truth[other] and case.truth[other] in among:
            weight = case.weights[one] * case.weights[other]
            ours, theirs = case.shares[one][code], case.shares[other][code]
            right, pairs = right + weight * ((ours > theirs) + (ours == theirs) / 2), pairs + weight
    return right / pairs


def areas(case: Rows, name: str) -> float:
    support = {code: total(case, [case.truth[row] == code for row in case.places]) for code in present(case)}
    if case.classes == 2:
        return area(case, 1, [0, 1])
    of: list[tuple[float, float]] = []  # with weights
    if "ovo" in name:
        for pair in itertools.combinations(support, 2):
            of.append((sum(area(case, code, [*pair]) for code in pair) / 2, sum(support[code] for code in pair)))
    else:
        of = [(area(case, code, [*support]), rows) for code, rows in support.items()]
    return float(np.average([each for each, _ in of], weights=[rows if "weighted" in name else 1 for _, rows in of]))


def average_precision(case: Rows) -> float:
    found = []
    for code in [1] if case.classes == 2 else present(case):
        value, recall = 0.0, 0.0
        for limit in sorted({share[code] for share in case.shares}, reverse=True):
            said = total(case, [case.shares[row][code] >= limit for row in case.places])
            hit = total(case, [case.shares[row][code] >= limit and case.truth[row] == code for row in case.places])
            now = hit / total(case, [case.truth[row] == code for row in case.places])
            value, recall = value + hit / said * (now - recall), now
        found.append(value)
    return sum(found) / len(found)


def among_two_best(case: Rows) -> float:
    """Of equal shares the class that is named later counts as likelier, as scikit-learn has it."""
    best = [sorted(range(case.classes), key=lambda code, row=row: (row[code], code))[-2:] for row in case.shares]
    return total(case, [case.truth[row] in best[row] for row in case.places]) / sum(case.weights)


def expected(case: Rows, name: str) -> float | str:
    """The value of a definition, or why there is none."""
    if (name in MEASURES and case.classes != 2) or (name == "top_k_accuracy" and case.classes == 2):
        return OTHER
    any_rows = {"accuracy", "recall_weighted", *(f"{measure}_micro" for measure in MEASURES)}
    if len(present(case)) == 1 and name not in any_rows:
        return NONE
    if name.partition("_")[0] in MEASURES:
        return measured(case, name)
    return {
        "accuracy": lambda: accuracy(case),
        "average_precision": lambda: average_precision(case),
        "balanced_accuracy": lambda: measured(case, "recall_macro"),
        "d2_brier_score": lambda: saved(case, brier),
        "d2_log_loss_score": lambda: saved(case, log_loss),
        "matthews_corrcoef": lambda: matthews(case),
        "neg_brier_score": lambda: -brier(case, case.shares),
        "neg_log_loss": lambda: -log_loss(case, case.shares),
        "top_k_accuracy": lambda: among_two_best(case),
    }.get(name, lambda: areas(case, name))()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_every_score_is_what_its_definition_says_or_decides_nothing(case: Rows) -> None:
    for name in NAMES:
        awaited, given = expected(case, name), case.asked()
        if isinstance(awaited, str):
            error = NotEnoughDataError if awaited == NONE else ConfigurationError
            with pytest.raises(error, match=rf"{name}.* cannot ") as caught:
                score(given, (), required=name)
            assert caught.value.exit_code == (4 if awaited == NONE else 2)
            assert name not in score(given, (name,), required="accuracy")
        else:
            assert score(given, (), required=name)[name] == pytest.approx(awaited, abs=1e-12), name


def test_whether_a_score_has_a_meaning_depends_on_the_rows_and_never_on_the_answers() -> None:
    truth = [0, 0, 1, 1]
    for answers in itertools.product([0, 1], repeat=4):
        for sure in (0.5, 1.0):
            found = score(rows(2, truth, [*answers], sure).asked(), NAMES, required="accuracy")
            assert found.keys() == {*NAMES} - {"top_k_accuracy"}
            assert all(map(math.isfinite, found.values()))


@pytest.mark.parametrize("name", ["neg_brier_score", "neg_log_loss", "d2_brier_score"])
def test_a_loss_of_probability_counts_what_was_given_to_a_class_that_no_judged_row_has(name: str) -> None:
    truth, answers = [0, 0, 1, 1], [0, 0, 1, 1]
    careful = Answers(
        [0, 1, 2], np.array(truth), np.array(answers), np.array([[0.8, 0.2, 0.0]] * 2 + [[0.2, 0.8, 0.0]] * 2)
    )
    elsewhere = Answers(
        [0, 1, 2], np.array(truth), np.array(answers), np.array([[0.4, 0.1, 0.5]] * 2 + [[0.1, 0.4, 0.5]] * 2)
    )
    assert score(careful, (), required=name)[name] > score(elsewhere, (), required=name)[name]


def test_a_log_loss_of_exact_zeros_is_the_same_whatever_the_model_computes_in() -> None:
    sure = CASES["all wrong and sure"].asked()
    single = Answers(sure.classes, sure.truth, sure.predicted, sure.probabilities.astype(np.float32))  # type: ignore[arg-type,union-attr]  # as some libraries give them
    assert score(single, (), required="neg_log_loss") == score(sure, (), required="neg_log_loss")
    assert score(sure, (), required="neg_log_loss")["neg_log_loss"] == pytest.approx(-52 * math.log(2))


@pytest.mark.parametrize("name", FOR_MORE_CLASSES)
def test_a_score_of_two_classes_names_the_one_for_more(name: str) -> None:
    with pytest.raises(
        ConfigurationError, match=f"two classes, and there are 3; '{name}_macro' is made for any number"
    ):
        score(CASES["three classes"].asked(), (), required=name)


def test_a_score_that_is_refused_cannot_be_named_and_another_one_can() -> None:
    assert not REFUSED.keys() & SCORERS.keys()
    assert all(any(f"'{name}'" in why for name in NAMES) for why in REFUSED.values())
