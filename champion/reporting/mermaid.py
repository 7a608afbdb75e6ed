"""Charts that GitHub draws itself from a comment's text: Mermaid's `xychart-beta` and `pie`."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from champion.reporting.words import clean

MOST_POINTS = 40  # of one chart: more cannot be told apart in a comment's width
_PUNCTUATION = frozenset(" .,:()+-_/=%")


class Series(NamedTuple):
    """One line, or one set of bars, with its colour as ``#rrggbb``."""

    kind: str  # "line" or "bar"
    colour: str
    values: Sequence[float]


def label(value: object, limit: int = 40) -> str:
    """A name as it can stand between Mermaid's quotes: letters, digits and a little punctuation, else a space.

    >>> label('a "b" `c`;d')
    'a b c d'
    """
    kept = "".join(char if char.isalnum() or char in _PUNCTUATION else " " for char in clean(value, limit))
    return " ".join(kept.replace("%%", " ").split()) or "(empty)"


def xychart(title: str, x_axis: str, y_axis: str, lowest: float, highest: float, series: Sequence[Series]) -> str:
    """A chart of lines and bars.

    Parameters
    ----------
    x_axis : str
        Mermaid's words for the axis, such as ``"false positive rate" 0 --> 1``; see `names` and `span`.
    series : sequence of Series
        All of the same length, at most `MOST_POINTS` values; values that are not finite stand at the lowest end.
    """
    colours = ", ".join(each.colour for each in series)
    drawn = [
        f"  {each.kind} [{', '.join(_number(value, lowest, highest) for value in each.values)}]" for each in series
    ]
    return _fenced(
        [
            f'%%{{init: {{"themeVariables": {{"xyChart": {{"plotColorPalette": "{colours}"}}}}}}}}%%',
            "xychart-beta",
            f'  title "{label(title, 80)}"',
            f"  x-axis {x_axis}",
            f'  y-axis "{label(y_axis)}" {lowest:g} --> {highest:g}',
            *drawn,
        ]
    )


def span(name: str, start: float, end: float) -> str:
    """A level axis of numbers."""
    return f'"{label(name)}" {start:g} --> {end:g}'


def names(values: Sequence[object]) -> str:
    """A level axis of names."""
    return "[" + ", ".join(f'"{label(value, 16)}"' for value in values) + "]"


def pie(title: str, parts: Sequence[tuple[str, int]]) -> str:
    """A pie of counts; parts of nothing are left out, and without any there is no pie."""
    slices = [f'  "{label(name)}" : {count}' for name, count in parts if count > 0]
    return _fenced([f"pie showData title {label(title, 80)}", *slices]) if slices else ""


def _number(value: float, lowest: float, highest: float) -> str:
    return f"{min(max(value, lowest), highest) if math.isfinite(value) else lowest:.4f}"


def _fenced(lines: Sequence[str]) -> str:
    return "\n".join(["```mermaid", *lines, "```"])
