"""Promote or keep: the decision as a pure function of the evidence and the policy."""

from typing import Literal, get_args

from pydantic import Field

from champion.bundle.decision_record import Check, DecisionFacts
from champion.comparison.clients import ContractChange
from champion.comparison.evaluation import BASELINE_LEVEL, Baseline, Evaluation
from champion.comparison.evaluation import NOISE as NOISE
from champion.comparison.wear import allowed_p
from champion.errors import listed
from champion.modeling.evaluation import PairedTest
from champion.use_case.policy import Promotion

USUAL_P_VALUE = 0.05  # what the paired test is held against where the policy does not gate by it

TESTS = {"mcnemar": "McNemar's exact test", "bootstrap": "a bootstrap of the rows"}

ToPromote = Literal["first", "better", "unjudged_replaced"]
NotJudged = Literal["unjudged", "same", "withdrawn", "champion_changed", "champion_unreachable"]
ReasonCode = (
    ToPromote
    | NotJudged
    | Literal["worse", "tie", "min_score", "baseline", "min_gain", "guardrail", "p_value", "fields", "classes"]
)


class Decision(DecisionFacts):
    """Promote or keep, with its reason and its evidence."""

    promote: bool
    reason_code: ReasonCode = Field(alias="ground")
    checks: list[Check]


_GATES: dict[str, ReasonCode] = {  # by check; the others are guardrails
    "baseline": "baseline",
    "min_gain": "min_gain",
    "p_value": "p_value",
    "fields": "fields",
    "classes": "classes",
}


def decide(evaluation: Evaluation, policy: Promotion, judged: int = 1) -> Decision:
    """Promote or keep.

    Strictly better wins and a tie keeps the champion. Whoever is not better than the model without knowledge never wins, also
    as the first. A margin, guardrails and the paired test gate where the policy sets them, and `min_score` without a champion
    too. Differences up to `NOISE` are none. `judged` are the challengers that the holdout has judged, this one included: the
    more, the less may the paired test leave to chance.
    """
    champion, metric = evaluation.champion, evaluation.metric
    checks = _checks(evaluation, policy, judged)
    reason_code, reason = _verdict(evaluation, policy, checks)
    scores = {
        "challenger_score": evaluation.challenger.scores[metric],
        "champion_score": champion.scores[metric] if champion else None,
    }
    promote = reason_code in get_args(ToPromote)
    return Decision(promote=promote, reason_code=reason_code, reason=reason, metric=metric, **scores, checks=checks)


def _verdict(evaluation: Evaluation, policy: Promotion, checks: list[Check]) -> tuple[ReasonCode, str]:
    """The reason code of the decision, and the sentence for a person."""
    metric = evaluation.metric
    score = evaluation.challenger.scores[metric]
    failed = next((check for check in checks if check.gates and not check.passed), None)
    if failed and failed.name == "min_score":
        return "min_score", f"The challenger stays out: {metric} {score:.4f}, {failed.required} is required."
    nothing_to_compare = evaluation.champion is None
    if nothing_to_compare and failed and failed.name == "baseline":
        return "baseline", f"The challenger stays out: {_why_gated(failed, evaluation, policy)}."
    if evaluation.champion_unjudged:
        replace = policy.replace_unjudged
        if replace and failed and failed.name == "fields":
            return "fields", f"The champion stays: {_why_gated(failed, evaluation, policy)}."
        return _unjudged(evaluation.champion_unjudged, replace)
    if evaluation.champion is None:
        baseline = evaluation.baseline
        enough = f"beats the baseline's {baseline.score:.4f}" if baseline else "is enough"
        return (
            "first",
            f"The challenger becomes the champion: there was no champion, and {metric} {score:.4f} {enough}.",
        )
    champion_score = evaluation.champion.scores[metric]
    if abs(score - champion_score) <= NOISE:
        return "tie", f"The champion stays: both reach {metric} {score:.4f}, and a tie keeps the champion."
    against = f"{metric} {score:.4f} against {champion_score:.4f}"
    if score < champion_score:
        return "worse", f"The champion stays: the challenger is worse, {against}."
    if failed:
        gate = _why_gated(failed, evaluation, policy)
        return _GATES.get(failed.name, "guardrail"), f"The champion stays: {against} is better, but {gate}."
    return "better", f"The challenger becomes the champion: {against}."


def _why_gated(failed: Check, evaluation: Evaluation, policy: Promotion) -> str:
    """What a check asked for and did not get, as a clause."""
    change, baseline = evaluation.contract_change, evaluation.baseline
    if failed.name == "baseline" and baseline:
        return _not_better(evaluation, baseline)
    if failed.name == "fields" and change:
        return f"{change.in_words(would=True)}; promotion.fields is {policy.fields}, and `any` would allow it"
    if failed.name == "classes" and change:
        lost = listed(change.classes_lost)
        return f"it does not know {lost}, which the champion answers; promotion.classes: any would allow it"
    return f"{failed.name} is {failed.found:.4g} where {failed.required} is required"


def _not_better(evaluation: Evaluation, baseline: Baseline) -> str:
    """Why a challenger is no better than the model without knowledge, as a clause."""
    score, test = evaluation.challenger.scores[evaluation.metric], TESTS[baseline.test]
    against = f"{evaluation.metric} {score:.4f} against {baseline.score:.4f} of a model without knowledge"
    if score <= baseline.score + NOISE:
        return f"{against}, which always says the largest class, is not better"
    return f"{against} may be chance ({test}, one-sided p {baseline.p_value:.3g}, below {BASELINE_LEVEL:g} is required)"


def _unjudged(why: str, replace: bool) -> tuple[ReasonCode, str]:
    cannot = f"cannot be judged ({why})"
    if replace:
        return (
            "unjudged_replaced",
            f"The challenger becomes the champion: the champion {cannot}, and the use case says replace_unjudged.",
        )
    return "unjudged", f"The champion stays: it {cannot}. Set promotion.replace_unjudged to replace it."


def _checks(evaluation: Evaluation, policy: Promotion, judged: int) -> list[Check]:
    challenger, champion, metric = evaluation.challenger, evaluation.champion, evaluation.metric
    checks = []
    if policy.min_score is not None:
        checks.append(_at_least("min_score", challenger.scores[metric], policy.min_score, f"{policy.min_score:g}"))
    if evaluation.baseline is not None:
        checks.append(_baseline(evaluation.baseline, challenger.scores[metric]))
    contract = evaluation.contract_change
    if contract and contract.other_fields:
        checks.append(_fields(contract, policy))
    if champion is None:
        return checks
    if contract and contract.classes_lost:
        lost, kept = len(contract.classes_lost), policy.classes == "keep"
        required = "every class that the champion answers"
        checks.append(Check(name="classes", found=lost, required=required, passed=False, gates=kept))
    gain = challenger.scores[metric] - champion.scores[metric]
    enough = gain > policy.min_gain + NOISE
    required = f"more than {policy.min_gain:g}"
    checks.append(Check(name="min_gain", found=gain, required=required, passed=enough, gates=True))
    for name, tolerated in policy.guardrails.items():
        change = challenger.scores[name] - champion.scores[name]
        checks.append(_at_least(f"guardrail {name}", change, tolerated, f"{tolerated:+g}"))
    if evaluation.paired is not None:
        checks.append(_paired(evaluation.paired, policy.max_p_value, judged))
    return checks


def _baseline(baseline: Baseline, score: float) -> Check:
    """Whether the challenger is better than the model without knowledge, and by more than chance where the rows can tell."""
    required = f"more than {baseline.score:.4f}, of a model without knowledge"
    if baseline.reachable:
        required += f", and p below {BASELINE_LEVEL:g} (it is {baseline.p_value:.3g})"
    else:
        required += "; so few rows could not show more"
    passed = score > baseline.score + NOISE and (baseline.p_value < BASELINE_LEVEL or not baseline.reachable)
    return Check(name="baseline", found=score, required=required, passed=passed, gates=True)


def _fields(change: ContractChange, policy: Promotion) -> Check:
    """Whether what clients send today is taken tomorrow, or, where the policy asks for it, is still the same."""
    same = policy.fields == "same"
    against = change.other_fields if same else change.refused
    required = "the same fields for clients" if same else "no field that clients do not send today"
    return Check(name="fields", found=len(against), required=required, passed=not against, gates=policy.fields != "any")


def _at_least(name: str, found: float, required: float, shown: str) -> Check:
    return Check(name=name, found=found, required=f"at least {shown}", passed=found >= required - NOISE, gates=True)


def _paired(test: PairedTest, limit: float | None, judged: int) -> Check:
    """Whether chance alone would hardly set them so far apart, and it is the challenger who has more rows right."""
    level = USUAL_P_VALUE if limit is None else limit
    most = allowed_p(level, judged)
    ahead = test.only_challenger_right > test.only_champion_right
    required = f"at most {most:.4g}"
    if most < level:
        required += f" ({level:g} for the first comparison, and this holdout has judged {judged} challengers)"
    required += "" if ahead else " and more rows right"
    passed = ahead and test.p_value <= most
    return Check(name="p_value", found=test.p_value, required=required, passed=passed, gates=limit is not None)
