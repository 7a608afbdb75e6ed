"""Choose the challenger, and compare it with the champion."""

from typing import Annotated, Optional

import pandas as pd
from zenml import step

from champion.bundle.folder import Package
from champion.bundle.model import TrainedCandidate
from champion.comparison.evaluation import Evaluation
from champion.modeling.contract import Plan
from champion.modeling.profile import Profile
from champion.orchestration.materializers.candidate import CandidateMaterializer
from champion.use_case.policy import ComparisonRules


@step(output_materializers={"challenger": CandidateMaterializer})
def evaluate(
    holdout: pd.DataFrame,
    plan: Plan,
    profile: Profile,
    train_rows: bytes,
    candidates: list[TrainedCandidate],
    rules: ComparisonRules,
    champion: Optional[Package] = None,  # noqa: UP045 - ZenML reads the annotation
) -> tuple[
    Annotated[Evaluation, "evaluation"], Annotated[TrainedCandidate, "challenger"], Annotated[dict[str, str], "figures"]
]:
    """The best candidate by cross-validation is the challenger; champion and challenger answer the same holdout rows.

    The holdout has the target in it; `train_rows` is the sketch of today's train set; figures are SVG by name.
    """
    from champion.bundle.build import predictor, train_rows_of
    from champion.bundle.libraries import unable
    from champion.bundle.model import loads
    from champion.comparison.compare import ComparedModel, compare
    from champion.comparison.doubts import doubt_in_words
    from champion.errors import ModelError
    from champion.modeling.equivalence import check_equivalence
    from champion.modeling.kept import KeptAnswers, Remembering
    from champion.modeling.own.code import OwnCode
    from champion.modeling.rows.train_rows import TrainRows
    from champion.modeling.training import rank
    from champion.reporting.charts import figures

    ranked = rank([candidate.result for candidate in candidates])
    best = ranked[0]
    chosen = next(candidate for candidate in candidates if candidate.result.name == best.name)
    model = loads(chosen.model, "challenger", OwnCode.from_bytes(chosen.code))
    asked = Remembering(plan, model, holdout)
    sketch = TrainRows.from_bytes(train_rows)
    challenger = ComparedModel(
        "challenger", asked, plan.rule, best.name, best.estimator, best.params, train_rows=sketch
    )
    incumbent = unjudged = contract = None
    if champion is not None:
        made, contract = champion.manifest, champion.manifest.contract
        identity = (made.candidate, made.estimator, made.params, made.model_version)
        try:
            answering = predictor(champion, f"models/{made.use_case}", rules.trusted_code)
            learned = train_rows_of(champion)
            incumbent = ComparedModel("champion", answering, made.split, *identity, made.libraries, learned)
        except ModelError as error:  # training goes on without it
            unjudged = unable(error, made.libraries)
    counts = profile.class_counts
    evaluation = compare(holdout, plan.train_rows, rules, challenger, incumbent, ranked, unjudged, contract, counts)
    doubts = [doubt_in_words(doubt, rules.target) for doubt in profile.doubts]
    evaluation = evaluation.model_copy(update={"warnings": [*evaluation.warnings, *doubts]})
    equivalence = check_equivalence(model, plan, holdout, rules.seed)
    answers = KeptAnswers.of(asked, holdout, rules.target).as_bytes()
    return (
        evaluation,
        TrainedCandidate(best, chosen.model, equivalence, answers, train_rows, chosen.code),
        figures(evaluation, profile),
    )
