"""What the drift gate shows on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from champion.reporting.drift.page import BADGES
from champion.reporting.words import NOTHING, p_value, percent
from cli.console import out

if TYPE_CHECKING:
    from champion.drift.report import DriftReport, FeatureDrift
    from pipelines.drift_log import Moment

MOST_ROWS = 20
_COLOURS = {"drift": "red", "schema": "red", "not_enough": "yellow", "none": "green"}
_SHORT = {"drift": "drift", "none": "no drift", "not_enough": "too few", "ignored": "ignored"}
_BARS = "▁▂▃▄▅▆▇█"
_LAST = 40


def drift_summary(report: DriftReport) -> None:
    """The features, worst first, and the verdict."""
    features = [*([report.predictions] if report.predictions else []), *report.features]
    features.sort(key=lambda feature: feature.verdict != "drift")
    console = out()
    rows = f"{report.current_rows:,} new rows beside {report.reference_rows:,}"
    title = f"{report.use_case}: {rows} of champion v{report.model_version}"
    table = Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("feature", overflow="fold", min_width=14)
    for head in ("verdict", "test"):
        table.add_column(head, no_wrap=True)
    for head in ("p", "moved", "limit", "missing", "range", "unseen"):
        table.add_column(head, justify="right", no_wrap=True)
    for feature in features[:MOST_ROWS]:
        table.add_row(*_cells(feature))
    console.print()
    console.print(table)
    if len(features) > MOST_ROWS:
        console.print(f"and {len(features) - MOST_ROWS} more in the report", markup=False)
    for feature in (feature for feature in features[:MOST_ROWS] if feature.verdict == "drift"):
        console.print(f"  {escape(feature.name)}: {escape(feature.reason)}", soft_wrap=True)
    for difference in report.schema_differences:
        column = f"{escape(difference.column)} ({difference.what})"
        console.print(f"  column {column}: {escape(difference.text)}", soft_wrap=True)
    if report.live is not None:
        console.print(report.live.text, markup=False, soft_wrap=True)
    colour = _COLOURS[report.verdict]
    console.print(f"[bold {colour}]{BADGES[report.verdict]}.[/] {escape(report.reason)}", soft_wrap=True)


def _cells(feature: FeatureDrift) -> tuple[str, ...]:
    bold = "bold red" if feature.verdict == "drift" else "default"
    p = NOTHING if feature.p_corrected is None else p_value(feature.p_corrected).replace("below ", "<")
    shares = [feature.effect, feature.threshold, feature.missing, feature.outside, feature.unseen]
    parts = [NOTHING if share is None else percent(share) for share in shares]
    return f"[{bold}]{escape(feature.name)}[/]", _SHORT[feature.verdict], feature.test or NOTHING, p, *parts


def history_summary(moments: Sequence[Moment]) -> None:
    """Every feature over the last comparisons, as a line of bars."""
    last = moments[-_LAST:]
    console = out()
    title = f"Share of rows that moved, {last[0].created[:10]} to {last[-1].created[:10]}"
    table = Table(title=title, title_justify="left")
    for head in ("feature", "over time", "last", "drift"):
        table.add_column(head)
    for name in dict.fromkeys(name for moment in last for name in moment.effects):
        effects = [moment.effects.get(name) for moment in last]
        times = sum(name in moment.drifted for moment in last)
        newest = effects[-1]
        bars = "".join(" " if each is None else _BARS[min(int(each * 16), 7)] for each in effects)
        share = NOTHING if newest is None else percent(newest)
        table.add_row(escape(name), bars, share, str(times) if times else NOTHING)
    console.print(table)
    verdicts = [moment.verdict for moment in moments]
    console.print(f"{len(moments)} comparisons, {verdicts.count('drift')} with drift.", markup=False)
