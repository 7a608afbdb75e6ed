import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

from champion.errors import DataError
from champion.modeling.arrays import (
    LARGEST,
    ArrayPredictor,
    Block,
    block_of,
    number_columns,
    text_columns,
)
from champion.modeling.columns import infer
from champion.modeling.contract import Contract
from champion.modeling.estimators import build_pipeline
from champion.modeling.features import Feature, model_frame, moment_parts, signature
from champion.modeling.predictor import Predictor
from champion.use_case.learning import Candidate

FOREST = "sklearn.ensemble.RandomForestClassifier"
ESTIMATORS = [
    FOREST, "sklearn.ensemble.ExtraTreesClassifier", "sklearn.tree.DecisionTreeClassifier",
    "sklearn.ensemble.HistGradientBoostingClassifier", "sklearn.ensemble.GradientBoostingClassifier",
    "sklearn.linear_model.LogisticRegression", "sklearn.linear_model.RidgeClassifier",
    "sklearn.naive_bayes.MultinomialNB", "sklearn.naive_bayes.GaussianNB", "sklearn.neighbors.KNeighborsClassifier",
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
    rows, contract = asked(table), Contract(features=features, classes=(0, 1, 2))
    expected = Predictor(contract, pipeline).predict(rows)
    block = block_of(model_frame(rows, features), features)
    for backend in ("packed", "native"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            arrays = ArrayPredictor(contract, pipeline, backend=backend)
            found = arrays.predict(block)
            alone = arrays.predict(Block(block.numbers[:1], block.texts[:1]))
        np.testing.assert_array_equal(found.values, expected.values)
        assert alone.values[0] == expected.values[0]
        if expected.probabilities is None:
            assert found.probabilities is None
        else:
            np.testing.assert_allclose(found.probabilities, expected.probabilities, rtol=0, atol=1e-12)


def test_a_forest_may_be_packed_and_a_linear_model_may_not() -> None:
    table = numbers_only()
    linear = "sklearn.linear_model.LogisticRegression"
    for estimator, asked_for, backend in (
        (FOREST, "packed", "packed"), (FOREST, "native", "native"), (FOREST, "gone", "native"), (linear, "packed", "native"),
    ):  # fmt: skip
        features, pipeline = fitted(table, estimator)
        contract = Contract(features=features, classes=(0, 1, 2))
        assert ArrayPredictor(contract, pipeline, backend=asked_for).backend == backend


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
    arrays = ArrayPredictor(Contract(features=features, classes=(0, 1, 2)), pipeline, backend="packed")
    return arrays.predict(Block(np.array(rows).reshape(-1, 2), np.empty((len(rows), 0), dtype=object)))


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e39, -1e300])
def test_a_number_that_no_model_takes_is_refused(value: float) -> None:
    with pytest.raises(DataError, match=r"infinite or beyond 3\.402823e"):
        of_numbers(FOREST, [[value, 0.0]])
    assert len(of_numbers(FOREST, [[LARGEST, -LARGEST]]).values) == 1


def test_a_value_that_the_estimator_refuses_is_named_with_the_estimator() -> None:
    with pytest.raises(DataError, match=r"LogisticRegression cannot answer this: .*NaN"):
        of_numbers("sklearn.linear_model.LogisticRegression", [[np.nan, 0.0]])


def test_no_row_gets_no_answer() -> None:
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
        "size", "count", "paid", "when (days)", "when (month)", "when (weekday)", "when (hour)",
    )  # fmt: skip
