"""A drift report as one HTML page that needs nothing beside itself: no script, no request, no font."""

from __future__ import annotations

from champion.drift.report import DriftReport
from champion.reporting import drift_tables
from champion.reporting.drift_figures import figure
from champion.reporting.html import Plot
from champion.reporting.template import template
from champion.reporting.words import clean, moment

FIGURES = 60


def render_drift_html(report: DriftReport) -> str:
    """The report as a self-contained page.

    Returns
    -------
    str
        An HTML document; names of columns and values are escaped. The worst 60 features are drawn, all are in the table.
    """
    return template("drift.html.j2").render(
        use_case=clean(report.use_case),
        badge=drift_tables.BADGES[report.verdict],
        tone="same" if report.verdict in ("none", "not_enough") else "drifted",
        headline=drift_tables.headline(report),
        reason=clean(report.reason, 600),
        created=moment(report.created),
        live=_live(report),
        notes=[clean(note, 400) for note in report.notes],
        schema=drift_tables.schema(report),
        figures=_figures(report),
        features=drift_tables.features(report),
        quality=drift_tables.quality(report),
        about=drift_tables.about(report),
    )


def _live(report: DriftReport) -> dict[str, str]:
    live = report.live
    if live is None:
        return {}
    return {
        "score": f"{live.score:.4f}",
        "interval": f"{live.low:.4f} to {live.high:.4f}, {live.rows:,} rows",
        "promoted": f"{live.promoted:.4f}",
        "promoted_rows": f"{live.promoted_rows:,} holdout rows",
        "text": clean(live.text, 400),
    }


def _figures(report: DriftReport) -> list[Plot]:
    shown = [*([report.predictions] if report.predictions else []), *report.features]
    drawn = [(each, figure(each)) for each in sorted(shown, key=lambda each: each.verdict != "drift")[:FIGURES]]
    return [
        Plot(clean(each.name), drawing, f"{drift_tables.WORDS[each.verdict]}. {each.reason}")
        for each, drawing in drawn
        if drawing
    ]
