"""Drift over time as one HTML page: a small line per feature, the share of rows that moved at each comparison."""

from collections.abc import Sequence
from typing import NamedTuple

from champion.drift.report import Moment
from champion.reporting import svg
from champion.reporting.drift.page import BADGES
from champion.reporting.page import Page, PageBlock, Plot, Section, render, table
from champion.reporting.tables import Row, Table, columns
from champion.reporting.words import NOTHING, clean, counted, moment, percent

WIDTH, HEIGHT = 220, 84
MOST_LINES, MOST_POINTS, TABLE_ROWS = 60, 120, 100
_LEFT, _RIGHT, _TOP, _BASE = 26.0, 6.0, 8.0, 66.0


class _Line(NamedTuple):
    """One feature over time: the share of rows that moved (None where it was not tested), and where that was drift."""

    name: str
    effects: list[float | None]
    drifted: list[bool]


def render_drift_history(use_case: str, moments: Sequence[Moment], threshold: float) -> str:
    """The history, the oldest first, as a self-contained page; the 60 features that moved most of late are drawn.

    `threshold` is the share of rows that matters.
    """
    names = dict.fromkeys(name for each in moments for name in each.effects)
    lines = [
        _Line(name, [each.effects.get(name) for each in moments], [name in each.drifted for each in moments])
        for name in names
    ]
    lines.sort(key=lambda line: (-sum(line.drifted), -max(each or 0.0 for each in line.effects)))
    created = [each.created for each in moments]
    plots = [Plot(clean(line.name), _figure(line, created, threshold), _last(line)) for line in lines[:MOST_LINES]]
    note = (
        f"The broken line is {percent(threshold)}, the share that matters. A filled point is a comparison that found drift; "
        "comparisons stand at equal distances."
    )
    with_drift = sum(each.verdict == "drift" for each in moments)
    shares = "Share of rows that moved"
    page = Page(
        title=f"{clean(use_case)}: drift over time",
        headline=f"Drift over time: {counted(len(moments), 'comparison')}, {with_drift} with drift",
        lead=f"From {moment(created[0])} to {moment(created[-1])}.",
        sections=[
            Section(shares, [PageBlock("small", plots), PageBlock("note", note)], "lines"),
            Section("Comparisons", [table(_table(moments))], "table"),
        ],
        eyebrow=clean(use_case),
        style="plain",
    )
    return render(page)


def _last(line: _Line) -> str:
    last = next((each for each in reversed(line.effects) if each is not None), None)
    times = sum(line.drifted)
    return f"{NOTHING if last is None else percent(last)} at last, {'never drift' if not times else f'drift {times} times'}"


def _figure(line: _Line, created: Sequence[str], threshold: float) -> str:
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
    each_with_drift = enumerate(zip(effects, drifted, strict=True))
    points = [(_LEFT + step * i, y_of(each), drift) for i, (each, drift) in each_with_drift if each is not None]
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


def _table(moments: Sequence[Moment]) -> Table:
    rows = []
    for each in reversed(moments[-TABLE_ROWS:]):
        drifted = ", ".join([clean(name, 40) for name in each.drifted][:8]) or NOTHING
        cells = (moment(each.created), f"v{each.model_version}", BADGES[each.verdict], drifted)
        rows.append(Row(cells, "failed" if each.verdict in ("drift", "schema") else ""))
    heads = columns({"when": "word", "champion": "word", "verdict": "word", "what drifted": "text"})
    return Table("Comparisons, the newest first", heads, rows)
