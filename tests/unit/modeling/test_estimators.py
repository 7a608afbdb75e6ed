from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import all_estimators

from champion.errors import ConfigurationError
from champion.modeling import forest
from champion.modeling.columns import infer
from champion.modeling.estimators import build_pipeline, check_candidates, estimator_class
from champion.modeling.features import model_frame, signature
from champion.modeling.libraries import LIBRARIES, scikit_learn
from champion.modeling.libraries.scikit_learn import is_tree_based, names
from champion.patching import SWITCH, Reach, fits
from champion.use_case.learning import Candidate
from champion.use_case.whole import parse_use_case
from tests.support.packages import training

FOREST = "sklearn.ensemble.RandomForestClassifier"
LINEAR = "sklearn.linear_model.LogisticRegression"
BOOSTING = "sklearn.ensemble.HistGradientBoostingClassifier"
NAIVE = "sklearn.naive_bayes.MultinomialNB"


def refusal(candidate: dict[str, Any], **promotion: Any) -> str:
    raw = {"name": "iris", "data": {"path": "data/iris.csv", "target": "species"}, "promotion": promotion}
    use_case = parse_use_case({**raw, "candidates": {"one": candidate}}, "iris.yaml")
    with pytest.raises(ConfigurationError) as caught:
        check_candidates(use_case, "iris.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("sklearn.linear.LogisticRegression", "Did you mean 'sklearn.linear_model.LogisticRegression'?"),
        ("sklearn.ensemble.HistGradientBoostingClasifier", f"Did you mean '{BOOSTING}'?"),
        ("sklearn.svm.svc", "svm has no 'svc'"),
        ("RandomForestClassifier", "expected an import path such as sklearn.ensemble.RandomForestClassifier"),
        (".ensemble.RandomForestClassifier", f"Did you mean '{FOREST}'?"),
        ("nowhere.Thing", "cannot import 'nowhere'"),
        ("sklearn.ensemble.RandomForestRegressor", "is no scikit-learn classifier"),
        ("sklearn.datasets.load_iris", "is no scikit-learn classifier"),
        ("sklearn.base.ClassifierMixin", "is no scikit-learn classifier"),
    ],
)
def test_what_is_no_classifier_is_refused_with_the_key_and_a_way_out(path: str, expected: str) -> None:
    message = refusal({"estimator": path})
    assert message.startswith("iris.yaml: candidates.one.estimator: ")
    assert expected in message


@pytest.mark.parametrize(
    ("name", "instead"),
    [("positive_likelihood_ratio", "precision"), ("neg_negative_likelihood_ratio", "balanced_accuracy")],
)
@pytest.mark.parametrize("where", ["metric", "guardrails"])
def test_a_score_that_some_answers_make_infinite_is_refused_by_name_with_another_one(
    where: str, name: str, instead: str
) -> None:
    message = refusal({"estimator": FOREST}, **{where: {name: 0.0} if where == "guardrails" else name})
    key = f"guardrails.{name}" if where == "guardrails" else where
    assert message.startswith(f"iris.yaml: promotion.{key}: '{name}' can decide nothing: it is infinite")
    assert f"'{instead}'" in message


@pytest.mark.parametrize("name", [name for name, _ in all_estimators(type_filter="classifier")])
def test_every_classifier_is_found_where_a_suggestion_would_say(name: str) -> None:
    found = dict(all_estimators(type_filter="classifier"))[name]
    assert estimator_class(names("classifier")[name], "here") is found


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        ({"params": {"n_estimator": 5}}, "params: RandomForestClassifier has no parameter 'n_estimator'. Did you mean"),
        ({"search": {"max_deep": [1]}}, "search: RandomForestClassifier has no parameter 'max_deep'. Did you mean"),
        ({"params": {"n_estimators": "many"}}, "params: The 'n_estimators' parameter"),
        ({"search": {"n_estimators": [10, -1]}}, "search.n_estimators: The 'n_estimators' parameter"),
        ({"search": {"max_depth": []}}, "search.max_depth: found no value"),
        ({"estimator": "sklearn.multiclass.OneVsRestClassifier"}, "params: OneVsRestClassifier.__init__() missing"),
    ],
)
def test_a_wrong_parameter_or_a_missing_one_is_refused_before_anything_is_trained(
    candidate: dict[str, Any], expected: str
) -> None:
    assert f"candidates.one.{expected}" in refusal({"estimator": FOREST, **candidate})


@pytest.mark.parametrize(
    ("metric", "expected"),
    [("f1_makro", "Did you mean 'f1_macro'?"), ("r2", "is no scikit-learn classification scorer")],
)
def test_a_wrong_scorer_is_refused_with_the_nearest(metric: str, expected: str) -> None:
    assert expected in refusal({"estimator": FOREST}, metric=metric)
    guarded = refusal({"estimator": FOREST}, guardrails={metric: 0})
    assert guarded.startswith(f"iris.yaml: promotion.guardrails.{metric}: ")


TABLE = training(60)
WHOLE = TABLE.ffill().bfill()
MANY = pd.concat([WHOLE] * 17).assign(colour=[f"colour {row % 400}" for row in range(1020)])
FEATURES = signature(TABLE, infer(TABLE, exclude=[], kinds={}))


def fitted(path: str, frame: pd.DataFrame, **params: Any) -> Any:
    few = {BOOSTING: {"max_iter": 3}, FOREST: {"n_estimators": 5}}.get(path, {})
    pipeline = build_pipeline(Candidate(estimator=path, params={**few, **params}), FEATURES, seed=0)
    return pipeline.fit(model_frame(frame, FEATURES), np.arange(len(frame)) % 2)


@pytest.mark.parametrize("path", [FOREST, LINEAR, BOOSTING, NAIVE, "sklearn.neighbors.KNeighborsClassifier"])
@pytest.mark.parametrize(
    ("train", "asked"),
    [
        (TABLE, TABLE),
        (WHOLE, pd.DataFrame({name: [None] for name in TABLE}, dtype=object)),
        (WHOLE, WHOLE.head().assign(colour="ultraviolet", size=1e6)),
        (MANY, MANY),
    ],
    ids=["missing values", "missing values that training never saw", "a category that it never saw", "many categories"],
)
def test_values_of_every_sort_are_learned_from_and_predicted_with(
    path: str, train: pd.DataFrame, asked: pd.DataFrame
) -> None:
    pipeline = fitted(path, train)
    assert np.isfinite(pipeline.predict_proba(model_frame(asked, FEATURES))).all()
    assert pipeline[:-1].transform(model_frame(asked, FEATURES)).shape[1] <= 57


def test_codes_stay_below_the_bins_that_the_estimator_was_given() -> None:
    assert fitted(BOOSTING, MANY, max_bins=32).predict(model_frame(MANY, FEATURES)).shape == (1020,)


def test_trees_see_numbers_as_they_are_and_others_standardized() -> None:
    asked = model_frame(WHOLE, FEATURES)
    sizes = {path: fitted(path, WHOLE)[:-1].transform(asked)[:, 0] for path in (FOREST, LINEAR, NAIVE)}
    assert sizes[FOREST].tolist() == WHOLE["size"].tolist()
    assert (sizes[LINEAR].mean(), sizes[LINEAR].std()) == pytest.approx((0, 1))
    assert (sizes[NAIVE].min(), sizes[NAIVE].max()) == pytest.approx((0, 1))


def test_the_seed_is_set_where_the_candidate_sets_none() -> None:
    seeded = build_pipeline(Candidate(estimator=FOREST), FEATURES, seed=7)
    own = build_pipeline(Candidate(estimator=FOREST, params={"random_state": 3}), FEATURES, seed=7)
    assert (seeded["model"].random_state, own["model"].random_state) == (7, 3)
    build_pipeline(Candidate(estimator="sklearn.neighbors.KNeighborsClassifier"), FEATURES, seed=7)


@pytest.mark.filterwarnings("ignore:Class PassiveAggressiveClassifier is deprecated")
def test_trees_are_told_from_others() -> None:
    trees = {name for name, found in all_estimators(type_filter="classifier") if is_tree_based(found.__new__(found))}
    assert trees == {
        "DecisionTreeClassifier", "ExtraTreeClassifier", "ExtraTreesClassifier", "GradientBoostingClassifier",
        "HistGradientBoostingClassifier", "RandomForestClassifier",
    }  # fmt: skip


def test_another_library_is_a_row_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(estimator: Any) -> None:
        raise ValueError("strategy is not for today")

    changed = {"owns": lambda kind: kind.__name__ == "DummyClassifier", "number_steps": lambda _: "passthrough"}
    monkeypatch.setitem(
        LIBRARIES, "other", SimpleNamespace(**{**vars(scikit_learn), **changed, "check_parameters": refuse})
    )
    numbers = [feature for feature in FEATURES if feature.kind != "categorical"]
    dummy, linear = (Candidate(estimator=path) for path in ("sklearn.dummy.DummyClassifier", LINEAR))
    assert build_pipeline(dummy, numbers, seed=0)["prepare"] == "passthrough"
    assert build_pipeline(linear, numbers, seed=0)["prepare"] != "passthrough"
    assert "strategy is not for today" in refusal({"estimator": dummy.estimator})


@pytest.mark.parametrize("reach", scikit_learn.REACHES, ids=lambda reach: reach.target)
def test_a_reach_into_scikit_learn_fits_the_pinned_version_and_can_be_turned_off(
    reach: Reach, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fits(reach)
    monkeypatch.setenv(SWITCH, "off")
    wrong = Candidate(estimator=FOREST, params={"n_estimators": "many"})
    scikit_learn.check_parameters(estimator_class(FOREST, "here")(**wrong.params))
    assert not forest.can(DecisionTreeClassifier().fit([[0], [1]], [0, 1]))
