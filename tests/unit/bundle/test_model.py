import functools
import operator
import pickle
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import all_estimators
from threadpoolctl import threadpool_limits

from champion.bundle.model import TRUSTED, dumps, loads
from champion.errors import PackageError
from champion.modeling.estimators import build_pipeline
from champion.modeling.features import Feature, model_frame
from champion.use_case.learning import Candidate

CLASSIFIERS = dict(all_estimators(type_filter="classifier"))
NEED_ANOTHER_ESTIMATOR = {
    "ClassifierChain", "FixedThresholdClassifier", "MultiOutputClassifier", "OneVsOneClassifier", "OneVsRestClassifier",
    "OutputCodeClassifier", "SelfTrainingClassifier", "StackingClassifier", "TunedThresholdClassifierCV",
    "VotingClassifier",
}  # fmt: skip
FEATURES = (
    Feature(name="size", kind="numeric", dtype="float64", nullable=True),
    Feature(name="colour", kind="categorical", dtype="str", nullable=True),
    Feature(name="paid", kind="boolean", dtype="bool", nullable=False),
)


class Foreign(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A classifier that nobody put on the list."""

    def fit(self, X: Any, y: Any) -> "Foreign":
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.zeros(len(X), dtype=int)


class Rogue:
    """Does harm as soon as somebody unpickles it."""

    def __reduce__(self) -> Any:
        return Path.touch, (Path("harm"),)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tables this small are learned faster without threads that wait for each other."""
    with threadpool_limits(1):
        yield


def frame(rows: int = 60) -> pd.DataFrame:
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "size": random.normal(size=rows),
            "colour": random.choice(["red", "blue"], rows),
            "paid": random.random(rows) < 0.5,
        }
    )
    table.loc[3, "size"] = None
    table.loc[4, "colour"] = None
    return model_frame(table, FEATURES)


def fitted(path: str, **params: Any) -> Any:
    pipeline = build_pipeline(Candidate(estimator=path, params=params), FEATURES, seed=0)
    return pipeline.fit(frame(), np.arange(60) % 3)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(CLASSIFIERS.keys() - NEED_ANOTHER_ESTIMATOR))
def test_every_classifier_of_scikit_learn_comes_back_as_it_was(name: str) -> None:
    few: dict[str, Any] = {
        "HistGradientBoostingClassifier": {"max_iter": 3}, "RandomForestClassifier": {"n_estimators": 5},
        "ExtraTreesClassifier": {"n_estimators": 5}, "GradientBoostingClassifier": {"n_estimators": 5},
        "AdaBoostClassifier": {"n_estimators": 5}, "QuadraticDiscriminantAnalysis": {"reg_param": 0.1},
    }.get(name, {})  # fmt: skip
    pipeline = fitted(f"{CLASSIFIERS[name].__module__}.{name}", **few)

    back = loads(dumps(pipeline), "models/iris/model.skops")
    np.testing.assert_array_equal(back.predict(frame()), pipeline.predict(frame()))
    if hasattr(pipeline, "predict_proba"):
        np.testing.assert_array_equal(back.predict_proba(frame()), pipeline.predict_proba(frame()))


def test_the_same_model_makes_the_same_prediction_in_a_fresh_file() -> None:
    once = loads(dumps(fitted("sklearn.tree.DecisionTreeClassifier")), "here")

    np.testing.assert_array_equal(loads(dumps(once), "here").predict(frame()), once.predict(frame()))


@pytest.mark.parametrize("name", ["tree.DecisionTree", "ensemble.RandomForest", "ensemble.HistGradientBoosting"])
def test_the_same_model_makes_the_same_file_by_which_it_is_known_again(name: str) -> None:
    once, again = (dumps(fitted(f"sklearn.{name}Classifier", random_state=0)) for _ in range(2))

    assert once == again
    assert {info.date_time[0] for info in zipfile.ZipFile(BytesIO(once)).infolist()} == {1980}


def test_a_foreign_type_is_refused_by_name_when_it_is_written() -> None:
    pipeline = make_pipeline(Foreign().fit(None, [0, 1]))

    with pytest.raises(PackageError, match=r"holds types that are not trusted: .*test_model\.Foreign"):
        dumps(pipeline)


def test_a_foreign_type_is_refused_by_name_when_it_is_read() -> None:
    data = skops.io.dumps(make_pipeline(Foreign().fit(None, [0, 1])))

    with pytest.raises(PackageError, match=r"models/iris/model.skops holds .*test_model\.Foreign. Nothing was loaded"):
        loads(data, "models/iris/model.skops")


@pytest.mark.parametrize("function", [operator.methodcaller, eval, exec, __import__, functools.reduce])
def test_a_function_that_is_not_on_the_list_is_refused_also_inside_a_partial(function: Any) -> None:
    data = skops.io.dumps(make_pipeline(FunctionTransformer(functools.partial(function, "1"))))

    with pytest.raises(PackageError, match=function.__name__):
        loads(data, "here")


def test_a_pickle_is_no_model_and_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(PackageError, match="here is no skops file"):
        loads(pickle.dumps(Rogue()), "here")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip"])
def test_what_is_no_skops_file_is_refused(data: bytes) -> None:
    with pytest.raises(PackageError, match="here is no skops file"):
        loads(data, "here")


def test_a_file_that_lies_about_itself_is_refused() -> None:
    whole = dumps(make_pipeline(LogisticRegression().fit([[0.0], [1.0]], [0, 1])))
    target = BytesIO()
    with zipfile.ZipFile(BytesIO(whole)) as source, zipfile.ZipFile(target, "w") as changed:
        for name in source.namelist():
            if name == "schema.json":
                changed.writestr(name, source.read(name))

    with pytest.raises(PackageError, match=r"here (cannot be loaded|is no skops file)"):
        loads(target.getvalue(), "here")


def test_a_model_that_cannot_be_written_is_refused_by_name() -> None:
    model = LogisticRegression()
    model.secret = (number for number in range(3))

    with pytest.raises(PackageError, match="LogisticRegression cannot be written with skops"):
        dumps(make_pipeline(model))


@pytest.mark.parametrize("name", sorted(TRUSTED))
def test_every_trusted_type_is_a_type_of_a_library_that_models_are_made_of(name: str) -> None:
    assert name.split(".")[0] in ("sklearn", "numpy", "functools")
    assert "pickle" not in name
