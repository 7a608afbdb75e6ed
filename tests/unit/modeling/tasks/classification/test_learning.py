import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from champion.errors import ConfigurationError, NotEnoughDataError
from champion.modeling.estimators import check_candidates
from champion.modeling.evaluation import PairedTest
from champion.modeling.tasks.classification import judging, learning
from champion.modeling.tasks.classification.judging import sign_test
from champion.modeling.tasks.classification.learning import Answers, score
from champion.use_case.learning import Candidate, Data
from champion.use_case.policy import Promotion
from champion.use_case.whole import UseCase

ALLOWED = [
    "accuracy", "average_precision", "balanced_accuracy", "d2_brier_score", "d2_log_loss_score", "f1", "f1_macro",
    "f1_micro", "f1_weighted", "jaccard", "jaccard_macro", "jaccard_micro", "jaccard_weighted", "matthews_corrcoef",
    "neg_brier_score", "neg_log_loss", "neg_negative_likelihood_ratio", "positive_likelihood_ratio", "precision",
    "precision_macro", "precision_micro", "precision_weighted", "recall", "recall_macro", "recall_micro",
    "recall_weighted", "roc_auc", "roc_auc_ovo", "roc_auc_ovo_weighted", "roc_auc_ovr", "roc_auc_ovr_weighted",
    "top_k_accuracy",
]  # fmt: skip
TWO_CLASSES_ONLY = {
    "f1", "jaccard", "precision", "recall", "neg_negative_likelihood_ratio", "positive_likelihood_ratio",
}  # fmt: skip


def answers(
    size: int, rows: int = 90, seed: int = 0, probabilities: bool = True, present: int | None = None
) -> Answers:
    """Answers of which about two thirds are right; the truth has the first `present` classes."""
    random = np.random.default_rng(seed)
    truth = np.arange(rows) % (present or size)
    likely = np.eye(size)[truth] * 0.7 + random.dirichlet(np.ones(size), rows)
    likely /= likely.sum(axis=1, keepdims=True)
    return Answers(
        [f"class {code}" for code in range(size)], truth, likely.argmax(axis=1), likely if probabilities else None
    )


def decided(truth: list[int], predicted: list[int], size: int = 2) -> Answers:
    return Answers(list(range(size)), np.array(truth), np.array(predicted), None)


@pytest.mark.parametrize("name", metrics.get_scorer_names())
def test_a_use_case_may_name_these_scorers_and_no_others(name: str) -> None:
    candidate = Candidate(estimator="sklearn.dummy.DummyClassifier")
    use_case = UseCase(
        name="a", data=Data(path="a", target="a"), candidates={"a": candidate}, promotion=Promotion(metric=name)
    )
    if name in ALLOWED:
        check_candidates(use_case, "a.yaml")
    else:
        with pytest.raises(ConfigurationError, match="no scikit-learn classification scorer"):
            check_candidates(use_case, "a.yaml")


@pytest.mark.parametrize("name", ALLOWED)
def test_every_classification_scorer_scores_two_classes_and_three_or_says_that_it_cannot(name: str) -> None:
    assert math.isfinite(score(answers(2), (), required=name)[name])
    if name in TWO_CLASSES_ONLY:
        with pytest.raises(ConfigurationError, match=f"'{name}' .*cannot score this estimator and target"):
            score(answers(3), (), required=name)
    else:
        assert math.isfinite(score(answers(3), (), required=name)[name])


@pytest.mark.parametrize("name", ALLOWED)
def test_every_scorer_is_a_number_or_a_clear_error_without_probabilities(name: str) -> None:
    sure = answers(2, probabilities=False)
    if learning.needs_probabilities(name):
        with pytest.raises(ConfigurationError, match=name):
            score(sure, (), required=name)
    else:
        assert score(sure, (), required=name) == score(answers(2), (), required=name)


@pytest.mark.parametrize("size", [2, 3, 50])
def test_the_scores_are_those_of_scikit_learn_where_every_class_is_there(size: int) -> None:
    given = answers(size, rows=200)
    truth, predicted = given.truth, given.predicted
    found = score(given, ("f1_macro", "neg_log_loss", "balanced_accuracy"), required="accuracy")
    assert found["accuracy"] == metrics.accuracy_score(truth, predicted)
    assert found["f1_macro"] == pytest.approx(metrics.f1_score(truth, predicted, average="macro"))
    assert found["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(truth, predicted))
    assert found["neg_log_loss"] == pytest.approx(-metrics.log_loss(truth, given.probabilities))


def test_scores_are_over_the_classes_that_the_judged_rows_have() -> None:
    truth, predicted = [0, 0, 1, 1], [0, 0, 1, 2]
    found = score(decided(truth, predicted, size=4), ("balanced_accuracy",), required="f1_macro")
    assert found["f1_macro"] == pytest.approx((1 + 2 / 3) / 2)
    assert found["balanced_accuracy"] == pytest.approx((1 + 0.5) / 2)


@pytest.mark.parametrize("name", sorted(set(ALLOWED) - TWO_CLASSES_ONLY))
def test_a_class_that_no_judged_row_has_is_no_error(name: str) -> None:
    assert math.isfinite(score(answers(5, present=3), (), required=name)[name])
    assert math.isfinite(score(answers(5, present=2), (), required=name)[name])


def test_the_order_of_rows_does_not_matter() -> None:
    given = answers(3)
    order = np.random.default_rng(1).permutation(len(given.truth))
    shuffled = Answers(given.classes, given.truth[order], given.predicted[order], given.probabilities[order])
    assert score(shuffled, learning.ALWAYS_SHOWN, "roc_auc") == pytest.approx(
        score(given, learning.ALWAYS_SHOWN, "roc_auc")
    )


def test_scores_that_cannot_be_computed_are_left_out_unless_required() -> None:
    assert set(score(answers(3, probabilities=False), learning.ALWAYS_SHOWN, required="accuracy")) == {
        "accuracy", "balanced_accuracy", "f1_macro",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["roc_auc", "neg_log_loss", "roc_auc_ovr"])
def test_one_class_alone_is_not_enough_for_some_scores(name: str) -> None:
    alone = answers(3, present=1)
    with pytest.raises(NotEnoughDataError, match=f"{name} cannot be computed: the 90 judged rows have one class only"):
        score(alone, (), required=name)
    assert score(alone, (name,), required="accuracy").keys() == {"accuracy"}


def test_a_score_that_is_no_number_is_not_enough_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "_score", lambda _, name: math.nan if name == "roc_auc" else 0.5)
    with pytest.raises(NotEnoughDataError, match="roc_auc cannot be computed: the 90 judged rows and the answers"):
        score(answers(2), (), required="roc_auc")
    assert score(answers(2), ("roc_auc",), required="accuracy") == {"accuracy": 0.5}


def test_each_class_has_its_row_also_where_nothing_is_in_it_and_the_confusion_has_the_truth_in_rows() -> None:
    rows = judging.per_class(decided([0, 0, 1], [0, 1, 1], size=3))
    assert [(row.label, row.support) for row in rows] == [(0, 2), (1, 1), (2, 0)]
    assert [(row.precision, row.recall) for row in rows] == [(1.0, 0.5), (0.5, 1.0), (0.0, 0.0)]
    assert judging.confusion(decided([0, 0, 1], [0, 2, 2], size=3)) == [[1, 0, 1], [0, 0, 1], [0, 0, 0]]


def test_curves_have_the_areas_of_scikit_learn_and_few_points() -> None:
    given = answers(3, rows=900)
    roc, precision_recall = judging.roc_curves(given), judging.precision_recall_curves(given)
    for code in range(3):
        positive, likely = given.truth == code, given.probabilities[:, code]
        assert roc[code].area == pytest.approx(metrics.roc_auc_score(positive, likely))
        assert precision_recall[code].area == pytest.approx(metrics.average_precision_score(positive, likely))
    assert [curve.label for curve in roc] == ["class 0", "class 1", "class 2"]
    assert max(len(curve.x) for curve in roc + precision_recall) <= 60
    assert [(curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) for curve in roc] == [(0, 0, 1, 1)] * 3


def test_of_two_classes_one_curve_says_it_all() -> None:
    assert [curve.label for curve in judging.roc_curves(answers(2))] == ["class 1"]


@pytest.mark.parametrize("curves", [judging.roc_curves, judging.precision_recall_curves, judging.calibration])
def test_no_curves_without_probabilities_or_with_one_class(curves: Any) -> None:
    assert curves(answers(3, probabilities=False)) == []
    assert curves(answers(3, present=1)) == []


def test_calibration_of_a_class_is_how_often_it_is_there_by_how_likely_it_was_said_to_be() -> None:
    likely = np.repeat([0.1, 0.9], 50)
    truth = np.array([0] * 45 + [1] * 5 + [1] * 45 + [0] * 5)
    given = Answers(["no", "yes"], truth, (likely > 0.5).astype(int), np.column_stack([1 - likely, likely]))
    (curve,) = judging.calibration(given)
    assert curve.label == "yes"
    assert curve.counts == [10] * 10
    assert (np.mean(curve.y[:5]), np.mean(curve.y[5:])) == pytest.approx((0.1, 0.9))
    assert curve.x == pytest.approx([0.1] * 5 + [0.9] * 5)


@pytest.mark.parametrize(
    ("wins", "losses", "p_value"),
    [
        (0, 0, 1.0),
        (5, 5, 1.0),
        (6, 0, 0.03125),
        (0, 6, 0.03125),
        (9, 1, 0.021484375),
        (10, 2, 0.03857421875),
        (59, 41, 0.08862607743590268),  # scipy.stats.binomtest(59, 100).pvalue
    ],
)
def test_mcnemars_exact_test_gives_the_known_values(wins: int, losses: int, p_value: float) -> None:
    assert sign_test(wins, losses) == pytest.approx(p_value)


def test_the_paired_test_counts_the_rows_of_each_sort() -> None:
    challenger, champion = decided([1] * 10, [1] * 8 + [0] * 2), decided([1] * 10, [1, 1] + [0] * 7 + [1])
    found = judging.paired_test(challenger, champion)
    assert (found.both_right, found.only_challenger_right, found.only_champion_right, found.both_wrong) == (2, 6, 1, 1)
    assert found.p_value == pytest.approx(0.125)


def discordance(rows: int) -> PairedTest:
    return PairedTest(both_right=0, only_challenger_right=rows, only_champion_right=0, both_wrong=0, p_value=1.0)


@settings(max_examples=80, deadline=None, database=None)
@given(st.integers(1, 5000), st.integers(0, 400))
def test_the_smallest_gain_is_the_least_that_the_paired_test_tells_from_noise(rows: int, discordant: int) -> None:
    differing = max(discordant, 6)
    gained = round(judging.smallest_gain(rows, discordance(discordant)) * rows)
    wins = (differing + gained) // 2
    assert sign_test(wins, differing - wins) <= 0.05
    assert sign_test(wins - 1, differing - wins + 1) > 0.05


def test_on_fewer_than_six_rows_no_gain_stands_out() -> None:
    assert judging.smallest_gain(5, discordance(0)) > 1
    assert judging.smallest_gain(30, None) == pytest.approx(0.2)
