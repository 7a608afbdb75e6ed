"""Drift over time as one HTML page: a small line per feature, the share of rows that moved at each comparison."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple
from xml.etree import ElementTree as ET

from champion.reporting import svg
from champion.reporting.drift_tables import BADGES
from champion.reporting.html import Plot
from champion.reporting.tables import Column, Row, Table
from champion.reporting.template import template
from champion.reporting.words import NOTHING, clean, counted, moment, percent

WIDTH, HEIGHT = 220, 84
MOST_LINES, MOST_POINTS, TABLE_ROWS = 60, 120, 100
_LEFT, _RIGHT, _TOP, _BASE = 26.0, 6.0, 8.0, 66.0


class Line(NamedTuple):
    """One feature over time: the share of rows that moved (None where it was not tested), and where that was drift."""

    name: str
    effects: list[float | None]
    drifted: list[bool]


def render_drift_history(
    use_case: str,
    created: Sequence[str],
    versions: Sequence[int],
    verdicts: Sequence[str],
    lines: Sequence[Line],
    threshold: float,
) -> str:
    """The history as a self-contained page.

    Parameters
    ----------
    created : sequence of str
        When each comparison was, the oldest first.
    versions : sequence of int
        The champion of each.
    verdicts : sequence of str
        Of each.
    lines : sequence of Line
        One per feature; the 60 that moved most of late are drawn.
    threshold : float
        The share that matters.

    Returns
    -------
    str
        An HTML document.
    """
    ranked = sorted(lines, key=lambda line: (-sum(line.drifted), -max(each or 0.0 for each in line.effects)))
    return template("drift_history.html.j2").render(
        use_case=clean(use_case),
        headline=f"{counted(len(created), 'comparison')}, {sum(each == 'drift' for each in verdicts)} with drift",
        span=f"From {moment(created[0])} to {moment(created[-1])}.",
        plots=[Plot(clean(line.name), _figure(line, created, threshold), _told(line)) for line in ranked[:MOST_LINES]],
        threshold=percent(threshold),
        table=_table(created, versions, verdicts, lines),
    )


def _told(line: Line) -> str:
    last = next((each for each in reversed(line.effects) if each is not None), None)
    times = sum(line.drifted)
    return f"{NOTHING if last is None else percent(last)} at last, {'never drift' if not times else f'drift {times} times'}"


def _figure(line: Line, created: Sequence[str], threshold: float) -> str:
    """Points at equal distances, joined; those of drift are filled."""
    effects, drifted = line.effects[-MOST_POINTS:], line.drifted[-MOST_POINTS:]
    root = svg.sheet(WIDTH, HEIGHT, f"{clean(line.name, 60)}: share of rows that moved, over time")
    highest = max([threshold * 1.5, *(each for each in effects if each is not None)])
    step = (WIDTH - _LEFT - _RIGHT) / max(len(effects) - 1, 1)

    def y_of(value: float) -> float:
        return _BASE - (_BASE - _TOP) * value / highest

    rule = svg.variable(svg.RULE)
    ET.SubElement(root, "path", d=f"M{_LEFT:g} {_BASE:g}H{WIDTH - _RIGHT:g}", style=f"stroke:{rule};stroke-width:0.8")
    limit = f"stroke:{svg.variable(svg.WRONG)};stroke-width:1;stroke-dasharray:4 3"
    ET.SubElement(root, "path", d=f"M{_LEFT:g} {y_of(threshold):.5g}H{WIDTH - _RIGHT:g}", style=limit)
    points = [(_LEFT + step * place, y_of(each)) for place, each in enumerate(effects) if each is not None]
    blue = svg.variable(svg.CHALLENGER)
    if points:
        path = "L".join(f"{x:.5g} {y:.5g}" for x, y in points)
        ET.SubElement(root, "path", d=f"M{path}", style=f"fill:none;stroke:{blue};stroke-width:1.4")
    for place, (each, drift) in enumerate(zip(effects, drifted, strict=True)):
        if each is not None and (drift or len(points) == 1):
            fill = svg.variable(svg.WRONG) if drift else blue
            ET.SubElement(
                root, "circle", cx=f"{_LEFT + step * place:.5g}", cy=f"{y_of(each):.5g}", r="2.6", style=f"fill:{fill}"
            )
    _text(root, percent(threshold), _LEFT - 3, y_of(threshold) + 3.3, "end")
    shown = created[-MOST_POINTS:]
    _text(root, shown[0][:10], _LEFT, HEIGHT - 5, "start")
    if len(shown) > 1:
        _text(root, shown[-1][:10], WIDTH - _RIGHT, HEIGHT - 5, "end")
    return ET.tostring(root, encoding="unicode")


def _text(root: ET.Element, text: str, x: float, y: float, anchor: str) -> None:
    style = f"font-size:9.5px;text-anchor:{anchor};fill:{svg.variable(svg.MUTED)}"
    ET.SubElement(root, "text", x=f"{x:.5g}", y=f"{y:.5g}", style=style).text = text


def _table(created: Sequence[str], versions: Sequence[int], verdicts: Sequence[str], lines: Sequence[Line]) -> Table:
    rows = []
    for place in range(len(created) - 1, max(-1, len(created) - 1 - TABLE_ROWS), -1):
        drifted = [clean(line.name, 40) for line in lines if line.drifted[place]]
        cells = (
            moment(created[place]),
            f"v{versions[place]}",
            BADGES[verdicts[place]],
            ", ".join(drifted[:8]) or NOTHING,
        )
        rows.append(Row(cells, "failed" if verdicts[place] in ("drift", "schema") else ""))
    columns = (
        Column("when", "word"),
        Column("champion", "word"),
        Column("verdict", "word"),
        Column("what drifted", "text"),
    )
    return Table("Comparisons, the newest first", columns, rows)
