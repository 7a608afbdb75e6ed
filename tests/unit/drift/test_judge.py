"""The verdict over real rows of every kind of column."""

import numpy as np
import pandas as pd
import pytest

from champion.drift.classification.labels import live_score
from champion.drift.judge import changed_types, drifting, require_known_columns, without_verdicts
from champion.drift.statistics import TESTS_BY_KIND, TITLES
from champion.errors import ConfigurationError
from champion.use_case.policy import Drift
from champion.use_case.whole import parse_use_case
from tests.conftest import quick
from tests.support.drift_examples import compared, counted, described, judged, mixed

TRAIN = mixed(2000, 1)


def test_a_shifted_number_is_drift_and_rows_as_in_training_are_none_in_any_kind_of_column() -> None:
    result = compared(TRAIN, mixed(1000, 2))
    assert {name: each.verdict for name, each in result.items()} == {
        "size": "none", "heavy": "none", "stars": "none", "colour": "none", "paid": "none", "when": "ignored",
    }  # fmt: skip
    assert all(each.reason for each in result.values())
    result = compared(TRAIN, mixed(1000, 2, shift=0.5))
    size = result.pop("size")
    assert (size.verdict, size.test, size.p_corrected < 1e-6) == ("drift", "rank", True)
    assert size.effect == pytest.approx(0.2, abs=0.05)
    assert "the mean went from" in size.reason
    assert {each.verdict for each in result.values()} == {"none", "ignored"}


def test_a_shift_that_is_certain_but_tiny_is_no_drift_and_is_told_as_such() -> None:
    new = mixed(100_000, 2, shift=0.05)
    result = compared(mixed(100_000, 1), new)["size"]
    assert (result.verdict, result.p_corrected < 0.001) == ("none", True)
    assert result.reason.startswith("There is a difference, but only 2.")


@pytest.mark.parametrize(
    ("name", "new", "test", "words"),
    [
        ("colour", mixed(1000, 2, missing=0.4), "missing", "have no usable value"),
        ("size", mixed(1000, 2).assign(size=lambda table: 2 * table["size"]), "shape", "spread differently"),
        ("stars", mixed(1000, 2).assign(stars=np.tile([1, 5], 500)), "cells", "the mean went from"),
    ],
    ids=["values go missing", "a wider spread", "few values trade places though the mean stays"],
)
def test_a_change_is_drift_by_the_test_that_finds_it(name: str, new: pd.DataFrame, test: str, words: str) -> None:
    result = compared(TRAIN, new)[name]
    assert (result.verdict, result.test) == ("drift", test)
    assert words in result.reason
    assert result.missing == pytest.approx(0.4 if test == "missing" else 0, abs=0.05)


def test_a_column_that_is_empty_now_is_drift_though_it_has_no_value_to_compare() -> None:
    result = compared(TRAIN, mixed(1000, 2).assign(size=np.nan))["size"]
    assert (result.verdict, result.current_rows, result.mean) == ("drift", 0, None)


def test_with_too_few_rows_nothing_is_judged() -> None:
    few = [judged(TRAIN, mixed(49, 2, shift=9)), judged(mixed(49, 1), mixed(500, 2, shift=9))]
    for each in (*few, without_verdicts(judged(TRAIN, mixed(1000, 2, shift=3)), "All the same.")):
        assert {feature.verdict for feature in each.features} == {"not_enough", "ignored"}
    assert compared(TRAIN, mixed(50, 2, shift=2))["size"].verdict == "drift"


def test_a_use_case_may_ignore_a_column_or_give_it_a_threshold_without_which_a_moment_is_not_judged() -> None:
    new = mixed(1000, 2, shift=0.5).assign(when=lambda table: table["when"] + pd.Timedelta(days=60))
    ignored = compared(TRAIN, new, ignore=("size",))
    assert (ignored["size"].verdict, ignored["size"].p_corrected) == ("ignored", None)
    assert ignored["size"].effect > 0.1, "it is counted"
    assert ignored["when"].verdict == "ignored"
    own = compared(TRAIN, new, effects={"size": 0.4, "when": 0.1})
    assert (own["size"].verdict, own["when"].verdict) == ("none", "drift")


def test_predictions_that_differ_from_the_truth_of_training_by_more_than_the_champion_errs_are_drift() -> None:
    assert compared(TRAIN, mixed(400, 2), {"a": 390, "b": 10})["predictions"].verdict == "drift"
    # Truth is half and half, and a champion that errs in 5 % may answer 55 to 45 however many rows there are.
    result = compared(mixed(100_000, 1), mixed(500, 2), {"a": 55_000, "b": 45_000})["predictions"]
    assert (result.verdict, result.p_corrected) == ("none", pytest.approx(1.0))
    assert result.threshold == pytest.approx(0.15)


def test_the_worst_come_first() -> None:
    features = judged(TRAIN, mixed(1000, 2, shift=0.5, missing=0.9)).features
    assert [features[i].verdict for i in (0, 1, -1)] == ["drift", "drift", "ignored"]
    assert features[0].effect >= features[1].effect


def test_a_row_of_the_tests_is_all_that_reports_and_sentences_need() -> None:
    parts = dict.fromkeys(("moved", "means", "unseen", "unusable"), "...")
    for tests in TESTS_BY_KIND.values():
        assert sum(each.share for each in tests) <= 1
        assert all("..." in each.says.format(**parts) and TITLES[each.name] == each.title for each in tests)


def test_drift_takes_significance_and_an_effect_that_matters() -> None:
    p = np.array([[[1e-9], [1e-9], [0.5], [0.9]]])
    effects = np.array([[[0.3], [0.01], [0.3], [0.3]]])
    result, adjusted = drifting(p, effects, np.full(4, 0.1), 0.05)
    assert result[0, :, 0].tolist() == [True, False, False, False]
    assert adjusted[0] == pytest.approx([2e-9, 2e-9, 2 / 3, 0.9])


def test_a_column_most_of_whose_values_are_of_another_type_is_named() -> None:
    profile, features = described(TRAIN)
    counts = counted(profile, features, TRAIN.head(100))
    counts["size"].add_numbers(np.full(150, np.nan), np.ones(150, dtype=bool))
    (result,) = changed_types(features, counts)
    assert (result.column, result.what) == ("size", "type")
    assert "150 of 250 values are not numeric" in result.text


def test_rules_for_a_column_that_is_not_there_or_that_contradict_each_other_are_refused() -> None:
    _, features = described(TRAIN)
    with pytest.raises(ConfigurationError, match=r"drift\.effects names"):
        require_known_columns(Drift(effects={"nothing": 0.2}), features)
    both = quick(drift={"ignore": ["size"], "effects": {"size": 0.2}})
    with pytest.raises(ConfigurationError, match=r"'size' stands in drift\.ignore and in drift\.effects"):
        parse_use_case(both, "shop.yaml")


@pytest.mark.parametrize(
    ("right", "rows", "promoted_on", "worse", "enough", "words"),
    [
        (94, 100, 200, False, True, "no worse than chance explains"),
        (70, 100, 200, True, True, "worse than it was promoted with"),
        (20, 40, 200, False, False, "too few rows"),
        (85, 100, 2000, True, True, "worse than it was promoted with"),
        (85, 100, 20, False, True, "no worse than chance explains"),  # a promoted score of few rows is no certainty
    ],
)
def test_the_live_score_stands_beside_the_promoted_one(
    right: int, rows: int, promoted_on: int, worse: bool, enough: bool, words: str
) -> None:
    result = live_score(right, rows, 3, 0.95, promoted_on, 50)
    assert (result.worse, result.enough) == (worse, enough)
    assert words in result.text
    assert result.low < result.score < result.high
