"""The scheduled training as a pod of the cluster runs it: ZenML reads the annotations here as they stand."""

from typing import Any, Optional

from zenml import log_metadata, pipeline
from zenml.client import Client
from zenml.enums import ExecutionMode
from zenml.execution.pipeline.dynamic.run_context import DynamicPipelineRunContext

from champion import settings
from champion.errors import ProjectError
from champion.objects.s3 import read_folder
from champion.orchestration.object_access import object_access
from champion.orchestration.run_list import DRIFT
from champion.orchestration.runs import TRAINING
from champion.scratch import scratch
from champion.use_case.whole import UseCase
from champion.workspace.workspace import Workspace
from pipelines import drift_monitoring, in_pods, training
from pipelines.drift_files import Input


@pipeline(name=TRAINING, dynamic=True, execution_mode=ExecutionMode.FAIL_FAST)
def scheduled(
    use_case: UseCase,
    revision: Optional[str],  # noqa: UP045 - ZenML reads the annotation
    log: Optional[str],  # noqa: UP045 - here too
    options: dict[str, dict[str, Any]],
) -> None:
    """Fetch the table, make store and package agree, look for drift in a log where there is one; train, judge, promote."""
    client, root, asked = Client(), settings.root(), training.Options()
    workspace = Workspace(root, root / "configs" / f"{use_case.name}.yaml", use_case)
    given = training.looked_up(client, workspace, asked)
    ready = training.prepared(client, workspace, given.dataset, asked, given.reconciled, given.unreachable, given.own)
    known = {**ready.inputs, "facts": ready.facts.model_copy(update={"commit": revision})}
    if log is not None:
        _look_for_drift(client, workspace, log)
    in_pods.steps(**known, pods=in_pods.of_pods(use_case, options))


def _look_for_drift(client: Client, workspace: Workspace, log: str) -> None:
    """Compare a log with the champion; the verdict stands with the run, or why there is none."""
    context = DynamicPipelineRunContext.get()
    assert context is not None, "it is called in a pipeline"
    try:
        with scratch() as folder:
            logged = folder / "log"
            logged.mkdir()
            read_folder(log, object_access(client), logged)
            ready = drift_monitoring.prepared(client, workspace, Input(logged, None, None))
        report = drift_monitoring.compared(**ready.inputs).load()
        verdict = report.verdict
        drift_monitoring.keep_scores(client, ready.history, report)
    except ProjectError as error:
        verdict = f"not judged: {error}"
    log_metadata(metadata={DRIFT: verdict}, run_id_name_or_prefix=context.run.id)
