from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from champion.comparison.decision import NOISE, Decision, decide
from champion.comparison.evaluation import Evaluation
from champion.modeling.evaluation import PairedTest
from champion.use_case.policy import Promotion
from tests.support.report_examples import evaluation, performance

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


def exam(
    challenger: float,
    champion: float | None = None,
    f1: tuple[float, float] = (0.5, 0.5),
    unjudged: str | None = None,
    paired: PairedTest | None = None,
) -> Evaluation:
    """An evaluation with these scores in accuracy; `f1` is the challenger's and the champion's second score."""
    sides = {
        role: None if score is None else performance(role, [0, 1], scores={"accuracy": score, "f1_macro": second})
        for role, score, second in (("challenger", challenger, f1[0]), ("champion", champion, f1[1]))
    }
    return evaluation([0, 1], champion_unjudged=unjudged, paired=paired, **sides)


def answered(wins: int, losses: int, p_value: float) -> PairedTest:
    return PairedTest(
        both_right=50, only_challenger_right=wins, only_champion_right=losses, both_wrong=1, p_value=p_value
    )


def verdict(decision: Decision) -> tuple[bool, str]:
    return decision.promote, decision.reason_code


@pytest.mark.parametrize(
    ("evidence", "policy", "expected"),
    [
        (exam(0.1), {}, (True, "first")),
        (exam(0.9, 0.8), {}, (True, "better")),
        (exam(0.8, 0.9), {}, (False, "worse")),
        (exam(0.1 + 0.2, 0.3), {}, (False, "tie")),  # better by the last bit
        (exam(0.9, 0.88), {"min_gain": 0.02}, (False, "min_gain")),  # as floats, a little more
        (exam(0.901, 0.88), {"min_gain": 0.02}, (True, "better")),
        (exam(0.9, 0.8, (0.94, 0.96)), {"guardrails": {"f1_macro": -0.02}}, (True, "better")),
        (exam(0.9, 0.8, (0.93, 0.96)), {"guardrails": {"f1_macro": -0.02}}, (False, "guardrail")),
        (exam(0.9, 0.8), {"guardrails": {"f1_macro": 0.01}}, (False, "guardrail")),
        (exam(0.9, 0.8, paired=answered(7, 2, 0.18)), {}, (True, "better")),
        (exam(0.9, 0.8, paired=answered(7, 2, 0.18)), {"max_p_value": 0.05}, (False, "p_value")),
        (exam(0.9, 0.8, paired=answered(7, 2, 0.18)), {"max_p_value": 0.2}, (True, "better")),
        (exam(0.9, 0.8, paired=answered(2, 20, 0.0001)), {"max_p_value": 0.05}, (False, "p_value")),
        (exam(0.9, unjudged="no column 'x'"), {}, (False, "unjudged")),
        (exam(0.9, unjudged="no column 'x'"), {"replace_unjudged": True}, (True, "unjudged_replaced")),
        (exam(0.9, unjudged="no column 'x'"), {"replace_unjudged": True, "min_score": 0.95}, (False, "min_score")),
    ],
)
def test_the_evidence_and_the_policy_decide(evidence: Evaluation, policy: Any, expected: Any) -> None:
    decision = decide(evidence, Promotion(**policy))
    assert verdict(decision) == expected
    assert (evidence.champion_unjudged or "") in decision.reason or "min_score" in policy


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


def test_the_first_gate_that_fails_is_the_reason() -> None:
    policy = Promotion(min_score=0.95, min_gain=0.2, guardrails={"f1_macro": 0.1}, max_p_value=0.01)
    evidence, reasons = exam(0.9, 0.8, paired=answered(3, 2, 1.0)), []
    for fixed in ({}, {"min_score": None}, {"min_gain": 0.0}, {"guardrails": {}}, {"max_p_value": None}):
        policy = policy.model_copy(update=fixed)
        reasons.append(decide(evidence, policy).reason_code)
    assert reasons == ["min_score", "min_gain", "guardrail", "p_value", "better"]
