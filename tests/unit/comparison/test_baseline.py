from typing import Any

import numpy as np
import pytest

from champion.comparison.baseline import against_baseline
from champion.comparison.decision import decide
from champion.comparison.evaluation import Baseline, Evaluation
from champion.modeling.contract import Contract
from champion.modeling.tasks.classification.scores import Answers
from champion.reporting import sentences
from champion.use_case.policy import ComparisonRules, Promotion
from tests.support.report_examples import evaluation, performance

CLASSES: tuple[Any, ...] = ("no", "yes")


def found(truth: Any, predicted: Any, metric: str, counts: Any = (95, 5), shares: Any = None) -> Baseline:
    truth, predicted = np.array(truth), np.array(predicted)
    shares = np.eye(2)[predicted] if shares is None else np.stack([1 - np.array(shares), np.array(shares)], axis=1)
    answers = Answers(CLASSES, truth, predicted, shares)
    rules = ComparisonRules(use_case="made", target="y", metric=metric, guardrails=(), min_overlap=30, seed=0)
    return against_baseline(answers, Contract(features=(), classes=CLASSES), CLASSES, counts, rules)


def judged(baseline: Baseline, score: float, champion: float | None = None, **policy: Any) -> tuple[str, str]:
    sides = {
        role: None if value is None else performance(role, [0, 1], scores={"accuracy": value, "f1_macro": 0.5})
        for role, value in (("challenger", score), ("champion", champion))
    }
    made = evaluation([0, 1], paired=None, baseline=baseline, **sides)
    decision = decide(made, Promotion(**policy))
    return decision.reason_code, decision.reason


LOANS = [1] * 10 + [0] * 190


@pytest.mark.parametrize(
    ("predicted", "metric", "score", "significant"),
    [
        ([0] * 200, "accuracy", 0.95, False),  # the baseline itself: nothing differs
        ([0] * 199 + [1], "accuracy", 0.95, False),
        ([1] * 4 + [0] * 196, "accuracy", 0.95, False),  # 4 : 0, one-sided p 0.0625
        ([1] * 5 + [0] * 195, "accuracy", 0.95, True),  # 5 : 0, one-sided p 0.03125
        ([0] * 199 + [1], "balanced_accuracy", 0.5, False),
        (
            [1] * 40 + [0] * 160,
            "balanced_accuracy",
            0.5,
            True,
        ),  # finds all, and alarms too often: fewer right than the baseline
        ([0] * 199 + [1], "f1_macro", 95 / 195, False),
    ],
)
def test_a_model_is_better_than_no_knowledge_only_beyond_chance(
    predicted: Any, metric: str, score: float, significant: bool
) -> None:
    baseline = found(LOANS, predicted, metric)
    assert baseline.score == pytest.approx(score)
    assert baseline.reachable, "ten loans that default can tell"
    assert (baseline.p_value < 0.05) is significant
    assert baseline.test == ("mcnemar" if metric == "accuracy" else "bootstrap")


@pytest.mark.parametrize(("defaults", "reachable"), [(4, False), (5, True)])
def test_so_few_rows_that_a_perfect_model_could_not_show_more_leave_the_higher_score_enough(
    defaults: int, reachable: bool
) -> None:
    truth = [1] * defaults + [0] * 20
    baseline = found(truth, [1] + [0] * (len(truth) - 1), "accuracy")
    assert baseline.reachable is reachable
    code, _ = judged(baseline, baseline.score + 0.01)
    assert code == ("baseline" if reachable else "first")
    assert judged(baseline, baseline.score)[0] == "baseline", "equal is not better"


def test_probabilities_are_held_against_the_share_of_each_class_in_the_train_set() -> None:
    random = np.random.default_rng(0)
    truth = random.random(400) < 0.2
    constant = found(truth.astype(int), [0] * 400, "neg_log_loss", (80, 20), [0.2] * 400)
    shares = np.clip(0.2 + 0.3 * (truth - 0.2) + random.normal(0, 0.05, 400), 0.01, 0.99)
    knowing = found(truth.astype(int), [0] * 400, "neg_log_loss", (80, 20), shares)
    assert constant.score == knowing.score == pytest.approx(float((truth * np.log(0.2) + ~truth * np.log(0.8)).mean()))
    assert (constant.p_value, knowing.p_value < 0.05) == (1.0, True)
    assert found(truth.astype(int), [0] * 400, "roc_auc", (80, 20), shares).p_value < 0.05


def test_whoever_is_not_better_than_the_baseline_stays_out_and_the_champion_stays() -> None:
    chance = Baseline(score=0.6, p_value=0.4, test="mcnemar", reachable=True)
    code, reason = judged(chance, 0.62)
    assert code == "baseline"
    assert reason == (
        "The challenger stays out: accuracy 0.6200 against 0.6000 of a model without knowledge may be chance (McNemar's exact "
        "test, one-sided p 0.4, below 0.05 is required)."
    )
    assert judged(chance, 0.5)[1].endswith(
        "accuracy 0.5000 against 0.6000 of a model without knowledge, which always says the largest class, is not better."
    )
    code, reason = judged(chance, 0.62, champion=0.5)
    assert (code, reason.startswith("The champion stays: accuracy 0.6200 against 0.5000 is better, but ")) == (
        code,
        True,
    )
    assert code == "baseline"
    assert judged(chance, 0.62, champion=0.7)[0] == "worse"
    assert judged(chance, 0.62, min_score=0.9)[0] == "min_score"
    sure = chance.model_copy(update={"p_value": 0.001})
    assert judged(sure, 0.62) == (
        "first",
        "The challenger becomes the champion: there was no champion, and accuracy 0.6200 beats the baseline's 0.6000.",
    )
    assert judged(sure, 0.62, champion=0.61)[0] == "better"


@pytest.mark.parametrize(
    ("baseline", "expected"),
    [
        (Baseline(score=0.4, p_value=1e-6, test="mcnemar", reachable=True), "more than chance explains"),
        (
            Baseline(score=0.4, p_value=0.3, test="bootstrap", reachable=True),
            "chance alone may well explain (a bootstrap",
        ),
        (Baseline(score=0.4, p_value=0.3, test="mcnemar", reachable=False), "so the higher score is enough"),
        (
            Baseline(score=0.99, p_value=0.9, test="mcnemar", reachable=True),
            "which is not more. The champion's 0.9333 is",
        ),
    ],
)
def test_the_report_says_how_both_stand_beside_the_baseline(baseline: Baseline, expected: str) -> None:
    made: Evaluation = evaluation(baseline=baseline)
    assert expected in sentences.baseline(made)
    assert sentences.baseline(evaluation()) == "", "of version 0.1"
