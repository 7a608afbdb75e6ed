"""How the steps of the training pipeline hang together: whoever runs them, and wherever."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from steps.evaluate import evaluate
from steps.prepare import prepare
from steps.promote import promote
from steps.report import report
from steps.train_candidate import train_candidate

if TYPE_CHECKING:
    from champion.comparison.evaluation import Provenance
    from champion.modeling.split import SplitRule
    from champion.registry.promotion import Terms
    from champion.use_case.whole import UseCase

STEP_VERSION = "STEP_VERSION"
"""The variable by which what a step is made of enters its cache key."""


def versioned(step: Any, versions: Mapping[str, str]) -> Any:
    """A step whose cache key has what ZenML leaves out, where that is known."""
    version = versions.get(step.name)
    return step.with_options(environment={STEP_VERSION: version}) if version else step


def training(
    made: Callable[[Any, str], Any],
    table: Any,
    use_case: UseCase,
    rule: SplitRule,
    champion: Any,
    facts: Provenance,
    terms: Terms,
    rows: int,
    code: Any,
    trusted_code: tuple[str, ...],
    *,
    side_by_side: bool = False,
) -> None:
    """Call the steps, as `made` of each and its name; candidates `side_by_side` where ZenML runs this in a pod."""
    data = use_case.data.model_copy(update={"path": ""})
    prepared = _by_name(made(prepare, "prepare")(table=table, data=data, rule=rule, task=use_case.task))
    plan, profile = prepared["plan"], prepared["profile"]
    given = {} if code is None else {"code": code}
    candidates: list[Any] = []
    most = use_case.training.max_parallelism or len(use_case.candidates)
    for name, each in use_case.candidates.items():
        fit = made(train_candidate, f"train_{name}")
        candidate = (fit.submit if side_by_side else fit)(
            after=candidates[-most] if side_by_side and len(candidates) >= most else None,
            train_set=prepared["train_set"],
            plan=plan,
            name=name,
            candidate=each,
            fitting=use_case.fitting(),
            id=f"train_{name}",
            **given,
        )
        candidates.append(candidate)
    judged = _by_name(
        made(evaluate, "evaluate")(
            holdout=prepared["holdout"],
            plan=plan,
            profile=profile,
            train_rows=prepared["train_rows"],
            candidates=candidates,
            rules=use_case.comparison_rules().model_copy(update={"trusted_code": trusted_code}),
            champion=champion,
        )
    )
    known = {"evaluation": judged["evaluation"], "profile": profile, "facts": facts}
    decided = _by_name(
        made(promote, "promote")(**known, challenger=judged["challenger"], plan=plan, terms=terms, rows=rows)
    )
    made(report, "report")(**known, figures=judged["figures"], **decided)


def _by_name(outputs: Any) -> dict[str, Any]:
    """The outputs of a step; a dynamic pipeline may give them in another order (findings/zenml-dynamic-outputs.sh)."""
    return {output.output_name: output for output in outputs}
