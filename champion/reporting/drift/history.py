"""Drift over time as one HTML page: a small line per feature, the share of rows that moved at each comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from champion.reporting import svg
from champion.reporting.drift.page import BADGES
from champion.reporting.page import Page, PageBlock, Plot, Section, render, table
from champion.reporting.tables import Row, Table, columns
from champion.reporting.words import NOTHING, clean, counted, moment, percent

WIDTH, HEIGHT = 220, 84
MOST_LINES, MOST_POINTS, TABLE_ROWS = 60, 120, 100
_LEFT, _RIGHT, _TOP, _BASE = 26.0, 6.0, 8.0, 66.0


class FeatureHistory(NamedTuple):
    """One feature over time: the share of rows that moved (None where it was not tested), and where that was drift."""

    name: str
    effects: list[float | None]
    drifted: list[bool]


def render_drift_history(
    use_case: str,
    created: Sequence[str],
    versions: Sequence[int],
    verdicts: Sequence[str],
    lines: Sequence[FeatureHistory],
    threshold: float,
) -> str:
    """The history as a self-contained page.

    Parameters
    ----------
    created : sequence of str
        When each comparison was, the oldest first; `versions` of the champion and `verdicts` are in the same order.
    lines : sequence of FeatureHistory
        One per feature; the 60 that moved most of late are drawn.
    threshold : float
        The share that matters.
    """
    ranked = sorted(lines, key=lambda line: (-sum(line.drifted), -max(each or 0.0 for each in line.effects)))
    plots = [Plot(clean(line.name), _figure(line, created, threshold), _last(line)) for line in ranked[:MOST_LINES]]
    note = (
        f"The broken line is {percent(threshold)}, the share that matters. A filled point is a comparison that found drift; "
        "comparisons stand at equal distances."
    )
    comparisons = f"{counted(len(created), 'comparison')}, {sum(each == 'drift' for each in verdicts)} with drift"
    shares = "Share of rows that moved"
    page = Page(
        title=f"{clean(use_case)}: drift over time",
        headline=f"Drift over time: {comparisons}",
        lead=f"From {moment(created[0])} to {moment(created[-1])}.",
        sections=[
            Section("lines", shares, shares, [PageBlock("small", plots), PageBlock("note", note)]),
            Section("table", "Comparisons", "Comparisons", [table(_table(created, versions, verdicts, lines))]),
        ],
        eyebrow=clean(use_case),
        style="plain",
    )
    return render(page)


def _last(line: FeatureHistory) -> str:
    last = next((each for each in reversed(line.effects) if each is not None), None)
    times = sum(line.drifted)
    return f"{NOTHING if last is None else percent(last)} at last, {'never drift' if not times else f'drift {times} times'}"


def _figure(line: FeatureHistory, created: Sequence[str], threshold: float) -> str:
    """Points at equal distances, joined; those of drift are filled."""
    effects, drifted = line.effects[-MOST_POINTS:], line.drifted[-MOST_POINTS:]
    root = svg.sheet(WIDTH, HEIGHT, f"{clean(line.name, 60)}: share of rows that moved, over time")
    highest = max([threshold * 1.5, *(each for each in effects if each is not None)])
    step = (WIDTH - _LEFT - _RIGHT) / max(len(effects) - 1, 1)

    def y_of(value: float) -> float:
        return _BASE - (_BASE - _TOP) * value / highest

    svg.add_axis(root, _LEFT, WIDTH - _RIGHT, _BASE)
    limit = f"stroke:{svg.WRONG};stroke-width:1;stroke-dasharray:4 3"
    svg.add(root, "path", limit, d=f"M{_LEFT:g} {y_of(threshold):.5g}H{WIDTH - _RIGHT:g}")
    points = [
        (_LEFT + step * place, y_of(each), drift)
        for place, (each, drift) in enumerate(zip(effects, drifted, strict=True))
        if each is not None
    ]
    if points:
        path = "L".join(f"{x:.5g} {y:.5g}" for x, y, _ in points)
        svg.add(root, "path", f"fill:none;stroke:{svg.CHALLENGER};stroke-width:1.4", d=f"M{path}")
    for x, y, drift in points:
        if drift or len(points) == 1:
            svg.add(root, "circle", f"fill:{svg.WRONG if drift else svg.CHALLENGER}", cx=x, cy=y, r="2.6")
    svg.add_text(root, percent(threshold), _LEFT - 3, y_of(threshold) + 3.3, "end")
    days = [each[:10] for each in created[-MOST_POINTS:]]
    svg.add_text(root, days[0], _LEFT, HEIGHT - 5)
    if len(days) > 1:
        svg.add_text(root, days[-1], WIDTH - _RIGHT, HEIGHT - 5, "end")
    return svg.written(root)


def _table(
    created: Sequence[str], versions: Sequence[int], verdicts: Sequence[str], lines: Sequence[FeatureHistory]
) -> Table:
    rows = []
    for place in range(len(created) - 1, max(-1, len(created) - 1 - TABLE_ROWS), -1):
        drifted = ", ".join([clean(line.name, 40) for line in lines if line.drifted[place]][:8]) or NOTHING
        cells = (moment(created[place]), f"v{versions[place]}", BADGES[verdicts[place]], drifted)
        rows.append(Row(cells, "failed" if verdicts[place] in ("drift", "schema") else ""))
    heads = columns({"when": "word", "champion": "word", "verdict": "word", "what drifted": "text"})
    return Table("Comparisons, the newest first", heads, rows)
