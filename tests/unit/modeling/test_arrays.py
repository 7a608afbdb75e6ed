import dataclasses
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sklearn import ensemble
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier, ExtraTreeClassifier

from champion.errors import DataError
from champion.modeling import forest
from champion.modeling.arrays import BACKENDS, LARGEST, ArrayPredictor, Block, block_of, number_columns, text_columns
from champion.modeling.columns import infer
from champion.modeling.contract import Contract
from champion.modeling.equivalence import _at_boundaries, check_equivalence
from champion.modeling.estimators import build_pipeline
from champion.modeling.evaluation import EquivalenceReport
from champion.modeling.features import Feature, model_frame, moment_parts, signature
from champion.modeling.forest import Forest, can, make
from champion.modeling.predictor import Predictions, Predictor, ask
from champion.use_case.learning import Candidate

FOREST, LINEAR = "sklearn.ensemble.RandomForestClassifier", "sklearn.linear_model.LogisticRegression"
ESTIMATORS = [
    FOREST, "sklearn.ensemble.ExtraTreesClassifier", "sklearn.tree.DecisionTreeClassifier",
    "sklearn.ensemble.HistGradientBoostingClassifier", "sklearn.ensemble.GradientBoostingClassifier",
    LINEAR, "sklearn.linear_model.RidgeClassifier", "sklearn.naive_bayes.MultinomialNB",
    "sklearn.naive_bayes.GaussianNB", "sklearn.neighbors.KNeighborsClassifier",
    "sklearn.svm.LinearSVC", "sklearn.ensemble.AdaBoostClassifier", "sklearn.ensemble.BaggingClassifier",
]  # fmt: skip


def mixed(rows: int = 240) -> pd.DataFrame:
    random = np.random.default_rng(2)
    return pd.DataFrame(
        {
            "size": np.where(random.random(rows) < 0.1, np.nan, random.normal(size=rows)),
            "count": random.integers(0, 50, rows),
            "colour": pd.Series(random.choice(["red", "green", "blue"], rows)).where(random.random(rows) > 0.1),
            "paid": random.choice([True, False], rows),
            "when": pd.Timestamp("2024-01-30T22:00", tz="UTC") + pd.to_timedelta(random.integers(0, 9000, rows), "h"),
        }
    )


def numbers_only(rows: int = 200) -> pd.DataFrame:
    random = np.random.default_rng(3)
    return pd.DataFrame({"b": random.normal(size=rows), "a": random.integers(0, 9, rows)})


def fitted(table: pd.DataFrame, estimator: str, **params: Any) -> tuple[tuple[Feature, ...], Any]:
    features = signature(table, infer(table, exclude=[], kinds={}))
    pipeline = build_pipeline(Candidate(estimator=estimator, params=params), features, seed=0)
    first = table["size" if "size" in table else "b"].fillna(0)
    return features, pipeline.fit(model_frame(table, features), (first > 0.5).astype(int) + (first > -0.5).astype(int))


def contract(features: tuple[Feature, ...]) -> Contract:
    return Contract(features=features, classes=(0, 1, 2))


def asked(table: pd.DataFrame) -> pd.DataFrame:
    """Rows beyond those of training: new values, new categories, missing ones where there were some."""
    other = table.sample(len(table), random_state=1).reset_index(drop=True)
    other[other.columns[0]] = other[other.columns[0]] * 1.7
    if "colour" in other:
        other.loc[:5, "colour"] = "violet"
    return other


@pytest.mark.parametrize("table", [mixed(), numbers_only()], ids=["mixed", "numbers"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_block_gets_the_answer_that_its_table_gets(estimator: str, table: pd.DataFrame) -> None:
    features, pipeline = fitted(table, estimator)
    rows = asked(table)
    expected = Predictor(contract(features), pipeline).predict(rows)
    block = block_of(model_frame(rows, features), features)
    for backend in ("packed", "native"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            arrays = ArrayPredictor(contract(features), pipeline, backend=backend)
            found = arrays.predict(block)
            alone = arrays.predict(Block(block.numbers[:1], block.texts[:1]))
        np.testing.assert_array_equal(found.values, expected.values)
        assert alone.values[0] == expected.values[0]
        assert (found.probabilities is None) == (expected.probabilities is None)
        if expected.probabilities is not None:
            np.testing.assert_allclose(found.probabilities, expected.probabilities, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("estimator", "asked_for", "backend"),
    [
        (FOREST, "packed", "packed"),
        (FOREST, "native", "native"),
        (FOREST, "gone", "native"),
        (LINEAR, "packed", "native"),
    ],
)
def test_a_forest_may_be_packed_and_a_linear_model_may_not(estimator: str, asked_for: str, backend: str) -> None:
    features, pipeline = fitted(numbers_only(), estimator)
    assert ArrayPredictor(contract(features), pipeline, backend=asked_for).backend == backend


def test_the_label_at_a_tie_of_gradient_boosting_is_its_own() -> None:
    features = (Feature(name="x", kind="numeric", dtype="float64", nullable=False),)
    rows = pd.DataFrame({"x": [0.0, 0.0, 1.0, 1.0]})
    pipeline = build_pipeline(
        Candidate(estimator="sklearn.ensemble.GradientBoostingClassifier", params={"n_estimators": 1}), features, seed=0
    ).fit(rows, [0, 1, 0, 1])
    found = Predictor(Contract(features=features, classes=("no", "yes")), pipeline).predict(rows)
    assert found.probabilities[0].tolist() == [0.5, 0.5]
    assert found.values.tolist() == pipeline.predict(rows).tolist() == [1, 1, 1, 1]


def of_numbers(estimator: str, rows: Any) -> Any:
    """What a model of two numbers answers, without preparation."""
    features, pipeline = fitted(numbers_only(), estimator)
    pipeline.steps[0] = ("prepare", "passthrough")
    arrays = ArrayPredictor(contract(features), pipeline, backend="packed")
    return arrays.predict(Block(np.array(rows).reshape(-1, 2), np.empty((len(rows), 0), dtype=object)))


@pytest.mark.parametrize(
    ("estimator", "value", "message"),
    [
        *((FOREST, value, r"infinite or beyond 3\.402823e") for value in (np.inf, -np.inf, 1e39, -1e300)),
        (LINEAR, np.nan, r"LogisticRegression cannot answer this: .*NaN"),
    ],
)
def test_a_number_that_no_model_or_not_this_one_takes_is_refused(estimator: str, value: float, message: str) -> None:
    with pytest.raises(DataError, match=message):
        of_numbers(estimator, [[value, 0.0]])


def test_the_largest_number_is_answered_and_no_row_gets_no_answer() -> None:
    assert len(of_numbers(FOREST, [[LARGEST, -LARGEST]]).values) == 1
    found = of_numbers(FOREST, [])
    assert (found.values.shape, found.probabilities.shape) == ((0,), (0, 3))


def test_moments_become_what_a_table_makes_of_them() -> None:
    texts = ["1969-12-31T23:59:59.5", "2024-02-29T12:30", "2000-01-01", None, "1903-03-01T07:00", "2099-12-31T23:00"]
    feature = Feature(name="when", kind="datetime", dtype="str", nullable=True)
    expected = model_frame(pd.DataFrame({"when": texts}), [feature]).to_numpy()
    found = moment_parts(np.array([text or "NaT" for text in texts], dtype="datetime64[us]"))
    np.testing.assert_array_equal(found, expected)
    assert found.shape == (6, len(feature.columns))


def test_the_columns_of_a_block_are_those_of_the_signature_in_its_order() -> None:
    features, _ = fitted(mixed(), FOREST)
    assert text_columns(features) == ("colour",)
    assert number_columns(features) == (
        *("size", "count", "paid"), *(f"when ({part})" for part in ("days", "month", "weekday", "hour"))
    )  # fmt: skip


# The check that a faster way answers the same


def gate(table: pd.DataFrame, estimator: str = FOREST) -> EquivalenceReport:
    features, pipeline = fitted(table, estimator)
    return check_equivalence(pipeline, contract(features), table, seed=0)


@pytest.mark.parametrize("table", [mixed(), numbers_only(), numbers_only(3000)], ids=["mixed", "numbers", "many"])
def test_a_forest_passes_on_holdout_grid_and_thresholds(table: pd.DataFrame) -> None:
    found = gate(table)
    assert (found.backend, found.holdout_rows, found.grid_rows) == ("packed", min(len(table), 1000), 1000)
    assert found.threshold_rows > 100
    assert (found.labels_differ, found.largest_difference) == (0, 0.0)


def test_a_model_without_a_faster_way_answers_itself() -> None:
    found = gate(numbers_only(), LINEAR)
    assert found.backend == "native"
    assert "no faster way" in found.reason


@pytest.mark.parametrize(
    ("part", "wrong"),
    [
        ("thresholds", lambda values: values * (1 - 1e-12 * np.sign(values))),
        ("leaves", lambda values: values * (1 - 1e-5)),
    ],
)
def test_a_walk_that_is_wrong_at_the_thresholds_or_in_its_probabilities_alone_does_not_pass(
    part: str, wrong: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def worse(model: Any, classes: int) -> Forest:
        made = make(model, classes)
        return dataclasses.replace(made, **{part: wrong(getattr(made, part))})

    monkeypatch.setattr(forest, "make", worse)
    monkeypatch.setattr("champion.modeling.equivalence._GRID_ROWS", 1)
    found = gate(numbers_only())
    assert found.backend == "native"
    assert "differed" in found.reason
    if part == "leaves":
        assert found.labels_differ == 0
        assert found.largest_difference > 1e-6
    else:
        assert found.labels_differ + found.largest_difference > 0


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
    found = gate(numbers_only(), LINEAR)
    assert (found.backend, found.threshold_rows) == (backend, 8)
    assert gate(numbers_only()).backend == "packed"


# Forests, packed


IRIS = load_iris(return_X_y=True)
FORESTS = [
    *(
        ensemble.RandomForestClassifier(30, random_state=1),
        ensemble.RandomForestClassifier(100, max_depth=2, random_state=1),
    ),
    *(ensemble.ExtraTreesClassifier(30, random_state=1), ExtraTreeClassifier(random_state=1)),
    *(DecisionTreeClassifier(random_state=1), DecisionTreeClassifier(max_depth=1, random_state=1)),
]


def grid(rows: int = 5000) -> np.ndarray:
    """Multiples of a tenth, so that many of them are split thresholds or their neighbours."""
    return np.round(np.random.default_rng(0).uniform(-1, 9, (rows, 4)), 1)


@pytest.mark.parametrize("model", FORESTS, ids=str)
def test_a_packed_forest_answers_to_the_last_bit_what_the_forest_answers_alone_and_in_parts(model: Any) -> None:
    packed, rows = make(model.fit(*IRIS), 3), grid()
    truth = model.predict_proba(rows)
    np.testing.assert_array_equal(packed.probabilities(rows), truth)  # a hundred trees are walked in parts
    alone = np.vstack([packed.probabilities(rows[place : place + 1]) for place in range(300)])
    np.testing.assert_array_equal(alone, truth[:300])


def test_a_tie_of_two_classes_is_the_forests_own() -> None:
    rows = np.array([[0.0], [0.0], [1.0], [1.0]])
    model = DecisionTreeClassifier().fit(rows, [0, 1, 1, 2])
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
    "model", [ensemble.RandomForestClassifier(20, random_state=3), DecisionTreeClassifier(random_state=3)], ids=str
)
def test_a_missing_number_goes_where_the_forest_sends_it(model: Any) -> None:
    rows, truth = IRIS
    random = np.random.default_rng(5)
    holed = np.where((random.random(rows.shape) < 0.3) & (truth[:, None] != 1), np.nan, rows)
    asked = np.where(random.random((2000, 4)) < 0.3, np.nan, grid(2000))
    model.fit(holed, truth)
    np.testing.assert_array_equal(make(model, 3).probabilities(asked), model.predict_proba(asked))


def test_a_class_that_the_forest_never_saw_has_probability_zero() -> None:
    rows, truth = IRIS
    model = ensemble.RandomForestClassifier(5, random_state=0).fit(rows[truth != 1], truth[truth != 1])
    found = make(model, 3).probabilities(rows)
    assert found.shape == (150, 3)
    assert (found[:, 1] == 0).all()
    np.testing.assert_array_equal(found[:, [0, 2]], model.predict_proba(rows))


def test_what_is_no_plain_forest_is_not_packed() -> None:
    for model in (ensemble.HistGradientBoostingClassifier(max_iter=2), ensemble.BaggingClassifier(n_estimators=2)):
        assert not can(model.fit(*IRIS))


def test_trees_are_asked_with_the_numbers_of_a_row_side_by_side() -> None:
    asked = []

    class Model(DummyClassifier):
        def predict_proba(self, rows: pd.DataFrame) -> Any:
            asked.append(rows)
            return super().predict_proba(rows)

    frame = pd.concat([pd.Series([1.0, 2.0, 3.0], name=name, index=[4, 5, 6]) for name in "ab"], axis=1)
    pipeline = Pipeline([("prepare", "passthrough"), ("model", Model().fit(frame, [0, 1, 1]))])
    ask(pipeline, frame, 2)
    assert asked[0].to_numpy().flags["C_CONTIGUOUS"]
    assert_frame_equal(asked[0], frame)
    ask(pipeline, mixed := frame.assign(b=["x", "y", "z"]), 2)
    assert asked[1] is mixed
