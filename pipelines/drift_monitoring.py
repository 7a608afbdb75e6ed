"""The pipeline of the drift gate: monitor, and what is done before and after it on the user's files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zenml import pipeline
from zenml.enums import ExecutionMode

from champion.bundle.build import profile_of
from champion.drift.judge import require_known_columns
from champion.drift.rows import DriftRequest
from champion.orchestration import code
from champion.orchestration.runs import output
from champion.orchestration.stacks import support_of
from champion.orchestration.store import described
from champion.registry.reconcile import production
from champion.workspace.workspace import Workspace, require_writable
from pipelines.drift_files import Input, register_input, write_reports
from pipelines.launch import launched
from steps.monitor import monitor as monitor_step

if TYPE_CHECKING:
    from zenml.client import Client

    from champion.drift.report import DriftReport


@dataclass(frozen=True)
class Monitored:
    """What a run of the drift gate found."""

    report: DriftReport
    notes: tuple[str, ...]
    store: str
    stack: str


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def drift_monitoring(rows: Any, champion: Any, asked: DriftRequest, labels: Any, version: str) -> None:
    """Compare new data with the champion's profile; the data, the package and the labels are artifacts of the store."""
    inputs = {} if labels is None else {"labels": labels}
    monitor_step.with_options(environment={"STEP_VERSION": version})(
        rows=rows, champion=champion, asked=asked, **inputs
    )


def monitor(client: Client, workspace: Workspace, given: Input, tell: Callable[[str, str], None]) -> Monitored:
    """Compare new data with what the champion of a use case was trained on, and write the reports.

    Raises ProjectError when something is the user's to mend; then the former reports are untouched.

    Parameters
    ----------
    given : Input
        As `pipelines.drift_files.checked_input` gives it.
    tell : callable
        Called with a step's name and what it did.
    """
    champion = production(client, workspace)
    package = champion.package
    profile_of(package)
    rules = workspace.use_case.drift
    require_known_columns(rules, package.manifest.signature)
    require_writable(workspace)
    rows, labels, asked = register_input(client, workspace.use_case.name, given, rules, package.manifest.model_version)
    with code.made_with(support_of(client).libraries()):
        inputs = {
            "rows": rows, "champion": champion.stored, "asked": asked, "labels": labels,
            "version": code.step_version("steps.monitor", (package.manifest.estimator,)),
        }  # fmt: skip
        run = launched(client, workspace.use_case, drift_monitoring, inputs, tell, kind="drift", steps=["monitor"])
    report: DriftReport = output(run, "monitor", "report")
    write_reports(workspace, report)
    return Monitored(
        report, tuple(filter(None, [champion.done])), described(client), client.active_stack_model.name
    )  # fmt: skip
