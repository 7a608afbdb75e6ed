"""Hold a champion's recipe, trained with other libraries, to the answers that the champion's promotion kept."""

from typing import Annotated

import pandas as pd
from zenml import step

from champion.bundle.model import TrainedCandidate
from champion.modeling.contract import Contract, Plan
from champion.modeling.kept import AnswersCompared
from champion.orchestration.materializers.candidate import CandidateMaterializer
from champion.use_case.learning import Fitting


@step(output_materializers={"refitted": CandidateMaterializer})
def compare_answers(
    holdout: pd.DataFrame,
    plan: Plan,
    train_rows: bytes,
    candidate: TrainedCandidate,
    contract: Contract,
    kept: bytes,
    fitting: Fitting,
) -> tuple[Annotated[AnswersCompared, "compared"], Annotated[TrainedCandidate, "refitted"]]:
    """Ask the new model the whole holdout, which has the target in it; the champion itself is not loaded.

    `contract` is the champion's. The model goes on with the answers that were kept, so that a later refit is held to the
    first ones.
    """
    from champion.bundle.model import loads
    from champion.modeling.equivalence import check_equivalence
    from champion.modeling.kept import KeptAnswers
    from champion.modeling.own.code import OwnCode
    from champion.modeling.predictor import Predictor

    model = loads(candidate.model, "the refitted model", OwnCode.from_bytes(candidate.code))
    difference: str | None = "the columns that it takes, or the classes that it knows, are others"
    if contract == Contract(task=plan.task, features=plan.features, classes=plan.classes):
        try:
            before = KeptAnswers.from_bytes(kept)
        except ValueError:  # of a store that was damaged
            difference = "those that were kept cannot be read"
        else:
            difference = before.difference(KeptAnswers.of(Predictor(plan, model), holdout, fitting.target))
    equivalence = check_equivalence(model, plan, holdout, fitting.seed)
    compared = AnswersCompared(rows=len(holdout), difference=difference)
    return compared, TrainedCandidate(candidate.result, candidate.model, equivalence, kept, train_rows, candidate.code)
