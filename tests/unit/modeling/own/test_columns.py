"""Steps before the model: the frame that they get, what they may give, and each of scikit-learn's in a package."""

import importlib
from typing import Any

import numpy as np
import pandas as pd
import pytest

from champion.bundle.model import dumps, loads
from champion.errors import ConfigurationError, DataError
from champion.modeling.arrays import NATIVE, ArrayPredictor, block_of
from champion.modeling.columns import infer
from champion.modeling.contract import Contract
from champion.modeling.estimators import build_pipeline
from champion.modeling.features import Feature, model_frame, signature
from champion.modeling.own.code import OwnCode, using
from champion.modeling.own.columns import check_steps, require_columns
from champion.modeling.own.kinds import TRANSFORMERS
from champion.modeling.predictor import ask
from champion.use_case.learning import Candidate, Data, FeatureStep
from tests.support import own_examples

TABLE = pd.DataFrame(
    {
        "a": [1.5, np.nan, 3.0, 4.0, 0.5, 2.0] * 5,
        "b": [1, 2, 3, 4, 5, 6] * 5,
        "colour": ["red", "blue", None, "red", "green", "blue"] * 5,
        "when": pd.to_datetime(
            ["2024-01-01 10:00", "2024-02-29", None, "2023-05-05", "2022-01-01", "2021-07-08"] * 5, format="ISO8601"
        ),
        "paid": [True, False, True, True, False, False] * 5,
    }
)
TARGET = np.array([0, 1, 0, 1, 1, 0] * 5)
TREE = Candidate(estimator="sklearn.tree.DecisionTreeClassifier", params={"max_depth": 4})
LOGISTIC = Candidate(estimator="sklearn.linear_model.LogisticRegression")


def features() -> tuple[Feature, ...]:
    return signature(TABLE, infer(TABLE, exclude=[], kinds={}))


def step(transformer: str, *columns: str, **more: Any) -> FeatureStep:
    return FeatureStep(transformer=transformer, columns=columns, **more)


def own(text: str) -> OwnCode:
    head = "from sklearn.base import BaseEstimator, TransformerMixin\nimport numpy as np, pandas as pd\n"
    body = f"class Own(TransformerMixin, BaseEstimator):\n  def fit(self, frame, target=None): return self\n{text}"
    return OwnCode({"mine.py": (head + body).encode()})


def answers_alike(candidate: Candidate, *steps: FeatureStep, code: OwnCode | None = None) -> Any:
    """Fit, write, read, and ask a table and arrays; the pipeline."""
    contract = Contract(features=features(), classes=(0, 1))
    with using(code):
        pipeline = build_pipeline(candidate, contract.features, 0, steps=steps)
        frame = model_frame(TABLE, contract.features)
        pipeline.fit(frame, TARGET)
        before = ask(pipeline, frame, 2)
        data = dumps(pipeline)
    back = loads(data, "a model", code)
    np.testing.assert_array_equal(ask(back, frame, 2).probabilities, before.probabilities)
    whole, block = ArrayPredictor(contract, back, NATIVE), block_of(frame, contract.features)
    np.testing.assert_array_equal(whole.predict(block).probabilities, before.probabilities)
    return pipeline


@pytest.mark.parametrize("path", sorted(TRANSFORMERS))
def test_each_of_scikit_learns_transformers_is_written_read_and_answers_alike(path: str) -> None:
    module, _, name = path.rpartition(".")
    assert importlib.import_module(module)
    public = f"{module.partition('._')[0]}.{name}"
    texts = name in ("OneHotEncoder", "OrdinalEncoder", "TargetEncoder")
    more: dict[str, Any] = {"params": {"sparse_output": False}} if name == "OneHotEncoder" else {}
    if name in ("TruncatedSVD", "Nystroem"):
        more = {"params": {"n_components": 2}}
    columns = (
        ("colour", "paid") if texts else ("a", "b") if name in ("MissingIndicator", "SimpleImputer") else ("b", "paid")
    )
    answers_alike(LOGISTIC, step(public, *columns, **more))


def test_a_step_gets_numbers_texts_and_moments_as_they_are_also_from_arrays() -> None:
    checks = """\
  def transform(self, frame):
    assert [str(each) for each in frame.dtypes] == ["float64", "float64", "str", "datetime64[us]", "float64"], frame.dtypes
    assert frame["a"].isna().tolist()[:3] == [False, True, False]
    assert frame["colour"].isna().tolist()[:3] == [False, False, True]
    assert frame["when"].tolist()[:2] == [pd.Timestamp("2024-01-01 10:00"), pd.Timestamp("2024-02-29")]
    assert frame["when"].isna().tolist()[:3] == [False, False, True]
    return np.column_stack([frame["a"], frame["when"].dt.year, frame["colour"].str.len() / 0.0])
"""
    made = answers_alike(LOGISTIC, step("mine.Own", "a", "b", "colour", "when", "paid"), code=own(checks))
    assert np.isfinite(made[0].transform(model_frame(TABLE, features()))).all(), "an infinite number counts as missing"


def test_what_a_step_makes_stands_beside_the_columns_or_in_their_place() -> None:
    ratio = step("features.ratios.Ratio", "a", "b", params={"scale": 2.0})
    code = own_examples.own()
    widths = []
    for steps in ((), (ratio,), (ratio.model_copy(update={"keep": False}),)):
        for candidate in (TREE, LOGISTIC):
            pipeline = answers_alike(candidate, *steps, code=code)
            widths.append(pipeline[-1].n_features_in_)
    assert [wide - widths[0] for wide in widths[::2]] == [0, 1, -1]
    boosting = Candidate(estimator="sklearn.ensemble.HistGradientBoostingClassifier", params={"max_iter": 3})
    categorical = answers_alike(boosting, ratio, code=code)[-1].is_categorical_
    assert (categorical.sum(), categorical[-1]) == (1, False), "categories stay categories"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            "  def transform(self, frame): return frame['nowhere']",
            "mine.Own fails: mine.py, line 5: KeyError: 'nowhere'",
        ),
        (
            "  def transform(self, frame): return frame[['a']].head(2)",
            "mine.Own gives an array of shape (2, 1) for 30 rows",
        ),
        (
            "  def transform(self, frame): return np.array([['x']] * len(frame))",
            "mine.Own gives values that are no numbers",
        ),
    ],
)
def test_a_step_that_fails_or_gives_something_else_is_named_with_its_line(body: str, said: str) -> None:
    with pytest.raises(DataError) as caught:
        answers_alike(TREE, step("mine.Own", "a"), code=own(body))
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("path", "params", "said"),
    [
        ("features.ratios.Raito", {}, "c.yaml: features.0.transformer: features/ratios.py has no 'Raito'. Did you mean 'Ratio'?"),
        ("features.ratios.Nearest", {}, "is no transformer. Expected a class with fit and transform."),
        ("features.ratios.Ratio", {"scael": 1}, "features.0.params: Ratio has no parameter 'scael'. Did you mean 'scale'?"),
        ("sklearn.preprocessing.FunctionTransformer", {}, "FunctionTransformer cannot be kept in a package."),
        ("sklearn.preprocessing.MinMaxScalar", {}, "has no 'MinMaxScalar'. Did you mean 'MinMaxScaler'?"),
        ("nowhere.at.all", {}, "found 'nowhere.at.all', which cannot be imported"),
    ],
)  # fmt: skip
def test_a_wrong_step_is_refused_before_any_table_is_read(path: str, params: dict[str, Any], said: str) -> None:
    with using(own_examples.own()), pytest.raises(ConfigurationError) as caught:
        check_steps([step(path, "a", params=params)], "c.yaml")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("y", "features.0.columns names 'y', which is no feature: it is the target."),
        ("b", "features.0.columns names 'b', which is no feature: it stands in data.drop."),
        ("paid", "features.0.columns names 'paid', which is no feature: it splits the table."),
        ("colours", "features.0.columns names 'colours', which the table does not have. Did you mean 'colour'?"),
        ("one", "features.0.columns names 'one', which is not used: "),
    ],
)
def test_a_step_that_names_no_feature_is_refused(column: str, said: str) -> None:
    table, data = TABLE.assign(y=TARGET, one="same"), Data(path="", target="y", drop=("b",))
    with pytest.raises(DataError) as caught:
        require_columns(table, data, "paid", [step("sklearn.preprocessing.StandardScaler", column)])
    assert str(caught.value).startswith(said)
