import dataclasses
import subprocess
import sys
import warnings
from types import SimpleNamespace
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
from threadpoolctl import threadpool_info, threadpool_limits

from champion.errors import DataError
from champion.modeling import forest
from champion.modeling.arrays import BACKENDS, LARGEST, ArrayPredictor, Block, block_of
from champion.modeling.columns import infer
from champion.modeling.contract import Contract
from champion.modeling.equivalence import _at_boundaries, check_equivalence
from champion.modeling.estimators import build_pipeline
from champion.modeling.evaluation import EquivalenceReport
from champion.modeling.features import model_frame, signature
from champion.modeling.forest import Forest, can, make
from champion.modeling.predictor import FEWEST_ROWS_FOR_THREADS, Predictions, Predictor, ask
from champion.use_case.learning import Candidate
from tests.support.packages import training

FOREST, LINEAR = "sklearn.ensemble.RandomForestClassifier", "sklearn.linear_model.LogisticRegression"
ESTIMATORS = [
    FOREST, "sklearn.ensemble.ExtraTreesClassifier", "sklearn.tree.DecisionTreeClassifier",
    "sklearn.ensemble.HistGradientBoostingClassifier", "sklearn.ensemble.GradientBoostingClassifier",
    LINEAR, "sklearn.linear_model.RidgeClassifier", "sklearn.naive_bayes.MultinomialNB",
    "sklearn.naive_bayes.GaussianNB", "sklearn.neighbors.KNeighborsClassifier",
    "sklearn.svm.LinearSVC", "sklearn.ensemble.AdaBoostClassifier", "sklearn.ensemble.BaggingClassifier",
]  # fmt: skip


def numbers_only(rows: int = 200) -> pd.DataFrame:
    random = np.random.default_rng(3)
    return pd.DataFrame({"b": random.normal(size=rows), "a": random.integers(0, 9, rows)})


def fitted(table: pd.DataFrame, estimator: str) -> tuple[Contract, Any]:
    features = signature(table, infer(table, exclude=[], kinds={}))
    pipeline = build_pipeline(Candidate(estimator=estimator), features, seed=0)
    first = table.iloc[:, 0].fillna(0)
    pipeline.fit(model_frame(table, features), (first > 0.5).astype(int) + (first > -0.5).astype(int))
    return Contract(features=features, classes=(0, 1, 2)), pipeline


@pytest.mark.parametrize("table", [training(), numbers_only()], ids=["mixed", "numbers"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_block_gets_the_answer_that_its_table_gets(estimator: str, table: pd.DataFrame) -> None:
    contract, pipeline = fitted(table, estimator)
    rows = table.sample(len(table), random_state=1).reset_index(drop=True)
    rows[rows.columns[0]] *= 1.7
    if "colour" in rows:
        rows.loc[:5, "colour"] = "violet"
    expected = Predictor(contract, pipeline).predict(rows)
    block = block_of(model_frame(rows, contract.features), contract.features)
    for backend in ("packed", "native"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            arrays = ArrayPredictor(contract, pipeline, backend=backend)
            found = arrays.predict(block)
            alone = arrays.predict(Block(block.numbers[:1], block.texts[:1]))
        np.testing.assert_array_equal(found.values, expected.values)
        assert alone.values[0] == expected.values[0]
        assert (found.probabilities is None) == (expected.probabilities is None)
        if expected.probabilities is not None:
            np.testing.assert_allclose(found.probabilities, expected.probabilities, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("estimator", "backends"),
    [(FOREST, {"packed": "packed", "native": "native", "gone": "native"}), (LINEAR, {"packed": "native"})],
)
def test_a_forest_may_be_packed_and_a_linear_model_may_not(estimator: str, backends: dict[str, str]) -> None:
    model = fitted(numbers_only(), estimator)
    assert {asked_for: ArrayPredictor(*model, backend=asked_for).backend for asked_for in backends} == backends


def test_the_label_at_a_tie_of_gradient_boosting_is_its_own() -> None:
    rows = pd.DataFrame({"x": [0.0, 0.0, 1.0, 1.0]})
    model = ensemble.GradientBoostingClassifier(n_estimators=1).fit(rows, [0, 1, 0, 1])
    found = ask(Pipeline([("prepare", "passthrough"), ("model", model)]), rows, 2)
    assert found.probabilities[0].tolist() == [0.5, 0.5]
    assert found.values.tolist() == model.predict(rows).tolist() == [1, 1, 1, 1]


def of_numbers(estimator: str, rows: Any) -> Any:
    """What a model of two numbers answers, without preparation."""
    contract, pipeline = fitted(numbers_only(), estimator)
    pipeline.steps[0] = ("prepare", "passthrough")
    arrays = ArrayPredictor(contract, pipeline, backend="packed")
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


# The check that a faster way answers the same


def gate(table: pd.DataFrame, estimator: str = FOREST) -> EquivalenceReport:
    contract, pipeline = fitted(table, estimator)
    return check_equivalence(pipeline, contract, table, seed=0)


@pytest.mark.parametrize("table", [training(), numbers_only(), numbers_only(3000)], ids=["mixed", "numbers", "many"])
def test_a_forest_passes_on_holdout_grid_and_thresholds(table: pd.DataFrame) -> None:
    found = gate(table)
    assert (found.backend, found.holdout_rows, found.grid_rows) == ("packed", min(len(table), 1000), 1000)
    assert found.threshold_rows > 100
    assert (found.labels_differ, found.largest_difference) == (0, 0.0)


def test_a_model_without_a_faster_way_answers_itself() -> None:
    found = gate(numbers_only(), LINEAR)
    assert (found.backend, "no faster way" in found.reason) == ("native", True)


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
    assert (found.backend, "differed" in found.reason) == ("native", True)
    assert found.largest_difference > 1e-6
    assert part == "thresholds" or found.labels_differ == 0


def test_rows_at_the_thresholds_stand_at_them() -> None:
    (contract, pipeline), table = fitted(numbers_only(), FOREST), numbers_only()
    packed, base = make(pipeline[-1], 3), block_of(model_frame(table, contract.features), contract.features)
    made = _at_boundaries(base, packed, 2, np.random.default_rng(0)).numbers
    assert all(set(packed.boundaries()[1]) & set(row) for row in made[: len(made) // 4].tolist())


def linear(error: float) -> Any:
    """A backend for another kind of estimator, as a module of its own would be."""

    def make(model: Any, classes: int) -> Any:
        def predict(columns: Any) -> Predictions:
            probabilities = np.abs(model.predict_proba(columns) - error)
            return Predictions(probabilities.argmax(axis=1), probabilities)

        boundaries = np.array([0, 1]), np.array([0.5, -0.5])
        return SimpleNamespace(most_rows=10, predict=predict, boundaries=lambda: boundaries)

    return SimpleNamespace(make=make, can=lambda model: type(model).__name__ == "LogisticRegression")


@pytest.mark.parametrize(("error", "backend"), [(0.0, "linear"), (1e-4, "native")])
def test_another_backend_is_a_row_of_the_table_and_the_check_decides(
    error: float, backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BACKENDS, "linear", linear(error))
    found = gate(numbers_only(), LINEAR)
    assert (found.backend, found.threshold_rows) == (backend, 8)
    assert gate(numbers_only()).backend == "packed"


# Forests, packed


IRIS, SPECIES = load_iris(return_X_y=True)
TENTHS = np.round(np.random.default_rng(0).uniform(-1, 9, (5000, 4)), 1)  # many are thresholds or their neighbours
HOLES = np.random.default_rng(5).random(TENTHS.shape) < 0.3
PLAIN = [
    *(ensemble.RandomForestClassifier(count, max_depth=most, random_state=1) for count, most in ((30, None), (100, 2))),
    *(ensemble.ExtraTreesClassifier(30, random_state=1), ExtraTreeClassifier(random_state=1)),
    *(DecisionTreeClassifier(max_depth=most, random_state=1) for most in (None, 1)),
]
SMALL = ensemble.RandomForestClassifier(20, random_state=3)
TREE = DecisionTreeClassifier(random_state=3)
HOLED = np.where(HOLES[: len(IRIS)] & (SPECIES[:, None] != 1), np.nan, IRIS)
TIE = np.array([[0.0], [0.0], [1.0], [1.0]])
THRESHOLD = float(TREE.fit([[0.1], [0.3]], [0, 1]).tree_.threshold[0])
NEAR = [THRESHOLD, np.nextafter(THRESHOLD, 1), *np.nextafter(np.float32(THRESHOLD), np.float32([-1, THRESHOLD, 1]))]
SPECIAL = {
    "gaps in a forest": (SMALL, HOLED, SPECIES, np.where(HOLES, np.nan, TENTHS)),
    "gaps in a tree": (TREE, HOLED, SPECIES, np.where(HOLES, np.nan, TENTHS)),
    "a class that it never saw": (SMALL, IRIS[SPECIES != 1], SPECIES[SPECIES != 1], TENTHS),
    "a tie": (TREE, TIE, [0, 1, 1, 2], TIE),
    "at a threshold": (TREE, [[0.1], [0.3]], [0, 1], np.array(NEAR)[:, None]),
}


@pytest.mark.parametrize(
    ("model", "rows", "truth", "asked"),
    [*((model, IRIS, SPECIES, TENTHS) for model in PLAIN), *SPECIAL.values()],
    ids=[*map(str, PLAIN), *SPECIAL],
)
def test_a_packed_forest_answers_to_the_last_bit_what_the_forest_answers_alone_and_in_parts(
    model: Any, rows: Any, truth: Any, asked: Any
) -> None:
    packed = make(model.fit(rows, truth), 3)
    expected = np.zeros((len(asked), 3))
    expected[:, model.classes_] = model.predict_proba(asked)
    found = packed.predict(asked)
    np.testing.assert_array_equal(found.probabilities, expected)  # a hundred trees are walked in parts
    np.testing.assert_array_equal(found.values, model.predict(asked))
    alone = np.vstack([packed.probabilities(row[None]) for row in asked[:300]])
    np.testing.assert_array_equal(alone, expected[:300])


def test_what_is_no_plain_forest_is_not_packed() -> None:
    for model in (ensemble.HistGradientBoostingClassifier(max_iter=2), ensemble.BaggingClassifier(n_estimators=2)):
        assert not can(model.fit(IRIS, SPECIES))


def test_trees_are_asked_with_the_numbers_of_a_row_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(DummyClassifier, "predict_proba", lambda _, rows: asked.append(rows) or np.ones((len(rows), 2)))
    frame = pd.concat([pd.Series([1.0, 2.0, 3.0], name=name, index=[4, 5, 6]) for name in "ab"], axis=1)
    pipeline = Pipeline([("prepare", "passthrough"), ("model", DummyClassifier().fit(frame, [0, 1, 1]))])
    ask(pipeline, frame, 2)
    assert asked[0].to_numpy().flags["C_CONTIGUOUS"]
    assert_frame_equal(asked[0], frame)
    ask(pipeline, mixed := frame.assign(b=["x", "y", "z"]), 2)
    assert asked[1] is mixed


class Threads(DummyClassifier):
    """Answers with the number of threads that may answer."""

    def predict(self, X: Any) -> Any:
        return np.full(len(X), max(each["num_threads"] for each in threadpool_info() if each["user_api"] == "openmp"))

    def predict_proba(self, X: Any) -> Any:
        return np.eye(3)[self.predict(X)]


@pytest.mark.parametrize("probabilities", [True, False])
def test_few_rows_are_answered_by_one_thread_and_many_by_all(probabilities: bool) -> None:
    many = pd.DataFrame({"a": np.zeros(FEWEST_ROWS_FOR_THREADS)})
    pipeline = Pipeline([("prepare", "passthrough"), ("model", Threads().fit(many[:3], [0, 1, 2]))])
    with threadpool_limits(2, user_api="openmp"):
        assert ask(pipeline, many[1:], 3, probabilities).values[0] == 1
        assert ask(pipeline, many, 3, probabilities).values[0] == 2
        assert Threads().predict([0])[0] == 2, "and is as before"


def test_a_library_that_is_loaded_after_the_first_answer_answers_few_rows_by_one_thread_too() -> None:
    program = (
        "import numpy as np, pandas as pd\n"
        "from sklearn.dummy import DummyClassifier\n"
        "from sklearn.pipeline import Pipeline\n"
        "from threadpoolctl import threadpool_info, threadpool_limits\n"
        "from champion.modeling.predictor import ask\n"
        "few = pd.DataFrame({'a': np.zeros(3)})\n"
        "def pipeline(kind): return Pipeline([('prepare', 'passthrough'), ('model', kind().fit(few, [0, 1, 2]))])\n"
        "ask(pipeline(DummyClassifier), few, 3)\n"
        "import lightgbm, xgboost\n"
        "class Threads(DummyClassifier):\n"
        "    def predict_proba(self, X):\n"
        "        print(max(each['num_threads'] for each in threadpool_info() if each['user_api'] == 'openmp'))\n"
        "        return np.eye(3)\n"
        "with threadpool_limits(2, user_api='openmp'):\n"
        "    ask(pipeline(Threads), few, 3)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "1\n", done.stderr
