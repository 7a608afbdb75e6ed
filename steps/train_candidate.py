"""Fit one candidate on the train set."""

from typing import Annotated

import pandas as pd
from zenml import step

from ml.plan import Plan
from ml.use_case import Candidate, Fitting
from ops.artifacts import CandidateMaterializer
from package.candidate import TrainedCandidate


@step(output_materializers={"candidate": CandidateMaterializer})
def train_candidate(
    train_set: pd.DataFrame, plan: Plan, name: str, candidate: Candidate, fitting: Fitting
) -> Annotated[TrainedCandidate, "candidate"]:
    """Search, rank and fit; the holdout is not an input.

    Parameters
    ----------
    train_set : DataFrame, shape (rows, columns)
        Target included.
    plan : Plan
        Signature and classes.
    name : str
        The candidate's name in the use case.
    candidate : Candidate
        Estimator, parameters, search.
    fitting : Fitting
        Metric, folds, seed.

    Returns
    -------
    TrainedCandidate
    """
    from ml.training import fit_candidate
    from package.model import dumps

    pipeline, result = fit_candidate(train_set, plan.features, plan.classes, name, candidate, fitting)
    return TrainedCandidate(result, dumps(pipeline))
