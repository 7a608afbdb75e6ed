"""Estimators in estimators, as YAML says them."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from champion.bundle.model import dumps, loads
from champion.errors import ConfigurationError
from champion.modeling.columns import infer
from champion.modeling.contract import Contract
from champion.modeling.estimators import check_candidates
from champion.modeling.features import model_frame, signature
from champion.modeling.training import fit_candidate
from champion.use_case.learning import Candidate, Fitting
from champion.use_case.whole import parse_use_case
from tests.support.packages import training

LINEAR = "sklearn.linear_model.LogisticRegression"
TREE = {"estimator": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": 2}}
BAYES = {"estimator": "sklearn.naive_bayes.GaussianNB"}
TABLE = training(60).assign(target=["no", "yes"] * 30)
FEATURES = signature(TABLE, infer(TABLE, exclude=["target"], kinds={}))
FITTING = Fitting(target="target", metric="accuracy", folds=2, seed=0, group=None, ranked=False)


def candidate(path: str, search: dict[str, Any] | None = None, **params: Any) -> dict[str, Any]:
    return {"estimator": path, "params": params, "search": search or {}}


NESTED = {
    "stacking": candidate(
        "sklearn.ensemble.StackingClassifier",
        estimators={"tree": TREE, "bayes": BAYES},
        final_estimator={"estimator": LINEAR},
        cv=2,
        search={"final_estimator__C": [0.1, 1.0], "tree__max_depth": [1]},
    ),
    "voting, as a list": candidate(
        "sklearn.ensemble.VotingClassifier",
        estimators=[{"name": "one", **TREE}, {"name": "two", **BAYES}],
        voting="soft",
        weights=[1, 2],
    ),
    "voting of what has arrays that are looked at": candidate(
        "sklearn.ensemble.VotingClassifier",
        estimators={
            "near": {"estimator": "sklearn.neighbors.KNeighborsClassifier"},
            "vectors": {"estimator": "sklearn.svm.SVC"},
            "boosting": {"estimator": "sklearn.ensemble.HistGradientBoostingClassifier", "params": {"max_iter": 3}},
            "stages": {"estimator": "sklearn.ensemble.GradientBoostingClassifier", "params": {"n_estimators": 3}},
        },
    ),
    "temperature": candidate("sklearn.calibration.CalibratedClassifierCV", estimator=TREE, method="temperature", cv=2),
    "isotonic": candidate("sklearn.calibration.CalibratedClassifierCV", estimator=TREE, method="isotonic", cv=2),
    "threshold": candidate(
        "sklearn.model_selection.TunedThresholdClassifierCV", estimator=TREE, scoring="f1", cv=2, store_cv_results=True
    ),
    "pipeline": candidate(
        "sklearn.pipeline.Pipeline",
        steps={"pca": {"estimator": "sklearn.decomposition.PCA", "params": {"n_components": 2}}, "last": TREE},
    ),
    "bagging": candidate("sklearn.ensemble.BaggingClassifier", estimator=TREE, n_estimators=3),
    "one vs rest": candidate(
        "sklearn.multiclass.OneVsRestClassifier",
        estimator={"estimator": LINEAR, "params": {"class_weight": "balanced"}},
        search={"estimator__C": [0.5, 1.0]},
    ),
    "calibrated bagging of boosters": candidate(
        "sklearn.calibration.CalibratedClassifierCV",
        estimator=candidate(
            "sklearn.ensemble.BaggingClassifier",
            estimator={"estimator": "lightgbm.LGBMClassifier", "params": {"n_estimators": 3, "min_child_samples": 2}},
            n_estimators=2,
        )
        | {"search": {}},
        cv=2,
    ),
    "stacking of boosters": candidate(
        "sklearn.ensemble.StackingClassifier",
        estimators={
            "lgbm": {"estimator": "lightgbm.LGBMClassifier", "params": {"n_estimators": 3}},
            "xgb": {"estimator": "xgboost.XGBClassifier", "params": {"n_estimators": 3}},
        },
        cv=2,
    ),
    "an estimator that is searched": candidate(
        "sklearn.ensemble.AdaBoostClassifier", n_estimators=2, search={"estimator": [TREE, BAYES]}
    ),
}
del NESTED["calibrated bagging of boosters"]["params"]["estimator"]["search"]


def use_case(raw: dict[str, Any]) -> Any:
    data = {"name": "one", "data": {"path": "data/a.csv", "target": "target"}}
    return parse_use_case({**data, "candidates": {"one": raw}}, "one.yaml")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("raw", NESTED.values(), ids=list(NESTED))
def test_an_estimator_may_stand_wherever_a_parameter_takes_one(raw: dict[str, Any]) -> None:
    checked = use_case(raw)
    check_candidates(checked, "one.yaml")
    contract = Contract(features=FEATURES, classes=("no", "yes"))
    pipeline, result = fit_candidate(TABLE, contract, "one", checked.candidates["one"], FITTING)
    back, rows = loads(dumps(pipeline), "here"), model_frame(TABLE, FEATURES)
    np.testing.assert_array_equal(back.predict(rows), pipeline.predict(rows))
    if hasattr(pipeline, "predict_proba"):
        np.testing.assert_array_equal(back.predict_proba(rows), pipeline.predict_proba(rows))
    assert result.params.keys() == raw["params"].keys() | raw["search"].keys()


def test_all_estimators_of_a_candidate_count_for_its_libraries() -> None:
    assert set(Candidate(**NESTED["stacking of boosters"]).estimators) == {
        "sklearn.ensemble.StackingClassifier", "lightgbm.LGBMClassifier", "xgboost.XGBClassifier",
    }  # fmt: skip


BAD_TREE = {"estimator": "sklearn.tree.DecisionTreeClassifier", "params": {"max_deep": 2}}


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (candidate("sklearn.ensemble.BaggingClassifier", estimator=BAD_TREE),
         "params.estimator.params: DecisionTreeClassifier has no parameter 'max_deep'. Did you mean 'max_depth'?"),
        (candidate("sklearn.ensemble.BaggingClassifier", estimator={"estimator": "sklearn.tree.DecisionTree"}),
         "params.estimator.estimator: sklearn.tree has no 'DecisionTree'"),
        (candidate("sklearn.ensemble.BaggingClassifier", estimator={**TREE, "param": {}}),
         "params.estimator: unknown key 'param'. Did you mean 'params'?"),
        (candidate("sklearn.ensemble.BaggingClassifier", estimator=TREE, search={"estimator__max_deep": [1]}),
         "search: DecisionTreeClassifier has no parameter 'max_deep'. Did you mean 'max_depth'?"),
        (candidate("sklearn.ensemble.BaggingClassifier", estimator=TREE, search={"estimator__max_depth": ["deep"]}),
         "search.estimator__max_depth: The 'max_depth' parameter"),
        (candidate("sklearn.pipeline.Pipeline", steps={"pca": {"estimator": "sklearn.decomposition.PCA"}}),
         "estimator: sklearn.pipeline.Pipeline with these params is no classifier"),
        (candidate("sklearn.ensemble.StackingClassifier", estimators={"tree": TREE, "odd": 5}),
         "params.estimators: expected a mapping of names to estimators"),
        (candidate("sklearn.ensemble.StackingClassifier", estimators={
            "regressor": {"estimator": "sklearn.tree.DecisionTreeRegressor", "params": {"max_depth": 0}}}),
         "params.estimators.regressor.params: The 'max_depth' parameter"),
    ],
)  # fmt: skip
def test_what_is_wrong_inside_is_refused_with_its_place(raw: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        check_candidates(use_case(raw), "one.yaml")
    assert str(caught.value).startswith("one.yaml: candidates.one.")
    assert expected in str(caught.value)


def test_class_weights_inside_are_given_by_label() -> None:
    weighted = {"estimator": LINEAR, "params": {"class_weight": {"yes": 100, "no": 1}}}
    contract = Contract(features=FEATURES, classes=("no", "yes"))
    table = pd.DataFrame(TABLE)
    made = Candidate(**candidate("sklearn.ensemble.BaggingClassifier", estimator=weighted, n_estimators=2))
    pipeline, _ = fit_candidate(table, contract, "one", made, FITTING)
    assert pipeline.predict(model_frame(table, FEATURES)).mean() > 0.9
