"""Decide, and carry the decision out; never cached, because a cached effect is none."""

from typing import Annotated

from zenml import step
from zenml.client import Client

from champion.bundle.model import TrainedCandidate
from champion.comparison.decision import Decision
from champion.comparison.evaluation import Evaluation, Outcome, Provenance
from champion.modeling.contract import Plan
from champion.modeling.profile import Profile
from champion.orchestration.runs import link_run
from champion.registry.promotion import Judged, Made, Terms, carry_out


@step(enable_cache=False)
def promote(
    evaluation: Evaluation,
    challenger: TrainedCandidate,
    plan: Plan,
    profile: Profile,
    facts: Provenance,
    terms: Terms,
    rows: int,
) -> tuple[Annotated[Decision, "decision"], Annotated[Outcome, "outcome"]]:
    """Promote or keep, in the Model Control Plane; the production package is stored with its model version."""
    client = Client()
    judged = Judged(Made(challenger, plan, profile, facts, rows), evaluation)
    decision, outcome, version = carry_out(client, judged, terms)
    metadata = {
        "action": outcome.action,
        "reason": decision.reason,
        "metric": decision.metric,
        "challenger_score": decision.challenger_score,
        "champion_score": decision.champion_score,
        "model_version": outcome.challenger,
        "champion": outcome.champion,
        **evaluation.challenger.scores,
    }
    link_run(client, version if terms.promote else None, metadata)
    return decision, outcome
