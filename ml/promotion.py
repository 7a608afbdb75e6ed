"""Promote or keep: the decision as a pure function of the evidence and the policy."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from ml.evaluation import Evaluation
from ml.use_case import Promotion

Ground = Literal[
    "first", "better", "unjudged_replaced",  # grounds to promote
    "worse", "tie", "same", "min_score", "min_gain", "guardrail", "p_value",
    "unjudged", "withdrawn", "champion_changed",
]  # fmt: skip


class Check(BaseModel):
    """One line of the policy: what was found, what was required, and whether it gates."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    found: float | None
    required: str
    passed: bool
    gates: bool


class Decision(BaseModel):
    """Promote or keep, with its reason and its evidence."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    promote: bool
    ground: Ground
    reason: str  # one sentence for a person
    metric: str
    challenger_score: float
    champion_score: float | None
    checks: list[Check]


def decide(evaluation: Evaluation, policy: Promotion) -> Decision:
    """Promote or keep.

    Strictly better wins and a tie keeps the champion. A margin, guardrails and the paired test gate where the policy
    sets them; without a champion only `min_score` does.

    Parameters
    ----------
    evaluation : Evaluation
        The exam that both took on the same rows.
    policy : Promotion
        The use case's policy.

    Returns
    -------
    Decision
    """
    challenger, champion = evaluation.challenger, evaluation.champion
    metric = evaluation.metric
    score = challenger.scores[metric]
    rival = champion.scores[metric] if champion else None
    checks = _checks(evaluation, policy)
    failed = next((check for check in checks if check.gates and not check.passed), None)

    def decision(ground: Ground, reason: str, promote: bool = False) -> Decision:
        return Decision(
            promote=promote, ground=ground, reason=reason, metric=metric,
            challenger_score=score, champion_score=rival, checks=checks,
        )  # fmt: skip

    against = f"{metric} {score:.4f}" + (f" against {rival:.4f}" if rival is not None else "")
    if failed and failed.name == "min_score":
        return decision("min_score", f"The challenger stays out: {metric} {score:.4f}, at least {policy.min_score:g} is required.")
    if evaluation.champion_unjudged:
        if policy.replace_unjudged:
            return decision("unjudged_replaced", f"The challenger takes the title: the champion cannot be judged on today's table ({evaluation.champion_unjudged}), and the use case says replace_unjudged.", True)
        return decision("unjudged", f"The champion stays: it cannot be judged on today's table ({evaluation.champion_unjudged}). Set promotion.replace_unjudged to replace it.")
    if rival is None:
        return decision("first", f"The challenger takes the title: there was no champion, and {metric} {score:.4f} is enough.", True)
    if score == rival:
        return decision("tie", f"The champion stays: both reach {metric} {score:.4f}, and a tie keeps the champion.")
    if score < rival:
        return decision("worse", f"The champion stays: the challenger is worse, {against}.")
    if failed:
        ground: Ground = "guardrail" if failed.name.startswith("guardrail") else "p_value" if failed.name == "p_value" else "min_gain"
        return decision(ground, f"The champion stays: {against} is better, but {failed.name} is {failed.found:.4g} where {failed.required} is required.")
    return decision("better", f"The challenger takes the title: {against}.", True)


def _checks(evaluation: Evaluation, policy: Promotion) -> list[Check]:
    challenger, champion = evaluation.challenger, evaluation.champion
    checks = []
    score = challenger.scores[evaluation.metric]
    if policy.min_score is not None:
        checks.append(Check(name="min_score", found=score, required=f"at least {policy.min_score:g}", passed=score >= policy.min_score, gates=True))
    if champion is None:
        return checks
    gain = score - champion.scores[evaluation.metric]
    checks.append(Check(name="min_gain", found=gain, required=f"more than {policy.min_gain:g}", passed=gain > policy.min_gain, gates=True))
    for name, tolerated in policy.guardrails.items():
        change = challenger.scores[name] - champion.scores[name]
        checks.append(Check(name=f"guardrail {name}", found=change, required=f"at least {tolerated:+g}", passed=change >= tolerated, gates=True))
    if evaluation.paired is not None:
        limit = policy.max_p_value
        p_value = evaluation.paired.p_value
        checks.append(
            Check(name="p_value", found=p_value, required=f"at most {limit or 0.05:g}", passed=p_value <= (limit or 0.05), gates=limit is not None)
        )  # fmt: skip
    return checks
