"""A drift report as Markdown: the verdict first, the worst features first, details folded."""

from __future__ import annotations

from champion.drift.report import DriftReport
from champion.reporting import drift_tables
from champion.reporting.markdown import folded, table, text
from champion.reporting.words import clean

WORST = 10


def render_drift_markdown(report: DriftReport) -> str:
    """The report as GitHub's Markdown.

    Returns
    -------
    str
        Names of the user's stand in code spans, so that none of them is taken for markup, a mention or HTML.
    """
    found = drift_tables.features(report)
    worst = found._replace(rows=found.rows[:WORST], note="")
    schema = table(drift_tables.schema(report)) if report.schema_differences else ""
    parts = [
        f"## {text(clean(report.use_case))}: {text(drift_tables.BADGES[report.verdict].lower())}",
        text(f"{drift_tables.headline(report)} {report.reason}"),
        schema if report.verdict == "schema" else "",
        text(report.live.text) if report.live else "",
        table(worst) if worst.rows else "",
        "" if report.verdict == "schema" else schema,
        "\n".join(f"- {text(clean(note, 400))}" for note in report.notes),
        folded("All features", [table(found)] if len(found.rows) > WORST else []),
        folded("Counts, missing, unseen and out of range", [table(drift_tables.quality(report))]),
        folded("What was compared", [table(drift_tables.about(report))]),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"
