"""Fit one candidate on the train set."""

from typing import Annotated, Optional

import pandas as pd
from zenml import step

from champion.bundle.model import TrainedCandidate
from champion.modeling.contract import Plan
from champion.orchestration.materializers.candidate import CandidateMaterializer
from champion.use_case.learning import Candidate, Fitting


@step(output_materializers={"candidate": CandidateMaterializer})
def train_candidate(
    train_set: pd.DataFrame,
    plan: Plan,
    name: str,
    candidate: Candidate,
    fitting: Fitting,
    code: Optional[bytes] = None,  # noqa: UP045 - ZenML reads the annotation
) -> Annotated[TrainedCandidate, "candidate"]:
    """Search, rank and fit; the train set has the target in it, and the holdout is not an input.

    Where there are others, one that fails says why and has no model. `code` is the own code of the use case, see
    `champion.modeling.own.code`.
    """
    from champion.bundle.model import dumps
    from champion.errors import ConfigurationError, DataError, PackageError
    from champion.modeling.own.code import OwnCode, using
    from champion.modeling.training import failure, fit_candidate

    try:
        with using(OwnCode.from_bytes(code)):
            pipeline, result = fit_candidate(train_set, plan, name, candidate, fitting)
            return TrainedCandidate(result, dumps(pipeline), code=code)
    except (ConfigurationError, DataError, PackageError) as error:
        if not fitting.ranked:
            raise
        return TrainedCandidate(failure(name, candidate, error), b"")
