"""Small figures of a drift report: the reference and the new data of one feature over each other, as SVG outright."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from xml.etree import ElementTree as ET

from champion.drift.report import FeatureDrift
from champion.reporting import svg
from champion.reporting.words import clean, distinct, number

WIDTH, HEIGHT = 220, 96
_FONT = 9.5
_BASE, _TOP, _SIDE = 78.0, 5.0, 2.0
_LABELS, _ROOM = 78.0, 6.0
_MOST = 5
_REFERENCE, _CURRENT = svg.CHAMPION, svg.CHALLENGER


def figure(feature: FeatureDrift) -> str:
    """One feature's reference and new data.

    Returns
    -------
    str
        An ``<svg>`` element; empty where there is nothing to draw.
    """
    cells = feature.cells
    if not sum(cells.current) or not sum(cells.reference):
        return ""
    title = f"{clean(feature.name, 60)}: training and new data"
    if cells.edges is not None:
        return _lines(cells.edges, cells.reference, cells.current, title, feature.kind == "datetime")
    names = [*(cells.names or []), "all others"]
    return _bars(names, cells.reference, cells.current, title)


def _lines(edges: Sequence[float], reference: Sequence[int], current: Sequence[int], title: str, moments: bool) -> str:
    """Two densities over the range of training; what lies beyond it stands as a share at the ends."""
    root = svg.sheet(WIDTH, HEIGHT, title)
    heights = [_densities(edges, counts) for counts in (reference, current)]
    tallest = max(max(each) for each in heights) or 1.0
    for each, colour, filled in zip(heights, (_REFERENCE, _CURRENT), (True, False), strict=True):
        ET.SubElement(root, "path", d=_outline(edges, each, tallest), style=_style(colour, filled))
    rule = f"stroke:{svg.variable(svg.RULE)};stroke-width:0.8"
    ET.SubElement(root, "path", d=f"M{_SIDE:g} {_BASE:g}H{WIDTH - _SIDE:g}", style=rule)
    below, above = (current[place] / sum(current) for place in (0, -1))
    low, high = (_day(edge) if moments else number(edge) for edge in (edges[0], edges[-1]))
    _text(root, f"{low}{f' ({below:.0%} below)' if below >= 0.005 else ''}", _SIDE, HEIGHT - 5, "start")
    _text(root, f"{f'({above:.0%} above) ' if above >= 0.005 else ''}{high}", WIDTH - _SIDE, HEIGHT - 5, "end")
    return ET.tostring(root, encoding="unicode")


def _densities(edges: Sequence[float], counts: Sequence[int]) -> list[float]:
    rows = sum(counts)
    inner = zip(counts[1:-1], pairwise(edges), strict=True)
    return [found / rows / (right - left) if right > left else 0.0 for found, (left, right) in inner]


def _outline(edges: Sequence[float], heights: Sequence[float], tallest: float) -> str:
    span = (edges[-1] - edges[0]) or 1.0
    path = [f"M{_SIDE:g} {_BASE:g}"]
    for height, right in zip(heights, edges[1:], strict=True):
        y = _BASE - (_BASE - _TOP) * height / tallest
        path.append(f"V{y:.5g}H{_SIDE + (WIDTH - 2 * _SIDE) * (right - edges[0]) / span:.5g}")
    return "".join([*path, f"V{_BASE:g}"])


def _style(colour: str, filled: bool) -> str:
    shown = svg.variable(colour)
    return f"fill:{shown};fill-opacity:0.35" if filled else f"fill:none;stroke:{shown};stroke-width:1.6"


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, tz=UTC).date().isoformat()


def _bars(names: Sequence[str], reference: Sequence[int], current: Sequence[int], title: str) -> str:
    """Two bars for each of the categories that differ most, in shares."""
    root = svg.sheet(WIDTH, HEIGHT, title)
    shares = [[found / sum(counts) for found in counts] for counts in (reference, current)]
    order = sorted(range(len(names)), key=lambda place: -abs(shares[1][place] - shares[0][place]))
    chosen = sorted(order[:_MOST], key=lambda place: -shares[0][place])
    chosen = [place for place in chosen if shares[0][place] + shares[1][place]]
    widest = max(max(shares[0][place], shares[1][place]) for place in chosen)
    slot = (HEIGHT - 2 * _ROOM) / max(len(chosen), 3)
    labels = distinct([names[place] for place in chosen], 12)
    for row, (place, label) in enumerate(zip(chosen, labels, strict=True)):
        top = _ROOM + slot * row
        _text(root, label, _LABELS - 4, top + 0.5 * slot + 0.35 * _FONT, "end")
        for half, (share, colour) in enumerate(
            zip((shares[0][place], shares[1][place]), (_REFERENCE, _CURRENT), strict=True)
        ):
            width = (WIDTH - _LABELS - 36) * share / widest
            y, height = top + slot * (0.1 + 0.4 * half), 0.36 * slot
            ET.SubElement(root, "rect", x=f"{_LABELS:g}", y=f"{y:.5g}", width=f"{width:.5g}", height=f"{height:.5g}",
                          style=f"fill:{svg.variable(colour)};opacity:{0.55 if half == 0 else 0.9}")  # fmt: skip
        most = max(shares[0][place], shares[1][place])
        after = _LABELS + (WIDTH - _LABELS - 36) * most / widest + 3
        _text(root, f"{shares[1][place]:.0%}", after, top + 0.5 * slot + 0.35 * _FONT, "start")
    return ET.tostring(root, encoding="unicode")


def _text(root: ET.Element, text: str, x: float, y: float, anchor: str) -> None:
    style = f"font-size:{_FONT}px;text-anchor:{anchor};fill:{svg.variable(svg.MUTED)}"
    ET.SubElement(root, "text", x=f"{x:.5g}", y=f"{y:.5g}", style=style).text = text
