"""Candidates that could not be fitted or written are refused before a table is loaded, and none that could."""

from typing import Any

import pytest

from champion.bundle.trial import try_candidates
from champion.errors import ConfigurationError
from champion.use_case.whole import parse_use_case

LINEAR = "sklearn.linear_model.LogisticRegression"


def of(path: str, **params: Any) -> dict[str, Any]:
    return {"estimator": f"sklearn.{path}", "params": params}


def pipeline(step: str, **params: Any) -> dict[str, Any]:
    return of("pipeline.Pipeline", steps={"first": of(step, **params), "last": {"estimator": LINEAR}})


def tried(candidate: dict[str, Any]) -> None:
    raw = {"name": "one", "data": {"path": "a.csv", "target": "y"}, "candidates": {"one": candidate}}
    try_candidates(parse_use_case(raw, "one.yaml"), "one.yaml")


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (of("linear_model.LogisticRegression", l1_ratio=1.0), "refuses these parameters: Solver lbfgs supports only"),
        ({**of("linear_model.LogisticRegression", l1_ratio=1.0), "search": {"solver": ["saga", "lbfgs"], "C": [1, 2]}},
         "refuses these parameters (with {'C': 1, 'solver': 'lbfgs'}): Solver lbfgs supports only"),
        (of("ensemble.RandomForestClassifier", bootstrap=False, oob_score=True), "Out of bag estimation only available"),
        (of("ensemble.BaggingClassifier", estimator=of("svm.LinearSVC", penalty="l1", loss="hinge")),
         "The combination of penalty='l1' and loss='hinge' is not supported"),
        (pipeline("preprocessing.SplineTransformer"),
         "its model could not be written. The estimator Pipeline holds types that are not trusted: scipy."),
    ],
)  # fmt: skip
def test_what_could_not_be_fitted_or_written_is_refused(candidate: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        tried(candidate)
    assert str(caught.value).startswith("one.yaml: candidates.one: ")
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    "candidate",
    [
        of("naive_bayes.GaussianNB", priors=[0.1, 0.2, 0.3, 0.4]),
        of("ensemble.HistGradientBoostingClassifier", monotonic_cst=[1, 0]),
        of("ensemble.HistGradientBoostingClassifier", monotonic_cst={"age": 1}),
        of("linear_model.LogisticRegression", class_weight={"yes": 5, "no": 1}),
        of("neighbors.KNeighborsClassifier", n_neighbors=500),
        of("calibration.CalibratedClassifierCV", estimator=of("svm.LinearSVC"), cv=100),
        of("discriminant_analysis.QuadraticDiscriminantAnalysis"),
        pipeline("decomposition.PCA", n_components=30),
        pipeline("decomposition.NMF", max_iter=10),
        pipeline("feature_selection.SelectKBest", k=30),
        {"estimator": "lightgbm.LGBMClassifier", "params": {"monotone_constraints": [1, 0, 0, -1]}},
        of("ensemble.StackingClassifier", estimators={
            "boosting": {"estimator": "catboost.CatBoostClassifier", "params": {"iterations": 100_000}},
            "forest": of("ensemble.RandomForestClassifier", n_estimators=100_000, n_jobs=-1),
        }),
    ],
    ids=lambda candidate: candidate["estimator"].rpartition(".")[2],
)  # fmt: skip
def test_what_may_fit_another_table_is_not_refused(candidate: dict[str, Any]) -> None:
    tried(candidate)
