from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    BaggingClassifier,
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from champion.modeling.forest import can, make

FORESTS = [
    RandomForestClassifier(30, random_state=1),
    RandomForestClassifier(100, max_depth=2, random_state=1),
    ExtraTreesClassifier(30, random_state=1),
    DecisionTreeClassifier(random_state=1),
    ExtraTreeClassifier(random_state=1),
    DecisionTreeClassifier(max_depth=1, random_state=1),
]


def iris() -> tuple[np.ndarray, np.ndarray]:
    found = load_iris()
    return found.data, found.target


def grid(rows: int = 5000) -> np.ndarray:
    """Multiples of a tenth, so that many of them are split thresholds or their neighbours."""
    return np.round(np.random.default_rng(0).uniform(-1, 9, (rows, 4)), 1)


@pytest.mark.parametrize("model", FORESTS, ids=str)
def test_a_packed_forest_answers_to_the_last_bit_what_the_forest_answers_alone_and_in_parts(model: Any) -> None:
    forest, rows = make(model.fit(*iris()), 3), grid()
    truth = model.predict_proba(rows)
    np.testing.assert_array_equal(forest.probabilities(rows), truth)  # a hundred trees are walked in parts
    alone = np.vstack([forest.probabilities(rows[place : place + 1]) for place in range(300)])
    np.testing.assert_array_equal(alone, truth[:300])


def test_a_tie_of_two_classes_is_the_forests_own() -> None:
    rows, truth = np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([0, 1, 1, 2])
    model = DecisionTreeClassifier().fit(rows, truth)
    found = make(model, 3).probabilities(rows)
    assert found[0].tolist() == [0.5, 0.5, 0.0]
    np.testing.assert_array_equal(found.argmax(axis=1), model.predict(rows))


def test_a_number_at_a_threshold_goes_where_float32_puts_it() -> None:
    rows = np.array([[0.1], [0.3]])
    model = DecisionTreeClassifier().fit(rows, [0, 1])
    threshold = float(model.tree_.threshold[0])
    near = np.float32(threshold)
    asked = np.array([[threshold], [near], [np.nextafter(near, np.float32(-1))], [np.nextafter(near, np.float32(1))],
                      [np.nextafter(threshold, 1.0)]])  # fmt: skip
    np.testing.assert_array_equal(make(model, 2).probabilities(asked), model.predict_proba(asked))


@pytest.mark.parametrize(
    "model", [RandomForestClassifier(20, random_state=3), DecisionTreeClassifier(random_state=3)], ids=str
)
def test_a_missing_number_goes_where_the_forest_sends_it(model: Any) -> None:
    rows, truth = iris()
    random = np.random.default_rng(5)
    holed = np.where((random.random(rows.shape) < 0.3) & (truth[:, None] != 1), np.nan, rows)
    asked = np.where(random.random((2000, 4)) < 0.3, np.nan, grid(2000))
    model.fit(holed, truth)
    np.testing.assert_array_equal(make(model, 3).probabilities(asked), model.predict_proba(asked))


def test_a_class_that_the_forest_never_saw_has_probability_zero() -> None:
    rows, truth = iris()
    model = RandomForestClassifier(5, random_state=0).fit(rows[truth != 1], truth[truth != 1])
    found = make(model, 3).probabilities(rows)
    assert found.shape == (150, 3)
    assert (found[:, 1] == 0).all()
    np.testing.assert_array_equal(found[:, [0, 2]], model.predict_proba(rows))


@pytest.mark.parametrize(
    "model", [HistGradientBoostingClassifier(max_iter=2), BaggingClassifier(n_estimators=2)], ids=str
)
def test_what_is_no_plain_forest_is_not_packed(model: Any) -> None:
    assert not can(model.fit(*iris()))
