import functools
import operator
import pickle
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
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
from champion.modeling.columns import infer
from champion.modeling.estimators import build_pipeline
from champion.modeling.features import model_frame, signature
from champion.use_case.learning import Candidate
from tests.support.packages import training

CLASSIFIERS = dict(all_estimators(type_filter="classifier"))
NEED_ANOTHER_ESTIMATOR = {
    "ClassifierChain", "FixedThresholdClassifier", "MultiOutputClassifier", "OneVsOneClassifier", "OneVsRestClassifier",
    "OutputCodeClassifier", "SelfTrainingClassifier", "StackingClassifier", "TunedThresholdClassifierCV",
    "VotingClassifier",
}  # fmt: skip
TABLE = training(60)
FEATURES = signature(TABLE, infer(TABLE, exclude=[], kinds={}))
ROWS = model_frame(TABLE, FEATURES)


class Foreign(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
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


def fitted(path: str, **params: Any) -> Any:
    pipeline = build_pipeline(Candidate(estimator=path, params=params), FEATURES, seed=0)
    return pipeline.fit(ROWS, np.arange(60) % 3)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(CLASSIFIERS.keys() - NEED_ANOTHER_ESTIMATOR))
def test_every_classifier_of_scikit_learn_comes_back_as_it_was(name: str) -> None:
    few: dict[str, Any] = {
        "HistGradientBoostingClassifier": {"max_iter": 3}, "RandomForestClassifier": {"n_estimators": 5},
        "ExtraTreesClassifier": {"n_estimators": 5}, "GradientBoostingClassifier": {"n_estimators": 5},
        "AdaBoostClassifier": {"n_estimators": 5}, "QuadraticDiscriminantAnalysis": {"reg_param": 0.1},
    }.get(name, {})  # fmt: skip
    pipeline = fitted(f"{CLASSIFIERS[name].__module__}.{name}", **few)

    back = loads(dumps(loads(dumps(pipeline), "models/iris/model.skops")), "here")
    np.testing.assert_array_equal(back.predict(ROWS), pipeline.predict(ROWS))
    if hasattr(pipeline, "predict_proba"):
        np.testing.assert_array_equal(back.predict_proba(ROWS), pipeline.predict_proba(ROWS))


@pytest.mark.parametrize("name", ["tree.DecisionTree", "ensemble.RandomForest", "ensemble.HistGradientBoosting"])
def test_the_same_model_makes_the_same_file_by_which_it_is_known_again(name: str) -> None:
    once, again = (dumps(fitted(f"sklearn.{name}Classifier", random_state=0)) for _ in range(2))
    assert once == again
    assert {info.date_time[0] for info in zipfile.ZipFile(BytesIO(once)).infolist()} == {1980}


def test_a_foreign_type_is_refused_by_name_when_it_is_written_or_read() -> None:
    pipeline = make_pipeline(Foreign().fit(None, [0, 1]))
    with pytest.raises(PackageError, match=r"Foreign holds types that are not trusted: .*test_model\.Foreign"):
        dumps(pipeline)
    with pytest.raises(PackageError, match=r"models/iris/model.skops holds .*test_model\.Foreign. Nothing was loaded"):
        loads(skops.io.dumps(pipeline), "models/iris/model.skops")


@pytest.mark.parametrize("function", [operator.methodcaller, eval, exec, __import__, functools.reduce])
def test_a_function_that_is_not_on_the_list_is_refused_also_inside_a_partial(function: Any) -> None:
    data = skops.io.dumps(make_pipeline(FunctionTransformer(functools.partial(function, "1"))))
    with pytest.raises(PackageError, match=function.__name__):
        loads(data, "here")


@pytest.mark.parametrize("data", [b"", b"PK", b"not a zip", pickle.dumps(Rogue())])
def test_what_is_no_skops_file_is_refused_and_runs_nothing(
    data: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PackageError, match="here is no skops file"):
        loads(data, "here")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_lies_about_itself_is_refused() -> None:
    whole = dumps(make_pipeline(LogisticRegression().fit([[0.0], [1.0]], [0, 1])))
    target = BytesIO()
    with zipfile.ZipFile(BytesIO(whole)) as source, zipfile.ZipFile(target, "w") as changed:
        changed.writestr("schema.json", source.read("schema.json"))
    with pytest.raises(PackageError, match=r"here (cannot be loaded|is no skops file)"):
        loads(target.getvalue(), "here")


def test_a_model_that_cannot_be_written_is_refused_by_name() -> None:
    model = LogisticRegression()
    model.secret = (number for number in range(3))
    with pytest.raises(PackageError, match="LogisticRegression cannot be written with skops"):
        dumps(make_pipeline(model))


@pytest.mark.parametrize("name", sorted(TRUSTED))
def test_every_trusted_type_is_a_type_of_a_library_that_models_are_made_of(name: str) -> None:
    assert name.split(".")[0] in ("sklearn", "numpy", "functools", "champion")
    assert "pickle" not in name
