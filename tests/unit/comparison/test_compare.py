from typing import Any

import numpy as np
import pandas as pd
import pytest

from champion.comparison.compare import IMPORTANCE_ROWS, ComparedModel, compare
from champion.comparison.evaluation import Evaluation
from champion.errors import ConfigurationError, NotEnoughDataError
from champion.modeling.columns import infer
from champion.modeling.contract import Contract
from champion.modeling.features import signature
from champion.modeling.predictor import Predictor
from champion.modeling.split import SplitRule, is_holdout, rule_for
from champion.modeling.tasks.classification.target import canonical_labels, class_list
from champion.modeling.training import fit_candidate
from champion.use_case.learning import Candidate, Data, Fitting, Split
from champion.use_case.policy import ComparisonRules
from tests.unit.modeling.tasks.classification.test_learning import ALLOWED, TWO_CLASSES_ONLY

TREE = "sklearn.tree.DecisionTreeClassifier"
LINEAR = "sklearn.linear_model.LogisticRegression"
NEAREST = "sklearn.neighbors.KNeighborsClassifier"
RULE = SplitRule(by="hash", share=0.5, salt="", columns=("noise", "x"))


def table(labels: Any = ("a", "b"), rows: int = 200, seed: int = 0) -> pd.DataFrame:
    """A table whose column `x` tells the labels apart, most of the time."""
    random = np.random.default_rng(seed)
    places = np.arange(rows) % len(labels)
    return pd.DataFrame(
        {
            "noise": random.normal(size=rows),
            "x": 3.0 * places + random.normal(size=rows),
            "target": pd.Series([labels[place] for place in places]),
        }
    )


def rules(**changes: Any) -> ComparisonRules:
    settled: dict[str, Any] = {
        "use_case": "made", "target": "target", "metric": "accuracy", "guardrails": (), "min_overlap": 30, "seed": 0,
    }  # fmt: skip
    return ComparisonRules(**{**settled, **changes})


def compared_model(
    train: pd.DataFrame,
    role: str = "challenger",
    estimator: str = TREE,
    rule: SplitRule = RULE,
    metric: str = "accuracy",
    **params: Any,
) -> ComparedModel:
    features = signature(train, infer(train, exclude=["target"], kinds={}))
    contract = Contract(features=features, classes=class_list(canonical_labels(train["target"])))
    fitting = Fitting(target="target", metric=metric, folds=2, seed=0, group=None, ranked=True)
    candidate = Candidate(estimator=estimator, params=params)
    pipeline, result = fit_candidate(train, contract, "one", candidate, fitting)
    return ComparedModel(role, Predictor(contract, pipeline), rule, "one", estimator, result.params)


def exam(
    holdout: pd.DataFrame, challenger: ComparedModel, champion: ComparedModel | None = None, **more: Any
) -> Evaluation:
    return compare(holdout, 200, rules(**more), challenger, champion, [])


def test_both_are_asked_the_same_rows_and_the_better_one_scores_higher() -> None:
    good, bad = compared_model(table(), estimator=LINEAR), compared_model(table().drop(columns="x"), "champion")
    found = exam(table(seed=1), good, bad)
    assert found.challenger.scores["accuracy"] > 0.8 > found.champion.scores["accuracy"]
    counted = found.paired.model_dump(exclude={"p_value"}).values()
    assert sum(counted) == found.rows.judged == 200
    gain = found.paired.only_challenger_right - found.paired.only_champion_right
    assert gain / 200 == pytest.approx(found.challenger.scores["accuracy"] - found.champion.scores["accuracy"])


def test_a_champion_keeps_its_own_columns_and_preprocessing() -> None:
    former = table().assign(colour=lambda frame: frame["target"].map({"a": "red", "b": "blue"})).drop(columns="x")
    champion = compared_model(former, "champion", LINEAR)
    today = table(seed=1).assign(colour=lambda frame: frame["target"].map({"a": "red", "b": "blue"}), more=1.0)
    challenger = compared_model(today.drop(columns="colour"))
    found = exam(today, challenger, champion)
    assert found.champion.scores["accuracy"] == 1.0
    assert [importance.feature for importance in found.challenger.importance] != []


def by(kind: Any, cutoff: float | None = None) -> SplitRule:
    return SplitRule(by=kind, share=0.5, salt="", column="when", cutoff=cutoff)


@pytest.mark.parametrize(
    ("today", "former", "rule", "reason"),
    [
        (table().drop(columns="noise"), table(), RULE, "the table has no column 'noise', which it needs"),
        (table(), table(), RULE.model_copy(update={"columns": ("gone", "x")}),
         "no column 'gone', without which its own holdout is unknown"),
        (table().assign(when=[None, *[1.0] * 199]), table(), by("group"), "'when' is empty in 1 rows"),
        (table().assign(when=[None, *[1.0] * 199]), table(), by("time", 1.0), "'when' has 1 values that are empty or no time"),
        (table().assign(x="many"), table(), RULE, "'x' holds 'many'"),
        (table((False, True)), table((0, 1)), RULE, "it knows the classes 0, 1, and the holdout has False, True"),
    ],
    ids=["column gone", "holdout unknown", "group gaps", "time gaps", "unreadable values", "other labels"],
)  # fmt: skip
def test_a_champion_that_cannot_be_asked_is_unjudged_and_the_reason_is_told(
    today: pd.DataFrame, former: pd.DataFrame, rule: SplitRule, reason: str
) -> None:
    learned = today[["noise" if "noise" in today else "x", "target"]]
    found = exam(today, compared_model(learned), compared_model(former, "champion", rule=rule))
    assert reason in found.champion_unjudged
    assert (found.champion, found.paired, found.rows.judged) == (None, None, 200)
    assert not found.rows.overlap_only


def numbers_without_meaning(rows: int = 400) -> tuple[pd.DataFrame, pd.DataFrame, SplitRule, SplitRule]:
    """A table in which nothing can be learned, today's holdout, and two rules that set other rows aside."""
    random = np.random.default_rng(3)
    frame = pd.DataFrame({"x": random.normal(size=rows), "target": random.choice(["a", "b"], rows)})
    data = Data(path="", target="target")
    former, today = (rule_for(frame, data, Split(share=0.4, salt=salt)) for salt in ("former", "today"))
    return frame, frame[is_holdout(frame, today)], former, today


def test_a_champion_is_not_judged_on_the_rows_it_was_trained_on() -> None:
    """One nearest neighbour knows its own rows by heart and guesses all others."""
    frame, holdout, former, today = numbers_without_meaning()
    champion = compared_model(frame[~is_holdout(frame, former)], "champion", NEAREST, former, n_neighbors=1)
    challenger = compared_model(frame[~is_holdout(frame, today)], estimator=NEAREST, rule=today, n_neighbors=1)
    in_both = holdout[is_holdout(holdout, former)]
    found = exam(holdout, challenger, champion)
    assert found.rows.judged == len(in_both) < len(holdout) == found.rows.holdout
    assert found.rows.overlap_only
    assert found.champion.scores["accuracy"] < 0.65
    no_rule = ComparedModel("champion", champion.predictor, today, "one", NEAREST, {})
    inflated = exam(holdout, challenger, no_rule)
    assert inflated.champion.scores["accuracy"] > 0.75


def test_the_challenger_is_also_told_alone_on_its_whole_holdout() -> None:
    frame, holdout, former, today = numbers_without_meaning()
    found = exam(holdout, compared_model(frame, rule=today), compared_model(frame, "champion", rule=former))
    assert sum(map(sum, found.alone.confusion)) == len(holdout)
    assert exam(holdout, compared_model(frame, rule=today)).alone is None


def test_with_fewer_rows_in_both_holdouts_than_asked_nothing_is_decided() -> None:
    frame, holdout, former, today = numbers_without_meaning()
    both = int(is_holdout(holdout, former).sum())
    challenger, champion = compared_model(frame, rule=today), compared_model(frame, "champion", rule=former)
    with pytest.raises(NotEnoughDataError, match=f"only {both} rows are holdout under both.*min_overlap = {both + 1}"):
        exam(holdout, challenger, champion, min_overlap=both + 1)
    assert exam(holdout, challenger, champion, min_overlap=both).rows.judged == both


def test_a_small_holdout_under_an_unchanged_rule_is_judged() -> None:
    found = exam(table(rows=8), compared_model(table()), compared_model(table(), "champion"))
    assert found.rows.judged == 8
    assert any("Only 8 rows judge" in warning for warning in found.warnings)


@pytest.mark.parametrize("labels", [("a", "b"), (3, 1), (False, True), ("1", "0"), ("ja, bitte", "nicht ähnlich")])
def test_labels_of_every_sort_go_through(labels: Any) -> None:
    found = exam(table(labels, seed=1), compared_model(table(labels)), compared_model(table(labels), "champion"))
    assert found.classes == sorted(labels)
    assert found.challenger.scores["accuracy"] > 0.8
    assert Evaluation.model_validate_json(found.model_dump_json()) == found


def test_a_class_that_the_holdout_lacks_is_a_warning_and_scores_are_over_those_present() -> None:
    holdout = table(("a", "b"), seed=1)
    found = exam(holdout, compared_model(table(("a", "b", "c")), estimator=LINEAR), metric="f1_macro")
    assert found.rows.missing_classes == ["c"]
    assert any("lack 1 class(es): 'c'. Scores are over those present" in warning for warning in found.warnings)
    assert found.challenger.scores["f1_macro"] > 0.75
    assert len(found.challenger.confusion) == 3


def test_a_class_new_to_champion_or_challenger_counts_against_it_and_is_told() -> None:
    today = table(("a", "b", "c"), rows=300)
    found = exam(today, compared_model(today), compared_model(table(("a", "b")), "champion", NEAREST))
    assert found.champion.scores["accuracy"] < 0.7 < found.challenger.scores["accuracy"]
    assert found.champion.per_class[2].recall == 0
    assert any("1 class(es) that the champion never saw: 'c'. Their 100 row(s)" in line for line in found.warnings)
    found = exam(today, compared_model(table(("a", "b"))))
    assert any("1 class(es) that the train set lacks: 'c'. Their 100 row(s)" in line for line in found.warnings)


def test_a_class_that_only_the_champion_knows_has_its_place() -> None:
    champion = compared_model(table(("b", "d", "a", "c"), rows=400), "champion")
    found = exam(table(("b", "d"), seed=1), compared_model(table(("b", "d"))), champion)
    assert found.classes == ["a", "b", "c", "d"]
    assert found.rows.missing_classes == ["a", "c"]
    assert found.champion.scores["accuracy"] > 0.6


def test_fifty_classes_go_through() -> None:
    labels = [f"class {number:02}" for number in range(50)]
    found = exam(table(labels, rows=120, seed=1), compared_model(table(labels, rows=500)), metric="roc_auc")
    assert len(found.classes) == len(found.challenger.roc) == 50
    assert 0.5 < found.challenger.scores["roc_auc"] <= 1


@pytest.mark.parametrize("labels", [("a", "b"), ("a", "b", "c")], ids=["two", "three"])
@pytest.mark.parametrize("metric", ALLOWED)
def test_any_allowed_metric_trains_and_judges_or_is_refused_by_name(metric: str, labels: tuple[str, ...]) -> None:
    train, holdout = table(labels, rows=60), table(labels, rows=40, seed=1)
    if len(labels) > 2 and metric in TWO_CLASSES_ONLY:
        with pytest.raises(ConfigurationError, match=f"'{metric}' .*cannot score"):
            compared_model(train, metric=metric)
        challenger = compared_model(train)
        with pytest.raises(ConfigurationError, match=f"'{metric}' .*cannot score"):
            exam(holdout, challenger, metric=metric)
    else:
        challenger = compared_model(train, metric=metric, max_depth=2)
        found = exam(holdout, challenger, challenger, metric=metric)
        assert found.challenger.scores[metric] == found.champion.scores[metric]


@pytest.mark.parametrize(
    "estimator", ["sklearn.svm.LinearSVC", "sklearn.linear_model.RidgeClassifier", "sklearn.linear_model.Perceptron"]
)
def test_an_estimator_without_probabilities_is_judged_without_curves(estimator: str) -> None:
    found = exam(table(seed=1), compared_model(table(), estimator=estimator), compared_model(table(), "champion"))
    assert found.challenger.scores["accuracy"] > 0.8
    assert found.challenger.calibration == []
    assert "neg_log_loss" not in found.challenger.scores


def test_guardrails_are_scored_for_both_and_one_that_the_champion_cannot_meet_is_named() -> None:
    found = exam(table(), compared_model(table()), compared_model(table(), "champion"), guardrails=("recall_macro",))
    assert "recall_macro" in found.challenger.scores.keys() & found.champion.scores.keys()
    champion = compared_model(table(), "champion", "sklearn.svm.LinearSVC")
    with pytest.raises(ConfigurationError, match=r"'neg_log_loss' .*cannot score this estimator"):
        exam(table(), compared_model(table()), champion, guardrails=("neg_log_loss",))


def test_a_metric_that_the_judged_rows_do_not_allow_is_not_enough_data() -> None:
    with pytest.raises(NotEnoughDataError, match="roc_auc cannot be computed: the 10 judged rows have one class only"):
        exam(table(("a",), rows=10), compared_model(table()), metric="roc_auc")


@pytest.mark.parametrize("metric", ["accuracy", "neg_log_loss"])
def test_importance_finds_the_one_informative_column(metric: str) -> None:
    found = exam(table(seed=1), compared_model(table(), estimator=LINEAR), metric=metric).challenger.importance
    assert [one.feature for one in found] == ["x", "noise"]
    assert found[0].mean > 0.2
    assert abs(found[1].mean) < 0.05


def test_importance_of_a_large_holdout_is_taken_from_a_sample_that_has_every_class() -> None:
    holdout = table(rows=IMPORTANCE_ROWS * 2)
    holdout["target"] = ["rare", *["common"] * (len(holdout) - 1)]
    challenger = compared_model(holdout.iloc[:50])
    found = [exam(holdout.sample(frac=1, random_state=seed), challenger, metric="roc_auc") for seed in range(5)]
    assert all(IMPORTANCE_ROWS <= one.rows.sampled_for_importance <= IMPORTANCE_ROWS + 1 for one in found)
