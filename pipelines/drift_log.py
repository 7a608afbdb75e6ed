"""What the drift gate found over time, one line per comparison, in the use case's reports."""

from __future__ import annotations

import json

from pydantic import BaseModel, ConfigDict, ValidationError

from champion.drift.report import DriftReport, Verdict
from champion.errors import ProjectError
from champion.workspace.files import write_text
from champion.workspace.workspace import Workspace

FILE, PAGE = "drift_history.jsonl", "drift_history.html"
MOST = 1000  # comparisons that are kept


class Moment(BaseModel):
    """One comparison: of each feature the share of rows that moved, and whether that was drift."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    created: str
    model_version: int
    source: str
    rows: int
    verdict: Verdict
    effects: dict[str, float | None]
    drifted: list[str]


def remember(workspace: Workspace, report: DriftReport) -> None:
    """Add a report to the history."""
    shown = [*report.features, *([report.predictions] if report.predictions else [])]
    now = Moment(
        created=report.created, model_version=report.model_version, source=report.source, rows=report.current_rows,
        verdict=report.verdict, effects={each.name: each.effect for each in shown},
        drifted=[each.name for each in shown if each.verdict == "drift"],
    )  # fmt: skip
    lines = [moment.model_dump_json() for moment in [*history(workspace), now][-MOST:]]
    write_text(workspace.reports / FILE, "\n".join(lines) + "\n")


def history(workspace: Workspace) -> list[Moment]:
    """All comparisons that are kept, the oldest first; a line that cannot be read is passed over."""
    try:
        lines = (workspace.reports / FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(
            f"The history reports/{workspace.use_case.name}/{FILE} cannot be read: {error}. Remove it."
        ) from None
    found = []
    for line in lines:
        try:
            found.append(Moment.model_validate(json.loads(line)))
        except (ValueError, ValidationError):
            continue
    return found


def write_history(workspace: Workspace) -> list[Moment]:
    """Draw the history as a page in the reports.

    Raises ProjectError when there is none, or the page cannot be written.
    """
    from champion.reporting.drift.history import FeatureHistory, render_drift_history

    found = history(workspace)
    if not found:
        raise ProjectError(
            f"{workspace.use_case.name} has no history of drift yet. "
            f"`python run.py monitor TABLE --config {workspace.shown_config}` begins one."
        )
    names = list(dict.fromkeys(name for moment in found for name in moment.effects))
    lines = [
        FeatureHistory(
            name, [moment.effects.get(name) for moment in found], [name in moment.drifted for moment in found]
        )
        for name in names
    ]
    page = render_drift_history(
        workspace.use_case.name, [moment.created for moment in found], [moment.model_version for moment in found],
        [moment.verdict for moment in found], lines, workspace.use_case.drift.min_effect,
    )  # fmt: skip
    write_text(workspace.reports / PAGE, page)
    return found
