"""The pipeline of the drift gate: monitor, and what is done before and after it on the user's files."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any, NamedTuple

from zenml import pipeline
from zenml.enums import ExecutionMode

from champion.bundle.build import profile_of
from champion.drift.judge import require_known_columns
from champion.drift.rows import Answerer, DriftRequest
from champion.errors import ProjectError
from champion.orchestration import code
from champion.orchestration.runs import output
from champion.orchestration.stack_support import StackSupport
from champion.orchestration.stacks import support_for
from champion.registry import versions as champions
from champion.registry.own_code import trusted_code
from champion.registry.reconcile import production
from champion.workspace.workspace import Workspace, require_writable
from pipelines.drift_files import Input, register_input, write_reports
from pipelines.flow import STEP_VERSION
from pipelines.launch import TellStep, launched
from steps.monitor import monitor as monitor_step

if TYPE_CHECKING:
    from zenml.client import Client

    from champion.drift.report import DriftReport


class Monitored(NamedTuple):
    """What a run of the drift gate found, and what reconciling had to do before."""

    report: DriftReport
    notes: list[str]


@pipeline(execution_mode=ExecutionMode.FAIL_FAST)
def drift_monitoring(rows: Any, champion: Any, asked: DriftRequest, labels: Any, version: str) -> None:
    """Compare new data with the champion's profile; the data, the package and the labels are artifacts of the store."""
    compared(rows, champion, asked, labels, version)


def compared(rows: Any, champion: Any, asked: DriftRequest, labels: Any, version: str) -> Any:
    """Call the step, in whatever pipeline; its report."""
    inputs = {} if labels is None else {"labels": labels}
    return monitor_step.with_options(environment={STEP_VERSION: version})(
        rows=rows, champion=champion, asked=asked, **inputs
    )


def monitor(client: Client, workspace: Workspace, given: Input, tell: TellStep, trust_code: bool = False) -> Monitored:
    """Compare new data with what the champion of a use case was trained on, and write the reports.

    With `trust_code` own code of any package may be run.

    Raises ProjectError when something is the user's to mend; then the former reports are untouched.
    """
    require_writable(workspace)
    ready = prepared(client, workspace, given, trust_code)
    run = launched(
        client, ready.stack, workspace.use_case, drift_monitoring, ready.inputs, tell, kind="drift", steps=["monitor"]
    )
    report: DriftReport = output(run.steps, "monitor", "report")
    write_reports(workspace, report)
    keep_scores(client, ready.history, report)
    return Monitored(report, ready.notes)


class Prepared(NamedTuple):
    """A comparison before it is launched."""

    stack: StackSupport
    inputs: dict[str, Any]
    history: champions.VersionHistory
    notes: list[str]


def prepared(client: Client, workspace: Workspace, given: Input, trust_code: bool = False) -> Prepared:
    """What a comparison with the champion is given; arguments as those of `monitor`."""
    champion = production(client, workspace)
    profile_of(champion.package)
    manifest, rules = champion.package.manifest, workspace.use_case.drift
    require_known_columns(rules, manifest.signature)
    name, history = workspace.use_case.name, champions.version_history(client, workspace.use_case.name)
    about = functools.partial(_about, client, history)
    rows, labels, asked = register_input(client, name, given, rules, manifest.model_version, about)
    trusted = trusted_code(client, workspace, champion.package, trust_code)
    asked = asked.model_copy(update={"dropped": workspace.use_case.data.drop, "trusted_code": trusted})
    inputs: dict[str, Any] = {"rows": rows, "champion": champion.stored, "asked": asked, "labels": labels}
    stack = support_for(client, None, None, champion.package)
    with code.made_with(stack.libraries()):
        inputs["version"] = code.step_version("steps.monitor", (manifest.estimator,))
    return Prepared(stack, inputs, history, [*champion.notes])


def _about(client: Client, history: champions.VersionHistory, number: int, classes: tuple[str, ...]) -> Answerer:
    """What the store knows of a former version: its scores, and how many rows of the holdout they are of."""
    version = history.number(number)
    try:
        package = champions.load_package(client, version) if version else None
        rows = profile_of(package).holdout_rows if package else 0
    except ProjectError:
        package, rows = None, 0
    return Answerer(
        number=number, classes=classes, metrics=package.manifest.metrics if package else {}, holdout_rows=rows
    )


def keep_scores(client: Client, history: champions.VersionHistory, report: DriftReport) -> None:
    """Keep with each version how good it was on its labelled answers, for `models`."""
    for each in report.versions:
        version = (
            history.champion if each.model_version == history.champion_number else history.number(each.model_version)
        )
        if version is not None and each.live is not None:
            facts = each.live.model_dump(include={"metric", "score", "low", "high", "rows"})
            champions.keep_live(
                client, version.id, champions.LiveRecord(**facts, created=report.created, source=report.source)
            )
