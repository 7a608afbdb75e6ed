"""The profile of a train set as a page of its own, for whoever looks at the artifact instead of the report.

The histograms are written as SVG right here: the page is made where the data is prepared, and matplotlib would have to
be imported for a few bars.
"""

from bisect import bisect_right
from html import escape
from typing import TYPE_CHECKING

from champion.modeling.profile import ColumnProfile, Profile
from champion.reporting import facts, sentences, tables
from champion.reporting.html import Plot
from champion.reporting.template import template
from champion.reporting.words import clean, count, counted, distinct, number

if TYPE_CHECKING:
    pass

BARS = 20
VALUES = 5
_WIDTH, _HEIGHT = 220, 92
_LABELS, _NUMBERS = 92, 38  # what the names of values take on the left, and their rows on the right
_FILL = "fill:var(--challenger);fill-opacity:.6"


def render_profile(profile: Profile) -> str:
    """The profile as a self-contained page: no script, no request, no font.

    Parameters
    ----------
    profile : Profile
        Of a train set; its first 24 used columns are drawn, every column is in the table.

    Returns
    -------
    str
        An HTML document; names of columns and values are escaped.
    """
    return template("profile.html.j2").render(
        balance=sentences.classes(profile),
        columns=sentences.columns(profile),
        histograms=[*_target(profile), *(_drawn(column) for _, column in facts.drawn_columns(profile))],
        data=tables.data(profile),
    )


def _target(profile: Profile) -> list[Plot]:
    if not profile.classes:
        return []
    labels = [str(label) for label in profile.classes]
    text = counted(len(profile.classes), "class")
    return [Plot(f"{clean(profile.target)} (target)", _values(labels, profile.class_counts, 0, profile.target), text)]


def _drawn(column: ColumnProfile) -> Plot:
    counts = column.counts or []
    if column.edges is None:
        svg = _values(column.categories or [], counts, column.other, column.name)
        text = counted(column.distinct, "value")
    else:
        svg = _histogram(column, column.edges, counts)
        text = "moments" if column.kind == "datetime" else f"mean {tables.plus_minus(column)}"
    missing = f", {count(column.missing)} missing" if column.missing else ""
    return Plot(clean(column.name), svg, text + missing)


def even_bins(edges: list[float], counts: list[int], bins: int = BARS) -> list[float]:
    """Rows in bins of equal width, from bins of any width.

    A profile's bins are about equally full, so their counts alone have no shape. Within a bin rows are taken to lie
    evenly.

    Parameters
    ----------
    edges : list of float
        Rising, one more than `counts`.

    Returns
    -------
    list of float
        One per bin; the sum is that of `counts`.

    Examples
    --------
    >>> even_bins([0.0, 1.0, 4.0], [30, 30], bins=4)
    [30.0, 10.0, 10.0, 10.0]
    """
    below = [0]
    for rows in counts:
        below.append(below[-1] + rows)
    first, width = edges[0], edges[-1] - edges[0]

    def rows_up_to(value: float) -> float:
        i = min(max(bisect_right(edges, value) - 1, 0), len(counts) - 1)
        along = min(max((value - edges[i]) / (edges[i + 1] - edges[i]), 0.0), 1.0)
        return below[i] + along * counts[i]

    marks = [0.0, *(rows_up_to(first + width * i / bins) for i in range(1, bins)), float(below[-1])]
    return [marks[i + 1] - marks[i] for i in range(bins)]


def _histogram(column: ColumnProfile, edges: list[float], counts: list[int]) -> str:
    heights = even_bins(edges, counts)
    highest, floor = max(heights), _HEIGHT - 16
    step = _WIDTH / len(heights)
    bars = "".join(
        f'<rect x="{i * step:.1f}" y="{floor - height / highest * (floor - 4):.1f}" '
        f'width="{step - 1:.1f}" height="{height / highest * (floor - 4):.1f}"/>'
        for i, height in enumerate(heights)
    )
    low, high = (facts.day(each) if column.kind == "datetime" else number(each) for each in (edges[0], edges[-1]))
    ends = _text(low, 0, _HEIGHT - 3, "start", muted=True) + _text(high, _WIDTH, _HEIGHT - 3, "end", muted=True)
    return _svg(f'<g style="{_FILL}">{bars}</g>{ends}', column.name)


def _values(names: list[str], counts: list[int], other: int, title: str) -> str:
    """Bars of the five most frequent values, and the rows of the rest as a number."""
    ranked = sorted(zip(names, counts, strict=True), key=lambda pair: -pair[1])[:VALUES]
    shown = list(zip(distinct([name for name, _ in ranked], 14), (rows for _, rows in ranked), strict=True))
    rest = sum(counts) + other - sum(rows for _, rows in shown)
    longest = max([rows for _, rows in shown], default=0) or 1
    step = _HEIGHT / max(len(shown) + (rest > 0), 3)
    parts = []
    for i, (name, rows) in enumerate([*shown, *([("others", rest)] if rest > 0 else [])]):
        width = rows / longest * (_WIDTH - _LABELS - _NUMBERS) if i < len(shown) else 0.0
        middle = (i + 0.5) * step
        parts.append(_text(name, _LABELS - 4, middle + 3.5, "end"))
        parts.append(
            f'<rect x="{_LABELS}" y="{middle - 0.35 * step:.1f}" width="{width:.1f}" height="{0.7 * step:.1f}" '
            f'style="{_FILL}"/>'
        )
        parts.append(_text(count(rows), _LABELS + width + 3, middle + 3.5, "start", muted=True))
    return _svg("".join(parts), title)


def _text(text: str, x: float, y: float, anchor: str, muted: bool = False) -> str:
    colour = "var(--muted)" if muted else "currentColor"
    style = f"font-size:9.5px;fill:{colour};text-anchor:{anchor}"
    return f'<text x="{x:.1f}" y="{y:.1f}" style="{style}">{escape(text)}</text>'


def _svg(content: str, title: str) -> str:
    label = escape(f"Distribution of {clean(title, 60)}")
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">{content}</svg>'
