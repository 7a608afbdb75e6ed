"""The training pipeline as a pod of the cluster runs it: light steps in that pod itself, candidates in pods of their own.

A pod costs ten seconds, most of them until ZenML is imported and asked, and a light step one. What ZenML is given must be JSON,
so artifacts are named by their ids.
"""

from typing import Any, Optional

from zenml import pipeline
from zenml.enums import ExecutionMode, StepRuntime

from champion.comparison.evaluation import Provenance
from champion.modeling.split import SplitRule
from champion.orchestration.runs import TRAINING
from champion.registry.promotion import Terms
from champion.use_case.whole import UseCase
from pipelines import flow

RESTARTS = 3
"""How often a light step may be begun, where the pod that runs it was taken away."""


@pipeline(name=TRAINING, dynamic=True, execution_mode=ExecutionMode.FAIL_FAST)
def training(
    table: str,
    use_case: UseCase,
    rule: SplitRule,
    champion: Optional[str],  # noqa: UP045 - ZenML reads the annotation
    facts: Provenance,
    terms: Terms,
    rows: int,
    code: Optional[str],  # noqa: UP045 - here too
    versions: dict[str, str],
    trusted_code: list[str],
    pods: dict[str, dict[str, Any]],
) -> None:
    """Train, judge, promote, report; `pods` are the options of those steps that have a pod of their own."""
    from zenml.client import Client
    from zenml.config.retry_config import StepRetryConfig

    def found(artifact: str | None) -> Any:
        return artifact and Client().get_artifact_version(artifact)

    def made(step: Any, name: str) -> Any:
        options = pods.get(name, {"retry": StepRetryConfig(max_retries=RESTARTS)})
        return flow.versioned(step, versions).with_options(**options)

    flow.training(
        made,
        found(table),
        use_case,
        rule,
        found(champion),
        facts,
        terms,
        rows,
        found(code),
        tuple(trusted_code),
        side_by_side=True,
    )


def inputs(given: dict[str, Any], options: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What the pipeline is given, of what the one of other stacks is given, and of the options of steps.

    Candidates have a pod each, and so has a step whose size the use case says.
    """
    sized = given["use_case"].resources
    pods = {
        name: {**of_step, "runtime": StepRuntime.ISOLATED.value}
        for name, of_step in options.items()
        if name.startswith("train_") or name in sized
    }
    artifacts = {name: given[name] and str(given[name].id) for name in ("table", "champion", "code")}
    return {**given, **artifacts, "trusted_code": list(given["trusted_code"]), "pods": pods}
