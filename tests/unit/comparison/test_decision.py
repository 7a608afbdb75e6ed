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


def test_the_first_challenger_takes_the_title() -> None:
    assert verdict(decide(exam(0.1), Promotion())) == (True, "first")


def test_a_better_challenger_takes_the_title() -> None:
    assert verdict(decide(exam(0.9, 0.8), Promotion())) == (True, "better")


def test_a_tie_keeps_the_champion() -> None:
    assert verdict(decide(exam(0.9, 0.9), Promotion())) == (False, "tie")


def test_a_worse_challenger_keeps_the_champion() -> None:
    assert verdict(decide(exam(0.8, 0.9), Promotion())) == (False, "worse")


def test_rounding_noise_is_a_tie() -> None:
    better_by_the_last_bit = 0.1 + 0.2
    assert verdict(decide(exam(better_by_the_last_bit, 0.3), Promotion())) == (False, "tie")


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
def test_the_lowest_score_is_enough(score: float, promoted: bool) -> None:
    assert decide(exam(score, 0.5), Promotion(min_score=0.8)).promote is promoted


def test_a_better_challenger_below_the_lowest_score_stays_out() -> None:
    decision = decide(exam(0.7, 0.6), Promotion(min_score=0.8))
    assert verdict(decision) == (False, "min_score")
    assert decision.reason == "The challenger stays out: accuracy 0.7000, at least 0.8 is required."


@pytest.mark.parametrize(("challenger", "reason_code"), [(0.89, "min_gain"), (0.9, "min_gain"), (0.901, "better")])
def test_the_gain_must_be_more_than_the_margin(challenger: float, reason_code: str) -> None:
    """As floats, 0.9 - 0.88 is a little more than 0.02."""
    assert decide(exam(challenger, 0.88), Promotion(min_gain=0.02)).reason_code == reason_code


@pytest.mark.parametrize(("f1", "reason_code"), [(0.95, "better"), (0.94, "better"), (0.93, "guardrail")])
def test_a_guardrail_tolerates_what_it_says_and_no_more(f1: float, reason_code: str) -> None:
    decision = decide(exam(0.9, 0.8, (f1, 0.96)), Promotion(guardrails={"f1_macro": -0.02}))
    assert decision.reason_code == reason_code


def test_a_guardrail_may_ask_for_a_gain() -> None:
    assert decide(exam(0.9, 0.8, (0.5, 0.5)), Promotion(guardrails={"f1_macro": 0.01})).reason_code == "guardrail"


def test_a_broken_guardrail_is_named_with_what_was_found() -> None:
    decision = decide(exam(0.9, 0.8, (0.5, 0.6)), Promotion(guardrails={"f1_macro": -0.02}))
    assert "guardrail f1_macro is -0.1 where at least -0.02 is required" in decision.reason


def test_the_paired_test_gates_only_where_the_policy_says_so() -> None:
    evaluation = exam(0.9, 0.8, paired=answered(7, 2, 0.18))
    assert decide(evaluation, Promotion()).promote
    assert verdict(decide(evaluation, Promotion(max_p_value=0.05))) == (False, "p_value")
    assert decide(evaluation, Promotion(max_p_value=0.2)).promote


def test_the_paired_test_is_evidence_also_where_it_does_not_gate() -> None:
    decision = decide(exam(0.9, 0.8, paired=answered(7, 2, 0.18)), Promotion())
    check = next(check for check in decision.checks if check.name == "p_value")
    assert (check.found, check.passed, check.gates) == (0.18, False, False)


def test_a_small_p_value_in_the_champions_favour_is_no_ground_to_promote() -> None:
    evaluation = exam(0.9, 0.8, paired=answered(2, 20, 0.0001))
    assert verdict(decide(evaluation, Promotion(max_p_value=0.05))) == (False, "p_value")


def test_the_first_gate_that_fails_is_the_ground() -> None:
    policy = Promotion(min_score=0.95, min_gain=0.2, guardrails={"f1_macro": 0.1}, max_p_value=0.01)
    evaluation = exam(0.9, 0.8, paired=answered(3, 2, 1.0))
    grounds = []
    for fixed in ({}, {"min_score": None}, {"min_gain": 0.0}, {"guardrails": {}}, {"max_p_value": None}):
        policy = policy.model_copy(update=fixed)
        grounds.append(decide(evaluation, policy).reason_code)
    assert grounds == ["min_score", "min_gain", "guardrail", "p_value", "better"]


@pytest.mark.parametrize(("replace", "expected"), [(False, (False, "unjudged")), (True, (True, "unjudged_replaced"))])
def test_an_unjudged_champion_is_replaced_only_where_the_policy_says_so(replace: bool, expected: Any) -> None:
    decision = decide(exam(0.9, unjudged="no column 'x'"), Promotion(replace_unjudged=replace))
    assert verdict(decision) == expected
    assert "no column 'x'" in decision.reason


def test_an_unjudged_champion_is_not_replaced_by_a_challenger_below_the_lowest_score() -> None:
    policy = Promotion(min_score=0.95, replace_unjudged=True)
    assert verdict(decide(exam(0.9, unjudged="no column 'x'"), policy)) == (False, "min_score")


def test_a_decision_survives_its_way_through_json() -> None:
    decision = decide(
        exam(0.9, 0.8, paired=answered(7, 2, 0.18)), Promotion(min_score=0.5, guardrails={"f1_macro": -1})
    )
    assert Decision.model_validate_json(decision.model_dump_json()) == decision
