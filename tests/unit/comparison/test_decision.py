from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from champion.comparison.decision import NOISE, Decision, decide
from champion.comparison.evaluation import ComparisonRows, Evaluation, Performance
from champion.modeling.evaluation import PairedTest
from champion.use_case.policy import Promotion

quick = settings(max_examples=150, deadline=None, database=None)
scores = st.floats(-5, 1, allow_nan=False)
policies = st.builds(
    Promotion,
    min_score=st.none() | scores,
    min_gain=st.floats(0, 0.5),
    guardrails=st.dictionaries(st.just("f1_macro"), st.floats(-0.5, 0.5)),
    max_p_value=st.none() | st.floats(0.001, 1),
    replace_unjudged=st.booleans(),
)


def performance(role: str, found: dict[str, float]) -> Performance:
    return Performance(
        role=role, number=None, candidate="c", estimator="e", params={}, scores=found, per_class=[], confusion=[],
        roc=[], precision_recall=[], calibration=[], importance=[],
    )  # fmt: skip


def exam(
    challenger: float,
    champion: float | None = None,
    f1: tuple[float, float] = (0.5, 0.5),
    unjudged: str | None = None,
    paired: PairedTest | None = None,
) -> Evaluation:
    """An evaluation with these scores in accuracy; `f1` is the challenger's and the champion's second score."""
    return Evaluation(
        use_case="iris", metric="accuracy", classes=["a", "b"], candidates=[],
        rows=ComparisonRows(
            train=80, holdout=20, judged=20, overlap_only=False, missing_classes=[], smallest_gain=0.3,
            sampled_for_importance=20,
        ),
        challenger=performance("challenger", {"accuracy": challenger, "f1_macro": f1[0]}),
        champion=None if champion is None else performance("champion", {"accuracy": champion, "f1_macro": f1[1]}),
        champion_unjudged=unjudged, paired=paired,
    )  # fmt: skip


def answered(wins: int, losses: int, p_value: float) -> PairedTest:
    return PairedTest(
        both_right=50, only_challenger_right=wins, only_champion_right=losses, both_wrong=1, p_value=p_value
    )


def verdict(decision: Decision) -> tuple[bool, str]:
    return decision.promote, decision.reason_code


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ((0.1,), (True, "first")), ((0.9, 0.8), (True, "better")), ((0.9, 0.9), (False, "tie")),
        ((0.8, 0.9), (False, "worse")), ((0.1 + 0.2, 0.3), (False, "tie")),
    ],
    ids=["first", "better", "tie", "worse", "better by the last bit"],
)  # fmt: skip
def test_only_the_first_or_a_strictly_better_challenger_becomes_the_champion(scores: Any, expected: Any) -> None:
    assert verdict(decide(exam(*scores), Promotion())) == expected


@quick
@given(scores, scores, policies)
def test_nobody_who_ties_or_is_worse_is_ever_promoted(challenger: float, champion: float, policy: Promotion) -> None:
    decision = decide(exam(challenger, champion), policy)
    if challenger <= champion:
        assert not decision.promote


@quick
@given(scores, scores, scores, policies, st.floats(-1, 1), st.booleans())
def test_more_gain_never_turns_a_promotion_down(
    one: float, other: float, champion: float, policy: Promotion, f1: float, ahead: bool
) -> None:
    lower, higher = sorted((one, other))
    paired = answered(10, 2, 0.04) if ahead else answered(2, 10, 0.04)
    if decide(exam(lower, champion, (f1, 0), paired=paired), policy).promote:
        assert decide(exam(higher, champion, (f1, 0), paired=paired), policy).promote


@quick
@given(scores, st.none() | scores, policies, st.floats(-1, 1))
def test_the_decision_says_what_it_rests_on(
    challenger: float, champion: float | None, policy: Promotion, f1: float
) -> None:
    decision = decide(exam(challenger, champion, (f1, 0)), policy)
    assert decision.promote == (decision.reason_code in ("first", "better", "unjudged_replaced"))
    assert (decision.challenger_score, decision.champion_score) == (challenger, champion)
    assert "becomes the champion" in decision.reason if decision.promote else "stays" in decision.reason
    if decision.promote:
        assert all(check.passed for check in decision.checks if check.gates)


@quick
@given(scores, st.floats(0, 0.5), policies)
def test_without_a_champion_only_the_lowest_score_gates(score: float, gain: float, policy: Promotion) -> None:
    enough = policy.min_score is None or score >= policy.min_score - NOISE
    decision = decide(exam(score), policy)
    assert verdict(decision) == ((True, "first") if enough else (False, "min_score"))
    assert [check.name for check in decision.checks] == ([] if policy.min_score is None else ["min_score"])


@pytest.mark.parametrize(("score", "promoted"), [(0.79, False), (0.8, True), (0.81, True)])
def test_the_lowest_score_is_enough_and_a_better_challenger_below_it_stays_out(score: float, promoted: bool) -> None:
    decision = decide(exam(score, 0.5), Promotion(min_score=0.8))
    assert verdict(decision) == (promoted, "better" if promoted else "min_score")
    if not promoted:
        assert decision.reason == "The challenger stays out: accuracy 0.7900, at least 0.8 is required."


@pytest.mark.parametrize(("challenger", "reason_code"), [(0.89, "min_gain"), (0.9, "min_gain"), (0.901, "better")])
def test_the_gain_must_be_more_than_the_margin(challenger: float, reason_code: str) -> None:
    """As floats, 0.9 - 0.88 is a little more than 0.02."""
    assert decide(exam(challenger, 0.88), Promotion(min_gain=0.02)).reason_code == reason_code


@pytest.mark.parametrize(
    ("f1", "allowed", "reason_code"),
    [
        ((0.95, 0.96), -0.02, "better"),
        ((0.94, 0.96), -0.02, "better"),
        ((0.93, 0.96), -0.02, "guardrail"),
        ((0.5, 0.5), 0.01, "guardrail"),
    ],
)
def test_a_guardrail_tolerates_what_it_says_or_asks_for_a_gain(f1: Any, allowed: float, reason_code: str) -> None:
    decision = decide(exam(0.9, 0.8, f1), Promotion(guardrails={"f1_macro": allowed}))
    assert decision.reason_code == reason_code
    if reason_code == "guardrail":
        assert f"guardrail f1_macro is {f1[0] - f1[1]:.4g} where at least {allowed:+} is required" in decision.reason


def test_the_paired_test_is_evidence_and_gates_only_where_the_policy_says_so() -> None:
    evaluation = exam(0.9, 0.8, paired=answered(7, 2, 0.18))
    decision = decide(evaluation, Promotion())
    (evidence,) = (check for check in decision.checks if check.name == "p_value")
    assert (decision.promote, evidence.found, evidence.passed, evidence.gates) == (True, 0.18, False, False)
    assert verdict(decide(evaluation, Promotion(max_p_value=0.05))) == (False, "p_value")
    assert decide(evaluation, Promotion(max_p_value=0.2)).promote
    in_the_champions_favour = exam(0.9, 0.8, paired=answered(2, 20, 0.0001))
    assert verdict(decide(in_the_champions_favour, Promotion(max_p_value=0.05))) == (False, "p_value")


def test_the_first_gate_that_fails_is_the_reason() -> None:
    policy = Promotion(min_score=0.95, min_gain=0.2, guardrails={"f1_macro": 0.1}, max_p_value=0.01)
    evaluation, reasons = exam(0.9, 0.8, paired=answered(3, 2, 1.0)), []
    for fixed in ({}, {"min_score": None}, {"min_gain": 0.0}, {"guardrails": {}}, {"max_p_value": None}):
        policy = policy.model_copy(update=fixed)
        reasons.append(decide(evaluation, policy).reason_code)
    assert reasons == ["min_score", "min_gain", "guardrail", "p_value", "better"]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({}, (False, "unjudged")),
        ({"replace_unjudged": True}, (True, "unjudged_replaced")),
        ({"replace_unjudged": True, "min_score": 0.95}, (False, "min_score")),
    ],
)
def test_an_unjudged_champion_is_replaced_only_where_the_policy_says_so(policy: Any, expected: Any) -> None:
    decision = decide(exam(0.9, unjudged="no column 'x'"), Promotion(**policy))
    assert verdict(decision) == expected
    assert "no column 'x'" in decision.reason or "min_score" in policy


def test_a_decision_survives_its_way_through_json() -> None:
    decision = decide(
        exam(0.9, 0.8, paired=answered(7, 2, 0.18)), Promotion(min_score=0.5, guardrails={"f1_macro": -1})
    )
    assert Decision.model_validate_json(decision.model_dump_json()) == decision
