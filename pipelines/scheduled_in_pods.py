"""The scheduled training as a pod of the cluster runs it: ZenML reads the annotations here as they stand."""

from typing import Any, Optional

from zenml import pipeline
from zenml.enums import ExecutionMode

from champion import settings
from champion.orchestration.runs import TRAINING
from champion.use_case.whole import UseCase
from champion.workspace.workspace import Workspace
from pipelines import in_pods, training


@pipeline(name=TRAINING, dynamic=True, execution_mode=ExecutionMode.FAIL_FAST)
def scheduled(
    use_case: UseCase,
    revision: Optional[str],  # noqa: UP045 - ZenML reads the annotation
    options: dict[str, dict[str, Any]],
) -> None:
    """Fetch the table, make store and package agree, train, judge, promote."""
    from zenml.client import Client

    client, root, asked = Client(), settings.root(), training.Options()
    workspace = Workspace(root, root / "configs" / f"{use_case.name}.yaml", use_case)
    given = training.looked_up(client, workspace, asked)
    ready = training.prepared(client, workspace, given.dataset, asked, given.reconciled, given.unreachable, given.own)
    known = {**ready.inputs, "facts": ready.facts.model_copy(update={"commit": revision})}
    in_pods.steps(**known, pods=in_pods.of_pods(use_case, options))
