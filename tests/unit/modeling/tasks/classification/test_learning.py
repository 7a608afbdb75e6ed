import math
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics
from sklearn.base import BaseEstimator, ClassifierMixin

from champion.errors import ConfigurationError, DataError, NotEnoughDataError
from champion.modeling.evaluation import PairedTest
from champion.modeling.tasks.classification import judging, learning
from champion.modeling.tasks.classification.judging import sign_test
from champion.modeling.tasks.classification.learning import Answers, folds, score
from champion.modeling.tasks.classification.target import canonical_labels, class_list
from champion.use_case.learning import Fitting

ALLOWED = [
    "accuracy", "average_precision", "balanced_accuracy", "d2_brier_score", "d2_log_loss_score", "f1", "f1_macro",
    "f1_micro", "f1_weighted", "jaccard", "jaccard_macro", "jaccard_micro", "jaccard_weighted", "matthews_corrcoef",
    "neg_brier_score", "neg_log_loss", "precision", "precision_macro", "precision_micro", "precision_weighted",
    "recall", "recall_macro", "recall_micro", "recall_weighted", "roc_auc", "roc_auc_ovo", "roc_auc_ovo_weighted",
    "roc_auc_ovr", "roc_auc_ovr_weighted", "top_k_accuracy",
]  # fmt: skip
NOT_FOR_CLASSES = re.compile(
    "error|r2|explained_variance|d2_absolute|mutual_info|rand_score|completeness|homogeneity|v_measure|fowlkes|deviance|samples"
)
TWO_CLASSES_ONLY = {"f1", "jaccard", "precision", "recall"}
MORE_CLASSES_ONLY = {"top_k_accuracy"}


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


class Recorded(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """An estimator that repeats answers, for scikit-learn's own scorers."""

    def __init__(self, given: Answers) -> None:
        self.given, self.classes_ = given, np.arange(len(given.classes))

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, _: Any) -> Any:
        return self.given.predicted

    def predict_proba(self, _: Any) -> Any:
        return self.given.probabilities


def decided(truth: list[int], predicted: list[int], size: int = 2) -> Answers:
    return Answers(list(range(size)), np.array(truth), np.array(predicted), None)


def test_a_use_case_may_name_these_scorers_and_no_others() -> None:
    assert learning.scorer_names() == ALLOWED


@pytest.mark.parametrize("name", ALLOWED)
def test_every_scorer_is_a_number_whatever_classes_and_probabilities_there_are_or_says_that_it_cannot(
    name: str,
) -> None:
    size = 3 if name in MORE_CLASSES_ONLY else 2
    sure, likely = answers(size, probabilities=False), score(answers(size), (), required=name)
    assert math.isfinite(likely[name])
    if name in TWO_CLASSES_ONLY | MORE_CLASSES_ONLY:
        with pytest.raises(ConfigurationError, match=f"'{name}' .*cannot score this estimator and target"):
            score(answers(5 - size), (), required=name)
    if name not in TWO_CLASSES_ONLY:  # also where no judged row has a class
        for given in (answers(3), answers(5, present=3), answers(5, present=2)):
            assert math.isfinite(score(given, (), required=name)[name])
    if learning.needs_probabilities(name):
        with pytest.raises(ConfigurationError, match=f"{name}.* no probabilities"):
            score(sure, (), required=name)
    else:
        assert score(sure, (), required=name) == likely


@pytest.mark.parametrize("size", [2, 3, 50])
def test_the_scores_are_those_of_scikit_learn_where_every_class_is_there_in_any_order_of_rows(size: int) -> None:
    given = answers(size, rows=200)
    names = {*ALLOWED} - ({"top_k_accuracy"} if size == 2 else TWO_CLASSES_ONLY)
    found = score(given, names, required="accuracy")
    assert found.keys() == names
    for name in names:
        scorer = metrics.get_scorer("roc_auc_ovr" if name == "roc_auc" and size > 2 else name)
        assert found[name] == pytest.approx(scorer(Recorded(given), given.truth.reshape(-1, 1), given.truth)), name
    order = np.random.default_rng(1).permutation(len(given.truth))
    shuffled = Answers(given.classes, given.truth[order], given.predicted[order], given.probabilities[order])
    assert score(shuffled, names, required="accuracy") == pytest.approx(found)


def test_scores_are_over_the_classes_that_the_judged_rows_have_and_leave_out_what_cannot_be_computed() -> None:
    found = score(decided([0, 0, 1, 1], [0, 0, 1, 2], size=4), learning.ALWAYS_SHOWN, required="f1_macro")
    assert found == pytest.approx({"accuracy": 0.75, "f1_macro": (1 + 2 / 3) / 2, "balanced_accuracy": (1 + 0.5) / 2})


@pytest.mark.parametrize("name", sorted({*metrics.get_scorer_names()} - {*ALLOWED}))
def test_what_scikit_learn_has_beside_these_is_for_numbers_or_clusters_or_is_refused_with_a_reason(name: str) -> None:
    assert name in learning.REFUSED_SCORERS or NOT_FOR_CLASSES.search(name)


@pytest.mark.parametrize("name", ["roc_auc", "neg_log_loss", "roc_auc_ovr", "matthews_corrcoef", "balanced_accuracy"])
def test_one_class_alone_is_not_enough_for_some_scores(name: str) -> None:
    alone = answers(3, present=1)
    with pytest.raises(NotEnoughDataError, match=f"{name} cannot be computed: the 90 judged rows have one class only"):
        score(alone, (), required=name)
    assert score(alone, (name,), required="accuracy").keys() == {"accuracy"}


def test_without_a_row_no_score_is_computed() -> None:
    with pytest.raises(NotEnoughDataError, match="accuracy cannot be computed: there is no judged row"):
        score(decided([], []), (), required="accuracy")


def test_probabilities_that_are_no_numbers_are_no_score() -> None:
    given = answers(2)
    given.probabilities[3, 1] = math.nan
    with pytest.raises(ConfigurationError, match=r"cannot score .*probabilities that are no numbers"):
        score(given, (), required="roc_auc")
    assert score(given, ("roc_auc",), required="accuracy").keys() == {"accuracy"}


def test_each_class_has_its_row_also_where_nothing_is_in_it_and_the_confusion_has_the_truth_in_rows() -> None:
    rows = judging.per_class(decided([0, 0, 1], [0, 1, 1], size=3))
    assert [(row.label, row.support) for row in rows] == [(0, 2), (1, 1), (2, 0)]
    assert [(row.precision, row.recall) for row in rows] == [(1.0, 0.5), (0.5, 1.0), (0.0, 0.0)]
    assert judging.confusion(decided([0, 0, 1], [0, 2, 2], size=3)) == [[1, 0, 1], [0, 0, 1], [0, 0, 0]]


def test_curves_have_the_areas_of_scikit_learn_and_few_points_and_of_two_classes_one_says_it_all() -> None:
    given = answers(3, rows=900)
    roc, precision_recall = [*judging.roc_curves(given)], [*judging.precision_recall_curves(given)]
    for code in range(3):
        positive, likely = given.truth == code, given.probabilities[:, code]
        assert roc[code].area == pytest.approx(metrics.roc_auc_score(positive, likely))
        assert precision_recall[code].area == pytest.approx(metrics.average_precision_score(positive, likely))
    assert [curve.label for curve in roc] == ["class 0", "class 1", "class 2"]
    assert max(len(curve.x) for curve in roc + precision_recall) <= 60
    assert [(curve.x[0], curve.y[0], curve.x[-1], curve.y[-1]) for curve in roc] == [(0, 0, 1, 1)] * 3
    assert [curve.label for curve in judging.roc_curves(answers(2))] == ["class 1"]


@pytest.mark.parametrize("curves", [judging.roc_curves, judging.precision_recall_curves, judging.calibration])
def test_no_curves_without_probabilities_or_with_one_class(curves: Any) -> None:
    assert list(curves(answers(3, probabilities=False))) == []
    assert list(curves(answers(3, present=1))) == []


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
    ("counts", "p_value"),  # the last is scipy.stats.binomtest(59, 100).pvalue
    [((0, 0), 1), ((5, 5), 1), ((6, 0), 1 / 32), ((0, 6), 1 / 32), ((9, 1), 0.021484375), ((59, 41), 0.0886260761)],
)
def test_mcnemars_exact_test_gives_the_known_values(counts: tuple[int, int], p_value: float) -> None:
    assert sign_test(*counts) == pytest.approx(p_value)


def test_the_paired_test_counts_the_rows_of_each_sort() -> None:
    challenger, champion = decided([1] * 10, [1] * 8 + [0] * 2), decided([1] * 10, [1, 1] + [0] * 7 + [1])
    found = judging.paired_test(challenger, champion)
    assert (found.both_right, found.only_challenger_right, found.only_champion_right, found.both_wrong) == (2, 6, 1, 1)
    assert found.p_value == pytest.approx(0.125)


@settings(max_examples=80, deadline=None, database=None)
@given(st.integers(1, 5000), st.integers(0, 400))
def test_the_smallest_gain_is_the_least_that_the_paired_test_tells_from_noise(rows: int, discordant: int) -> None:
    differing = max(discordant, 6)
    paired = PairedTest(
        both_right=0, only_challenger_right=discordant, only_champion_right=0, both_wrong=0, p_value=1.0
    )
    gained = round(judging.smallest_gain(rows, paired) * rows)
    wins = (differing + gained) // 2
    assert sign_test(wins, differing - wins) <= 0.05
    assert sign_test(wins - 1, differing - wins + 1) > 0.05


def test_where_no_row_differs_six_must_be_gained() -> None:
    assert [judging.smallest_gain(rows, None) for rows in (5, 30)] == pytest.approx([1.2, 0.2])


# What labels are


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        *((pd.Series([1, 2], dtype=dtype), [1, 2]) for dtype in ("float64", "Int64", "int64[pyarrow]", "category")),
        *((pd.Series([True, False], dtype=dtype), [True, False]) for dtype in ("bool", "boolean")),
        (pd.Series(["True", "1"]), ["True", "1"]),
        (pd.Series(["a", "b"], dtype="category"), ["a", "b"]),
        (pd.Series([], dtype="int64"), []),
    ],
)
def test_a_label_is_a_python_value_whatever_its_dtype(values: pd.Series, expected: list[Any]) -> None:
    found = canonical_labels(values).tolist()
    assert [(type(label), label) for label in found] == [(type(label), label) for label in expected]


@pytest.mark.parametrize("value", [0.5, None, pd.Timestamp("2020-01-01"), np.inf])
def test_what_is_no_label_is_refused(value: object) -> None:
    with pytest.raises(DataError, match="target 'y'"):
        canonical_labels(pd.Series([value], name="y"))


@given(st.lists(st.booleans() | st.integers(-2, 2) | st.integers() | st.text()))
def test_classes_are_sorted_by_type_and_value_and_distinct_and_true_is_not_one(labels: list[Any]) -> None:
    found = [(type(label).__name__, label) for label in class_list(labels)]
    assert found == sorted({(type(label).__name__, label) for label in labels})


def test_folds_of_a_time_split_follow_each_other_and_no_moment_is_on_both_sides() -> None:
    random = np.random.default_rng(0)
    when = random.integers(0, 30, 400).astype(float)
    fitting = Fitting(target="y", metric="accuracy", folds=4, seed=0, group=None, ranked=True, time="when")
    made = folds(random.integers(0, 2, 400), None, fitting, when)
    assert len(made) == 4
    assert all(when[learned].max() < when[asked].min() for learned, asked in made)
    assert np.concatenate([made[0][0], *(asked for _, asked in made)]).size == 400
    assert folds(np.arange(400) % 2, None, fitting.model_copy(update={"folds": 5}), np.arange(400.0))[0][0].size == 67
