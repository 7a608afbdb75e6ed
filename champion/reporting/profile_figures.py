"""The small figures of a profile, one per column, written as SVG outright.

A report has up to two dozen of them; through matplotlib they would take longer than all other figures together.
"""

from collections.abc import Sequence
from itertools import pairwise
from xml.etree import ElementTree as ET

from champion.reporting import svg
from champion.reporting.words import distinct

WIDTH, HEIGHT = 220, 92
_FONT = 9.5
_MOST_BARS = 5
_BARS_LEFT, _BARS_RIGHT, _EDGE = 92.0, 34.0, 4.0  # margins
_BASE = 76.0  # of a histogram, with room for the labels below
_SHAPE = f"fill:{svg.variable(svg.CHALLENGER)};opacity:0.6"


def histogram(edges: Sequence[float], counts: Sequence[int], ends: tuple[str, str], title: str) -> str:
    """Density of a number: its bins hold about equal rows, so their width tells.

    Parameters
    ----------
    edges : sequence of float
        Rising; one more than `counts`.
    counts : sequence of int
        Rows of each bin.
    ends : tuple of str
        Labels of the first and the last edge.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    root = svg.sheet(WIDTH, HEIGHT, title)
    heights = [rows / (right - left) if right > left else 0.0 for rows, (left, right) in _bins(edges, counts)]
    tallest, span = max(heights) or 1.0, (edges[-1] - edges[0]) or 1.0
    outline = [f"M2 {_BASE:g}"]
    for height, (_, right) in zip(heights, pairwise(edges), strict=True):
        y = _BASE - (_BASE - _EDGE) * 0.95 * height / tallest
        outline.append(f"V{y:.5g}H{2 + (WIDTH - 4) * (right - edges[0]) / span:.5g}")
    ET.SubElement(root, "path", d="".join([*outline, f"V{_BASE:g}Z"]), style=_SHAPE)
    ET.SubElement(
        root, "path", d=f"M2 {_BASE:g}H{WIDTH - 2}", style=f"stroke:{svg.variable(svg.RULE)};stroke-width:0.8"
    )
    _text(root, ends[0], 2, HEIGHT - 5, "start", muted=True)
    _text(root, ends[1], WIDTH - 2, HEIGHT - 5, "end", muted=True)
    return ET.tostring(root, encoding="unicode")


def _bins(edges: Sequence[float], counts: Sequence[int]) -> list[tuple[int, tuple[float, float]]]:
    return list(zip(counts, pairwise(edges), strict=True))


def bars(names: Sequence[str], counts: Sequence[int], other: int, title: str) -> str:
    """Horizontal bars of the five most frequent values, and a number for the rest.

    Parameters
    ----------
    other : int
        Rows of values that are not listed.

    Returns
    -------
    str
        An ``<svg>`` element.
    """
    root = svg.sheet(WIDTH, HEIGHT, title)
    ranked = sorted(zip(names, counts, strict=True), key=lambda pair: -pair[1])[:_MOST_BARS]
    rest = sum(counts) + other - sum(rows for _, rows in ranked)
    labels = distinct([name for name, _ in ranked], 14)
    slot = (HEIGHT - 2 * _EDGE) / max(len(ranked) + (rest > 0), 3)
    widest = max((rows for _, rows in ranked), default=0) or 1
    for place, (label, (_, rows)) in enumerate(zip(labels, ranked, strict=True)):
        width = (WIDTH - _BARS_LEFT - _BARS_RIGHT) * rows / widest
        top = _EDGE + slot * (place + 0.15)
        ET.SubElement(root, "rect", x=f"{_BARS_LEFT:g}", y=f"{top:.5g}", width=f"{width:.5g}", height=f"{0.7 * slot:.5g}",
                      style=_SHAPE)  # fmt: skip
        _line(root, label, rows, width, _EDGE + slot * (place + 0.5))
    if rest > 0:
        _line(root, "others", rest, 0.0, _EDGE + slot * (len(ranked) + 0.5))
    return ET.tostring(root, encoding="unicode")


def _line(root: ET.Element, label: str, rows: int, width: float, middle: float) -> None:
    baseline = middle + 0.35 * _FONT
    _text(root, label, _BARS_LEFT - 4, baseline, "end", muted=False)
    _text(root, f"{rows:,}", _BARS_LEFT + width + 3, baseline, "start", muted=True)


def _text(root: ET.Element, text: str, x: float, y: float, anchor: str, *, muted: bool) -> None:
    colour = svg.variable(svg.MUTED if muted else svg.INK)
    style = f"font-size:{_FONT}px;text-anchor:{anchor};fill:{colour}"
    ET.SubElement(root, "text", x=f"{x:.5g}", y=f"{y:.5g}", style=style).text = text
