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
"""How often a light step may be begun again, where the pod that runs it was taken away."""


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

    def found(artifact: str | None) -> Any:
        return artifact and Client().get_artifact_version(artifact)

    steps(
        found(table),
        use_case,
        rule,
        found(champion),
        facts,
        terms,
        rows,
        found(code),
        versions,
        tuple(trusted_code),
        pods,
    )


def steps(
    table: Any,
    use_case: UseCase,
    rule: SplitRule,
    champion: Any,
    facts: Provenance,
    terms: Terms,
    rows: int,
    code: Any,
    versions: dict[str, str],
    trusted_code: tuple[str, ...],
    pods: dict[str, dict[str, Any]],
) -> None:
    """Call the steps in a pod that runs the light ones; artifacts as they are."""
    from zenml.config.retry_config import StepRetryConfig

    def made(step: Any, name: str) -> Any:
        of_step = pods.get(name, {"retry": StepRetryConfig(max_retries=RESTARTS)})
        return flow.versioned(step, versions).with_options(**of_step)

    flow.training(made, table, use_case, rule, champion, facts, terms, rows, code, trusted_code, side_by_side=True)


def of_pods(use_case: UseCase, options: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The options of those steps that have a pod of their own: candidates, and each whose size the use case says."""
    return {
        name: {**of_step, "runtime": StepRuntime.ISOLATED.value}
        for name, of_step in options.items()
        if name.startswith("train_") or name in use_case.resources
    }


def inputs(given: dict[str, Any], options: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """What the pipeline is given, of what the one of other stacks is given, and of the options of steps."""
    artifacts = {name: given[name] and str(given[name].id) for name in ("table", "champion", "code")}
    pods = of_pods(given["use_case"], options)
    return {**given, **artifacts, "trusted_code": list(given["trusted_code"]), "pods": pods}
