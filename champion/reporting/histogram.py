"""The small figures of a profile and of drift: how values lie, of one sample or of two over each other.

They are written as SVG outright: a page has dozens of them, and through matplotlib they would take longer than all other
figures together.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from champion.modeling.profile import ColumnProfile, Profile
from champion.reporting import facts, svg
from champion.reporting.words import clean, day, distinct, number

WIDTH, HEIGHT = 220, 96
MOST_BARS = 5
_BASE, _TOP, _SIDE = 78.0, 5.0, 2.0  # of a density, with room for the ends below
_EDGE, _LEFT, _RIGHT = 5.0, 92.0, 36.0  # of bars, with room for names and numbers
_PLAIN = f"fill:{svg.CHALLENGER};opacity:0.6"


class Bar(NamedTuple):
    """A value, how often each sample has it, and what stands behind the bars."""

    label: str
    sizes: Sequence[float]
    note: str


def profile_figures(profile: Profile) -> dict[str, str]:
    """The classes as ``profile_target``, and each drawn column as ``profile_<i>``, its place in the profile."""
    drawn = {f"profile_{i}": _column(column) for i, column in facts.drawn_columns(profile)}
    if not profile.classes:
        return drawn
    names = [str(label) for label in profile.classes]
    return {
        "profile_target": _values(names, profile.class_counts, 0, f"Classes of {clean(profile.target, 60)}"),
        **drawn,
    }


def _column(column: ColumnProfile) -> str:
    title = f"Distribution of {clean(column.name, 60)}"
    counts = column.counts or []
    if column.edges is None:
        return _values(column.categories or [], counts, column.other, title)
    return density(column.edges, [(counts, _PLAIN)], ends(column.edges, column.kind), title)


def _values(names: Sequence[str], counts: Sequence[int], other: int, title: str) -> str:
    """The most frequent values, and a number for the rest."""
    ranked = sorted(zip(names, counts, strict=True), key=lambda pair: -pair[1])[:MOST_BARS]
    rest = sum(counts) + other - sum(rows for _, rows in ranked)
    rows = [Bar(name, [rows], f"{rows:,}") for name, rows in ranked]
    return bars([*rows, *([Bar("others", [0], f"{rest:,}")] if rest > 0 else [])], [_PLAIN], title)


def ends(edges: Sequence[float], kind: str) -> tuple[str, str]:
    """The first and the last edge as text: days of a moment, else numbers."""
    write = day if kind == "datetime" else number
    return write(edges[0]), write(edges[-1])


def density(
    edges: Sequence[float], samples: Sequence[tuple[Sequence[float], str]], ends: tuple[str, str], title: str
) -> str:
    """Outlines of a number's bins, which hold about equal rows, so that their width tells.

    Parameters
    ----------
    edges : sequence of float
        Rising; one more than a sample has bins.
    samples : sequence of (sequence of float, str)
        Rows, or shares of rows, of each bin, with the style of the outline.
    ends : tuple of str
        What stands below the first and the last edge.
    """
    root = svg.sheet(WIDTH, HEIGHT, title)
    widths = [right - left for left, right in pairwise(edges)]
    heights = [
        [size / width if width > 0 else 0.0 for size, width in zip(sizes, widths, strict=True)] for sizes, _ in samples
    ]
    tallest, span = max(map(max, heights)) or 1.0, (edges[-1] - edges[0]) or 1.0
    for outline, (_, style) in zip(heights, samples, strict=True):
        path = [f"M{_SIDE:g} {_BASE:g}"]
        for height, right in zip(outline, edges[1:], strict=True):
            y, x = _BASE - (_BASE - _TOP) * height / tallest, _SIDE + (WIDTH - 2 * _SIDE) * (right - edges[0]) / span
            path.append(f"V{y:.5g}H{x:.5g}")
        svg.add(root, "path", style, d="".join([*path, f"V{_BASE:g}"]))
    svg.add(root, "path", f"stroke:{svg.RULE};stroke-width:0.8", d=f"M{_SIDE:g} {_BASE:g}H{WIDTH - _SIDE:g}")
    svg.add_text(root, ends[0], _SIDE, HEIGHT - 5)
    svg.add_text(root, ends[1], WIDTH - _SIDE, HEIGHT - 5, "end")
    return svg.written(root)


def bars(rows: Sequence[Bar], styles: Sequence[str], title: str) -> str:
    """Horizontal bars of values, one below the other for each sample, which has a style each."""
    root = svg.sheet(WIDTH, HEIGHT, title)
    slot = (HEIGHT - 2 * _EDGE) / max(len(rows), 3)
    unit = (WIDTH - _LEFT - _RIGHT) / (max((max(row.sizes) for row in rows), default=0) or 1)
    height = 0.72 * slot / len(styles)
    for place, (row, label) in enumerate(zip(rows, distinct([row.label for row in rows], 14), strict=True)):
        top = _EDGE + slot * place
        for i, (size, style) in enumerate(zip(row.sizes, styles, strict=True)):
            svg.add(root, "rect", style, x=_LEFT, y=top + 0.14 * slot + i * height, width=unit * size, height=height)
        baseline = top + 0.5 * slot + 0.35 * svg.FONT
        svg.add_text(root, label, _LEFT - 4, baseline, "end", svg.INK)
        svg.add_text(root, row.note, _LEFT + unit * max(row.sizes) + 3, baseline)
    return svg.written(root)
