"""What a run leaves in the workspace: reports, metrics, and the data of DVC's plots.

`metrics.json` and `plots/` tell of the challenger alone and hold no time, number or champion, so that a second run of
the same thing writes the same bytes and DVC sees nothing new. What happened to the champion is in the report and in
`decision.json`.
"""

import csv
import io
from typing import Any

from champion.comparison.decision import Decision
from champion.comparison.evaluation import Evaluation, Outcome, Provenance
from champion.modeling.tasks import TASKS
from champion.reporting.comment import Findings
from champion.reporting.metrics import DIGITS, metrics
from champion.reporting.report import report_of
from champion.workspace.files import write_json, write_text
from champion.workspace.workspace import Workspace


def collect(
    workspace: Workspace,
    evaluation: Evaluation,
    decision: Decision,
    facts: Provenance,
    outcome: Outcome,
    page: str,
    summary: str,
) -> None:
    """Write the reports of a run. Raises ProjectError when a file cannot be written."""
    folder = workspace.reports
    write_text(folder / "report.html", page)
    write_text(folder / "report.md", summary)
    write_json(folder / "decision.json", decision_facts(evaluation, decision, facts, outcome))
    findings = Findings(evaluation=evaluation, decision=decision, provenance=facts, outcome=outcome)
    write_text(folder / "evaluation.json", findings.as_json())
    write_json(folder / "metrics.json", metrics(evaluation))
    for name, rows in plots(evaluation).items():
        write_text(folder / "plots" / f"{name}.csv", _csv(rows))


def decision_facts(evaluation: Evaluation, decision: Decision, facts: Provenance, outcome: Outcome) -> dict[str, Any]:
    """What `train --json` prints: decision, outcome, both scores, and where the challenger comes from."""
    challenger, champion = evaluation.challenger, evaluation.champion
    against = champion and {"number": champion.number, "candidate": champion.candidate, "scores": champion.scores}
    return {
        "use_case": evaluation.use_case,
        "action": outcome.action,
        "ground": decision.reason_code,
        "reason": decision.reason,
        "metric": decision.metric,
        "challenger": {"number": outcome.challenger, "candidate": challenger.candidate, "scores": challenger.scores},
        "judged_against": against,
        "champion": outcome.champion,
        "replaced": outcome.replaced,
        "checks": [check.model_dump(mode="json") for check in decision.checks],
        "paired_test": evaluation.paired.model_dump(mode="json") if evaluation.paired else None,
        "baseline": evaluation.baseline and evaluation.baseline.model_dump(mode="json"),
        "rows": evaluation.rows.model_dump(mode="json"),
        "holdout_use": {name: getattr(outcome, name) for name in ("judged", "luckiest", "luckiest_guess")},
        "lineage": facts.model_dump(mode="json"),
        "contract_change": evaluation.contract_change and evaluation.contract_change.model_dump(mode="json"),
        "warnings": evaluation.warnings,
    }


def plots(evaluation: Evaluation) -> dict[str, list[dict[str, Any]]]:
    """The tables of DVC's plots; empty those that another task has alone, since one stage of dvc.yaml names all."""
    alone = evaluation.alone or evaluation.challenger
    columns = evaluation.challenger.importance
    importance = [{"feature": each.feature, "importance": round(each.mean, DIGITS)} for each in columns]
    none: dict[str, list[dict[str, Any]]] = {name: [] for task in TASKS for name in report_of(task).PLOTS}
    own = {name: rows(alone) for name, rows in report_of(evaluation.task).PLOTS.items()}
    return {**none, **own, "importance": importance}


def _csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue()
