from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from champion.comparison.compare import IMPORTANCE_REPEATS, IMPORTANCE_ROWS, ComparedModel, compare
from champion.comparison.evaluation import Evaluation
from champion.errors import ConfigurationError, NotEnoughDataError
from champion.modeling.columns import infer
from champion.modeling.contract import Contract
from champion.modeling.features import signature
from champion.modeling.predictor import Predictor
from champion.modeling.split import SplitRule, is_holdout, rule_for
from champion.modeling.tasks.classification.target import canonical_labels, class_list
from champion.modeling.training import fit_candidate
from champion.reporting import sentences
from champion.use_case.learning import Candidate, Data, Fitting, Split
from champion.use_case.policy import ComparisonRules

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
    asked = {"metric": "accuracy", "guardrails": (), "min_overlap": 30, **more}
    rules = ComparisonRules(use_case="made", target="target", seed=0, **asked)
    return compare(holdout, 200, rules, challenger, champion, [])


def test_both_are_asked_the_same_rows_and_the_better_one_scores_higher() -> None:
    good, bad = compared_model(table(), estimator=LINEAR), compared_model(table().drop(columns="x"), "champion")
    found = exam(table(seed=1), good, bad)
    assert found.challenger.scores["accuracy"] > 0.8 > found.champion.scores["accuracy"]
    counted = found.paired.model_dump(exclude={"p_value"}).values()
    assert sum(counted) == found.rows.judged == 200
    gain = found.paired.only_challenger_right - found.paired.only_champion_right
    assert gain / 200 == pytest.approx(found.challenger.scores["accuracy"] - found.champion.scores["accuracy"])


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


def test_a_model_that_fails_is_unjudged_and_of_other_libraries_these_are_named() -> None:
    champion = compared_model(table(), "champion", estimator=LINEAR)
    del champion.predictor.pipeline[-1].coef_
    found = exam(table(), compared_model(table()), replace(champion, made_with={"numpy": np.__version__}))
    assert found.champion_unjudged.startswith("its model cannot answer: AttributeError: ")
    found = exam(table(), compared_model(table()), replace(champion, made_with={"numpy": "1.0", "not-here": "1"}))
    assert found.champion_unjudged.startswith(
        f"it was made with numpy 1.0, which is {np.__version__} here, and its model cannot answer: AttributeError: "
    )
    assert (found.champion, found.paired, found.rows.judged) == (None, None, 200)


def test_under_another_rule_the_rows_of_both_holdouts_judge_and_the_challenger_is_told_alone_on_its_whole_one() -> None:
    random = np.random.default_rng(3)
    frame = pd.DataFrame({"x": random.normal(size=400), "target": random.choice(["a", "b"], 400)})
    data = Data(path="", target="target")
    former, today = (rule_for(frame, data, Split(share=0.4, salt=salt)) for salt in ("former", "today"))
    holdout = frame[is_holdout(frame, today)]
    both = int(is_holdout(holdout, former).sum())
    challenger, champion = compared_model(frame, rule=today), compared_model(frame, "champion", rule=former)
    with pytest.raises(NotEnoughDataError, match=f"only {both} rows are holdout under both.*min_overlap = {both + 1}"):
        exam(holdout, challenger, champion, min_overlap=both + 1)
    found = exam(holdout, challenger, champion, min_overlap=both)
    assert (found.rows.judged, sum(map(sum, found.alone.confusion))) == (both, len(holdout))
    assert exam(holdout, challenger).alone is None


def test_a_small_holdout_under_an_unchanged_rule_is_judged() -> None:
    found = exam(table(rows=8), compared_model(table()), compared_model(table(), "champion"))
    assert found.rows.judged == 8
    assert any("Only 8 rows judge" in warning for warning in found.warnings)


@pytest.mark.parametrize("asked", [{"metric": "matthews_corrcoef"}, {"guardrails": ("balanced_accuracy",)}])
def test_on_rows_of_one_class_a_metric_or_a_guardrail_that_contrasts_classes_decides_nothing(asked: Any) -> None:
    alone = table(seed=1).query("target == 'a'")
    challenger, champion = compared_model(table()), compared_model(table(), "champion")
    with pytest.raises(NotEnoughDataError, match="cannot be computed: the 100 judged rows have one class only"):
        exam(alone, challenger, champion, **asked)
    assert exam(alone, challenger, champion).champion.scores.keys() == {"accuracy"}


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


@pytest.mark.parametrize("metric", ["accuracy", "neg_log_loss"])
def test_importance_finds_the_one_informative_column(metric: str) -> None:
    found = exam(table(seed=1), compared_model(table(), estimator=LINEAR), metric=metric).challenger.importance
    assert [one.feature for one in found] == ["x", "noise"]
    assert found[0].mean > 0.2
    assert abs(found[1].mean) < 0.05


def test_of_very_many_columns_blocks_are_shuffled_first_and_the_report_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    wide = [
        frame.assign(**{f"column {i}": random.normal(size=200) for i in range(60)})
        for frame in (table(), table(seed=1))
    ]
    challenger, cells = compared_model(wide[0]), 200 * 62 * IMPORTANCE_REPEATS
    everything = exam(wide[1], challenger)
    assert len(everything.challenger.importance) == everything.rows.columns == 62
    monkeypatch.setattr("champion.comparison.compare.IMPORTANCE_CELLS", 12 * cells)
    found = exam(wide[1], challenger)
    assert len(found.challenger.importance) <= 12
    assert found.challenger.importance[0].feature == everything.challenger.importance[0].feature == "x"
    assert "Of 62 columns those of the blocks that cost most were measured one by one" in sentences.importance(found)
    assert "blocks" not in sentences.importance(everything)


def test_importance_of_a_large_holdout_is_taken_from_a_sample_that_has_every_class() -> None:
    holdout = table(rows=IMPORTANCE_ROWS * 2)
    holdout["target"] = ["rare", *["common"] * (len(holdout) - 1)]
    challenger = compared_model(holdout.iloc[:50])
    found = [exam(holdout.sample(frac=1, random_state=seed), challenger, metric="roc_auc") for seed in range(5)]
    assert all(IMPORTANCE_ROWS <= one.rows.sampled_for_importance <= IMPORTANCE_ROWS + 1 for one in found)
