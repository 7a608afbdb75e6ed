import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

from champion.modeling import forest
from champion.modeling.arrays import BACKENDS, block_of
from champion.modeling.contract import Contract
from champion.modeling.equivalence import _at_boundaries, check_equivalence
from champion.modeling.evaluation import EquivalenceReport
from champion.modeling.features import model_frame
from champion.modeling.forest import Forest, make
from champion.modeling.predictor import Predictions
from tests.unit.modeling.test_arrays import FOREST, fitted, mixed, numbers_only


def gate(table: pd.DataFrame, estimator: str = FOREST) -> EquivalenceReport:
    features, pipeline = fitted(table, estimator)
    return check_equivalence(pipeline, Contract(features=features, classes=(0, 1, 2)), table, seed=0)


@pytest.mark.parametrize("table", [mixed(), numbers_only(), numbers_only(3000)], ids=["mixed", "numbers", "many"])
def test_a_forest_passes_on_holdout_grid_and_thresholds(table: pd.DataFrame) -> None:
    found = gate(table)
    assert found.backend == "packed"
    assert found.holdout_rows == min(len(table), 1000)
    assert found.grid_rows == 1000
    assert found.threshold_rows > 100
    assert (found.labels_differ, found.largest_difference) == (0, 0.0)


def test_a_model_without_a_faster_way_answers_itself() -> None:
    found = gate(numbers_only(), "sklearn.linear_model.LogisticRegression")
    assert found.backend == "native"
    assert "no faster way" in found.reason


def spoiled(monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    def worse(model: Any, classes: int) -> Forest:
        made = make(model, classes)
        return dataclasses.replace(made, **{name: change(made) for name, change in changes.items()})

    monkeypatch.setattr(forest, "make", worse)


def test_a_walk_that_is_wrong_at_the_thresholds_alone_does_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    table = numbers_only()
    spoiled(monkeypatch, thresholds=lambda forest: forest.thresholds * (1 - 1e-12 * np.sign(forest.thresholds)))
    monkeypatch.setattr("champion.modeling.equivalence._GRID_ROWS", 1)
    found = gate(table)
    assert found.backend == "native"
    assert found.labels_differ + found.largest_difference > 0
    assert "differed" in found.reason


def test_a_walk_with_other_probabilities_does_not_pass_though_its_labels_are_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spoiled(monkeypatch, leaves=lambda forest: forest.leaves * (1 - 1e-5))
    found = gate(numbers_only())
    assert found.backend == "native"
    assert found.labels_differ == 0
    assert found.largest_difference > 1e-6


def test_rows_at_the_thresholds_stand_at_them() -> None:
    table = numbers_only()
    features, pipeline = fitted(table, FOREST)
    packed = make(pipeline[-1], 3)
    base = block_of(model_frame(table, features), features)
    made = _at_boundaries(base, packed, 2, np.random.default_rng(0))

    thresholds = set(packed.thresholds[np.isfinite(packed.thresholds)].tolist())
    quarter = len(made) // 4
    assert all(thresholds & set(row) for row in made.numbers[:quarter].tolist())


class Linear:
    """A backend for another kind of estimator, as a module of its own would be."""

    most_rows = 10

    def __init__(self, error: float) -> None:
        self.error, self.model = error, None

    def can(self, model: Any) -> bool:
        return type(model).__name__ == "LogisticRegression"

    def make(self, model: Any, classes: int) -> Any:
        assert classes == 3
        self.model = model
        return self

    def predict(self, columns: Any) -> Predictions:
        probabilities = np.abs(self.model.predict_proba(columns) - self.error)
        return Predictions(probabilities.argmax(axis=1), probabilities)

    def boundaries(self) -> Any:
        return np.array([0, 1]), np.array([0.5, -0.5])


@pytest.mark.parametrize(("error", "backend"), [(0.0, "linear"), (1e-4, "native")])
def test_another_backend_is_a_row_of_the_table_and_the_check_decides(
    error: float, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BACKENDS, "linear", Linear(error))
    found = gate(numbers_only(), "sklearn.linear_model.LogisticRegression")
    assert found.backend == backend
    assert found.threshold_rows == 8
    assert gate(numbers_only()).backend == "packed"
