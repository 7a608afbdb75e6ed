"""Choose the challenger, and examine it beside the champion."""

from typing import Annotated, Optional

import pandas as pd
from zenml import step

from ml.evaluation import Evaluation
from ml.plan import Plan
from ml.profile import Profile
from ml.use_case import ExamRules
from ops.artifacts import CandidateMaterializer
from package.candidate import TrainedCandidate
from package.folder import Package


@step(output_materializers={"challenger": CandidateMaterializer})
def evaluate(
    holdout: pd.DataFrame,
    plan: Plan,
    profile: Profile,
    candidates: list[TrainedCandidate],
    exam: ExamRules,
    champion: Optional[Package] = None,  # noqa: UP045 - ZenML reads the annotation
) -> tuple[
    Annotated[Evaluation, "evaluation"],
    Annotated[TrainedCandidate, "challenger"],
    Annotated[dict[str, str], "figures"],
]:
    """The best candidate by cross-validation is the challenger; both answer the same holdout rows.

    Parameters
    ----------
    holdout : DataFrame, shape (rows, columns)
        Target included.
    plan, profile : Plan, Profile
        Of the train set.
    candidates : list of TrainedCandidate
        In the order of the use case.
    exam : ExamRules
        Metric, guardrails, `min_overlap`.
    champion : Package, optional
        The package in production; a new one is another exam.

    Returns
    -------
    evaluation : Evaluation
    challenger : TrainedCandidate
    figures : dict of str to str
        SVG by name.
    """
    from ml.charts import figures
    from ml.classifier import Classifier
    from ml.exam import Contender, examine
    from ml.parity_gate import examine_parity
    from ml.training import rank
    from package.build import classifier
    from package.model import loads

    ranked = rank([candidate.result for candidate in candidates])
    best = ranked[0]
    chosen = next(candidate for candidate in candidates if candidate.result.name == best.name)
    model = loads(chosen.model, "challenger")
    challenger = Contender(
        "challenger", Classifier(plan.features, plan.classes, model), plan.rule,
        best.name, best.estimator, best.params,
    )  # fmt: skip
    rival = None
    if champion is not None:
        made = champion.manifest
        rival = Contender(
            "champion", classifier(champion, f"models/{made.use_case}"), made.split,
            made.candidate, made.estimator, made.params, made.model_version,
        )  # fmt: skip
    evaluation = examine(holdout, plan.train_rows, exam, challenger, rival, ranked)
    parity = examine_parity(model, plan.features, plan.classes, holdout, exam.seed)
    return evaluation, TrainedCandidate(best, chosen.model, parity), figures(evaluation, profile)
