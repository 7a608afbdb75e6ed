"""Put the champion's recipe, trained with other libraries, in its place; never cached, because a cached effect is none."""

from typing import Annotated

from zenml import step
from zenml.client import Client

from champion.bundle.model import TrainedCandidate
from champion.comparison.evaluation import Provenance
from champion.modeling.contract import Plan
from champion.modeling.kept import AnswersCompared
from champion.modeling.profile import Profile
from champion.orchestration.runs import link_run
from champion.registry.promotion import Made
from champion.registry.refit import RefitOutcome, Refitted, RefitTerms, carry_out_refit


@step(enable_cache=False)
def refit(
    compared: AnswersCompared,
    refitted: TrainedCandidate,
    plan: Plan,
    profile: Profile,
    facts: Provenance,
    terms: RefitTerms,
    rows: int,
) -> Annotated[RefitOutcome, "outcome"]:
    """Where the answers are equal, the new model becomes the champion under the champion's number."""
    client = Client()
    outcome, version = carry_out_refit(client, Refitted(Made(refitted, plan, profile, facts, rows), compared), terms)
    link_run(client, version, outcome.model_dump(mode="json"))
    return outcome
