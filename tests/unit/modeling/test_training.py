from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.tree import DecisionTreeClassifier

from champion.errors import ConfigurationError, DataError, NotEnoughDataError
from champion.modeling.columns import infer
from champion.modeling.contract import Contract
from champion.modeling.evaluation import CandidateResult
from champion.modeling.features import signature
from champion.modeling.tasks.classification.learning import encode
from champion.modeling.tasks.classification.target import canonical_labels, class_list
from champion.modeling.training import failure, fit_candidate, rank
from champion.reporting import sentences
from champion.use_case.learning import Candidate, Fitting
from tests.support import report_examples as examples

TREE = "sklearn.tree.DecisionTreeClassifier"
LINEAR = "sklearn.linear_model.LogisticRegression"


def table(counts: dict[Any, int], seed: int = 0) -> pd.DataFrame:
    """As many rows of each label as asked; `x` tells the labels apart, `noise` does not."""
    random = np.random.default_rng(seed)
    labels = [label for label, count in counts.items() for _ in range(count)]
    places = {label: place for place, label in enumerate(counts)}
    return pd.DataFrame(
        {
            "x": [3.0 * places[label] for label in labels] + random.normal(size=len(labels)),
            "noise": random.normal(size=len(labels)),
            "target": labels,
        }
    )


def fit(train: pd.DataFrame, estimator: str = TREE, **more: Any) -> tuple[Any, CandidateResult]:
    candidate = Candidate(estimator=estimator, params=more.pop("params", {}), search=more.pop("search", {}))
    settled = {"target": "target", "metric": "accuracy", "folds": 5, "seed": 0, "group": None, "ranked": True, **more}
    features = signature(train, infer(train, exclude=["target", settled["group"]], kinds={}))
    contract = Contract(features=features, classes=class_list(canonical_labels(train["target"])))
    return fit_candidate(train, contract, "one", candidate, Fitting(**settled))


def test_a_candidate_is_fitted_on_every_row_and_ranked_by_cross_validation_unless_it_is_alone() -> None:
    train = table({"a": 40, "b": 40})
    pipeline, result = fit(train)
    assert pipeline.score(train[["x", "noise"]], [0] * 40 + [1] * 40) == 1.0
    assert 0.7 < result.cv_mean < 1.0
    assert result.trials == []
    assert fit(train, ranked=False)[1].cv_mean is None


def test_a_search_takes_the_best_parameters_and_tells_every_trial() -> None:
    _, result = fit(table({"a": 60, "b": 60}), LINEAR, search={"C": [1e-9, 1.0]}, ranked=False, metric="neg_log_loss")
    assert result.params == {"C": 1.0}
    assert [trial.params for trial in result.trials] == [{"C": 1e-9}, {"C": 1.0}]
    assert result.cv_mean == result.trials[1].mean > result.trials[0].mean


def test_a_search_prepares_the_columns_once_in_each_fold_and_scores_as_whole_pipelines_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    train = table({"a": 30, "b": 30}).assign(colour=["red", "green", "blue"] * 20)
    fitted: list[int] = []
    prepare = ColumnTransformer.fit_transform
    monkeypatch.setattr(
        ColumnTransformer, "fit_transform", lambda *given, **more: (fitted.append(1), prepare(*given, **more))[1]
    )
    pipeline, result = fit(train, LINEAR, search={"C": [0.01, 0.1, 1.0]})
    assert len(fitted) == 5 + 1, "five folds, and the last fit on all rows"
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    codes = encode(canonical_labels(train["target"]), ["a", "b"])
    for trial in result.trials:
        whole = clone(pipeline).set_params(model__C=trial.params["C"])
        assert trial.mean == pytest.approx(cross_val_score(whole, train, codes, cv=folds).mean())


def test_of_equal_trials_the_first_wins() -> None:
    _, result = fit(table({"a": 20, "b": 20}), search={"splitter": ["best"], "max_leaf_nodes": [50, 40]})
    assert result.params == {"splitter": "best", "max_leaf_nodes": 50}


def test_the_same_seed_gives_the_same_scores() -> None:
    train = table({"a": 30, "b": 30})
    one, other = (fit(train, search={"max_depth": [1, 3]})[1] for _ in range(2))
    assert one.trials == other.trials


def test_the_best_candidate_comes_first_and_is_marked() -> None:
    results = [
        CandidateResult(name=name, estimator=TREE, params={}, cv_mean=mean, cv_std=0, seconds=0)
        for name, mean in (("low", 0.1), ("best", 0.9), ("as good", 0.9))
    ]
    ranked = rank(results)
    assert [(result.name, result.chosen) for result in ranked] == [("best", True), ("as good", False), ("low", False)]


def test_a_candidate_that_failed_comes_last_and_only_where_all_did_the_run_fails() -> None:
    candidate = Candidate(estimator=TREE, params={"max_depth": 2})
    wrong, unfit = (
        failure(name, candidate, error)
        for name, error in (("wrong", ConfigurationError("no such depth")), ("unfit", DataError("it is too wide")))
    )
    good = CandidateResult(name="good", estimator=TREE, params={}, cv_mean=-3.0, cv_std=0, seconds=0)
    assert [(each.name, each.chosen) for each in rank([wrong, good, unfit])] == [
        ("good", True), ("wrong", False), ("unfit", False),
    ]  # fmt: skip
    with pytest.raises(DataError, match="No candidate could be trained:\nwrong: no such depth\nunfit: it is too wide"):
        rank([wrong, unfit])
    with pytest.raises(ConfigurationError, match="no such depth"):
        rank([wrong])


def test_whatever_an_estimator_raises_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("the library gave up\nat line 7")

    monkeypatch.setattr(DecisionTreeClassifier, "fit", fail)
    with pytest.raises(DataError, match=r"'one' cannot be trained on this table: the library gave up$"):
        fit(table({"a": 4, "b": 4}))


def test_codes_are_the_places_of_the_classes() -> None:
    assert encode(np.array(["b", "a", "c"], dtype=object), ["a", "b"]).tolist() == [1, 0, -1]
    assert encode(np.array([True, False], dtype=object), [False, True]).tolist() == [1, 0]
    assert encode(np.array([True, False], dtype=object), [0, 1]).tolist() == [-1, -1]


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc", "neg_log_loss"])
@pytest.mark.parametrize(
    "counts",
    [{"a": 30, "b": 30, "c": 1}, {"a": 30, "b": 2}, dict.fromkeys(range(50), 3), {True: 3, False: 40}],
    ids=["one row", "two rows", "fifty classes", "boolean"],
)
def test_classes_with_fewer_rows_than_folds_are_scored_over_the_folds_that_have_them(
    counts: dict[Any, int], metric: str
) -> None:
    result = fit(table(counts), metric=metric)[1]
    assert np.isfinite(result.cv_mean)


def test_folds_in_which_the_metric_has_no_meaning_are_left_out_counted_and_told() -> None:
    found = [fit(table({"a": 40, "b": 2}), estimator, metric="roc_auc", folds=3)[1] for estimator in (LINEAR, TREE)]
    assert [result.folds_without_score for result in found] == [1, 1], (
        "of three, the one without a row of b; the same for all"
    )
    assert fit(table({"a": 40, "b": 40}), metric="roc_auc")[1].folds_without_score == 0
    evidence = examples.evaluation([0, 1], metric="roc_auc", candidates=rank(found))
    assert "In 1 fold roc_auc has no meaning, since the rows are of one class" in sentences.search(evidence)


def test_two_classes_of_which_one_has_a_single_row_can_still_be_fitted() -> None:
    pipeline, result = fit(table({"a": 20, "b": 1}), LINEAR)
    assert result.cv_mean == 1.0
    assert pipeline.classes_.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("train", "estimator", "asked", "error", "message"),
    [
        (table({"a": 1, "b": 1}), TREE, {}, NotEnoughDataError, "2 rows, too few to rank candidates"),
        (table({"a": 10, "b": 10}).assign(group="all"), TREE, {"group": "group"}, NotEnoughDataError, "too few to rank"),
        (table({"a": 20, "b": 1}), LINEAR, {"metric": "roc_auc", "folds": 2}, NotEnoughDataError,
         "roc_auc cannot be computed in cross-validation"),
        (table({"a": 20, "b": 20, "c": 20}), TREE, {"metric": "f1"}, ConfigurationError, r"'f1' .*cannot score"),
        (table({"no": 9, "yes": 9}), LINEAR, {"params": {"class_weight": {"maybe": 5}}}, ConfigurationError,
         r"class_weight names 'maybe'.*'no', 'yes'"),
        (table({"a": 4, "b": 4}), "sklearn.neighbors.KNeighborsClassifier", {"params": {"n_neighbors": 50}}, DataError,
         r"'one' cannot be trained on this table: .*n_neighbors"),
        (table({"a": 4, "b": 4}), TREE, {"params": {"max_depth": "deep"}}, ConfigurationError,
         r"candidates.one: The 'max_depth' parameter"),
    ],
    ids=["few rows", "one group", "no fold has the metric", "wrong metric", "no such class", "refused table", "parameter"],
)  # fmt: skip
def test_what_cannot_be_trained_or_ranked_is_told(
    train: pd.DataFrame, estimator: str, asked: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        fit(train, estimator, **asked)


def test_the_one_roc_auc_of_many_classes_is_one_against_the_rest() -> None:
    train = table({"a": 20, "b": 20, "c": 20})
    assert fit(train, metric="roc_auc")[1].cv_mean == fit(train, metric="roc_auc_ovr")[1].cv_mean


def test_no_fold_tears_a_group_apart() -> None:
    """The label follows the group, so only a model that has seen the group gets it right."""
    random = np.random.default_rng(0)
    group = np.repeat(np.arange(30), 8)
    labels = random.permutation([0, 1] * 15)[group]
    train = pd.DataFrame({"group": group, "x": group + random.normal(scale=0.01, size=240), "target": labels})
    torn = fit(train.drop(columns="group"))[1].cv_mean
    kept = fit(train, group="group")[1].cv_mean
    assert kept < 0.8 < torn


@pytest.mark.parametrize("groups", [[*"aabbbccc"], [1, 1, 2, 2, 2, 3, 3, 3], ["a", "a", 1, 1, 1, True, True, True]])
def test_few_groups_and_few_rows_of_a_class_make_fewer_folds(groups: list[Any]) -> None:
    train = table({"a": 4, "b": 4}).sample(8, random_state=0).assign(group=pd.Series(groups, dtype=object))
    assert fit(train, group="group")[1].cv_mean is not None


def test_class_weights_are_given_by_label_can_be_searched_and_are_told_as_written() -> None:
    train = table({"no": 190, "yes": 10})
    train["x"] /= 3
    plain, weighted = (fit(train, LINEAR, params=params)[0] for params in ({}, {"class_weight": {"yes": 50}}))
    assert weighted.predict(train[["x", "noise"]]).sum() > plain.predict(train[["x", "noise"]]).sum()
    _, result = fit(table({"no": 30, "yes": 30}), LINEAR, search={"class_weight": [{"yes": 5}, "balanced"]})
    assert [trial.params["class_weight"] for trial in result.trials] == [{"yes": 5}, "balanced"]


def test_of_a_time_split_candidates_are_ranked_by_what_comes_after_what_they_learned() -> None:
    when = np.arange(200)
    train = pd.DataFrame({"when": when, "x": when / 3, "target": np.where(when // 20 % 2, "a", "b")})
    shuffled, following = fit(train)[1].cv_mean, fit(train, time="when")[1].cv_mean
    assert shuffled > 0.9
    assert following < 0.7
