"""SVG that lives in a page: it follows the page's colours and fonts, and shares no id with its neighbours.

Figures are drawn in sentinel colours, looked for in the attributes of drawing elements alone, where no name of a class
stands. Each becomes a CSS variable with a fallback for a figure that stands alone. `themed` makes a figure of matplotlib's
such a one; the small ones are written outright: through matplotlib a page's dozens of them would take longer than all others.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple
from xml.etree import ElementTree as ET

from champion.reporting.words import day, distinct, number

INK, MUTED, RULE, CHALLENGER, CHAMPION, RIGHT, WRONG, SURFACE = (f"#01020{i}" for i in range(1, 9))
CLASS_COLOURS = ("#01020a", "#01020b", "#01020c", "#01020d")
FONT = 9.5  # of text that is added to a sheet

_VARIABLES = {
    INK: "currentColor",
    MUTED: "var(--muted, #6b7480)",
    RULE: "var(--rule, #b9c0c8)",
    CHALLENGER: "var(--challenger, #2563b8)",
    CHAMPION: "var(--champion, #b27400)",
    RIGHT: "var(--right, #2563b8)",
    WRONG: "var(--wrong, #c2410c)",
    SURFACE: "var(--surface, transparent)",
    CLASS_COLOURS[0]: "var(--class-1, #0f8a7e)",
    CLASS_COLOURS[1]: "var(--class-2, #a33ea1)",
    CLASS_COLOURS[2]: "var(--class-3, #b4473c)",
    CLASS_COLOURS[3]: "var(--class-4, #6a7b16)",
}
_SENTINEL = re.compile("|".join(_VARIABLES))
_DECIMALS = re.compile(r"-?\d+\.\d{2,}")
_GEOMETRY = ("d", "x", "y", "width", "height", "transform", "points")
_FONT_FAMILY = re.compile(r"\s*font-family:[^;]*;?")
_WIDTH, _HEIGHT = 220, 96  # of a small figure
_BASE, _TOP, _SIDE = 78.0, 5.0, 2.0  # of a density, with room for the ends below
_EDGE, _LEFT, _RIGHT = 5.0, 92.0, 36.0  # of bars, with room for names and numbers


class Bar(NamedTuple):
    """A value, how often each sample has it, and what stands behind the bars."""

    label: str
    sizes: Sequence[float]
    note: str


def sheet(width: float, height: float, title: str) -> ET.Element:
    """An empty ``<svg>`` element with its role, title and view box."""
    attributes = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {width:g} {height:g}",
        "role": "img",
        "aria-label": title,
        "style": "font-family:var(--sans,system-ui,sans-serif);stroke-linejoin:round;stroke-linecap:butt",
    }
    root = ET.Element("svg", attributes)
    ET.SubElement(root, "title").text = title
    return root


def add(root: ET.Element, tag: str, style: str, **attributes: float | str) -> ET.Element:
    """A shape; numbers are written with five digits, sentinel colours in the style as CSS variables."""
    written = {key: each if isinstance(each, str) else f"{each:.5g}" for key, each in attributes.items()}
    return ET.SubElement(root, tag, written, style=_with_variables(style))


def add_text(root: ET.Element, text: str, x: float, y: float, anchor: str = "start", colour: str = MUTED) -> None:
    """Small text on a base line."""
    add(root, "text", f"font-size:{FONT}px;text-anchor:{anchor};fill:{colour}", x=x, y=y).text = text


def add_axis(root: ET.Element, left: float, right: float, y: float) -> None:
    """A thin level line."""
    add(root, "path", f"stroke:{RULE};stroke-width:0.8", d=f"M{left:g} {y:g}H{right:g}")


def written(root: ET.Element) -> str:
    """A sheet as it stands in a page."""
    return ET.tostring(root, encoding="unicode")


def themed(raw: str, title: str) -> str:
    """A figure of matplotlib's SVG backend as one ``<svg>`` element of ours, without size, metadata and style sheet."""
    root = ET.fromstring(raw.encode())  # noqa: S314  # written by matplotlib a moment ago
    width, height = root.attrib["viewBox"].split()[2:]
    _tidy(root)
    _unwrap(root)
    whole = sheet(float(width), float(height), title)
    whole.extend(root)
    return written(whole)


def _with_variables(style: str) -> str:
    return _SENTINEL.sub(lambda match: _VARIABLES[match[0]], style)


def _tidy(element: ET.Element) -> None:
    element.tag = element.tag.rpartition("}")[2]
    if element.tag != "text":
        element.text = None
    element.tail = None
    for key in list(element.attrib):
        value = element.attrib.pop(key)
        key = key.rpartition("}")[2]
        if (key == "id" and element.tag == "g") or (key == "transform" and value.startswith("rotate(-0 ")):
            continue
        element.attrib[key] = _attribute(key, value)
    for child in list(element):
        if child.tag.endswith(("}style", "}metadata")):
            element.remove(child)
        else:
            _tidy(child)


def _attribute(key: str, value: str) -> str:
    if key == "style":
        return _with_variables(_FONT_FAMILY.sub("", value).replace(": ", ":").replace("; ", ";").strip(" ;"))
    if key in _GEOMETRY:
        value = _DECIMALS.sub(lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."), value)
        return " ".join(value.split())
    return value


def _unwrap(element: ET.Element) -> None:
    """Replace groups without attributes by what they hold, and drop what holds nothing."""
    inner: list[ET.Element] = []
    for child in list(element):
        element.remove(child)
        _unwrap(child)
        if child.tag == "g" and not child.attrib:
            inner.extend(child)
        elif len(child) or child.tag not in ("g", "defs"):
            inner.append(child)
    element.extend(inner)


def ends(edges: Sequence[float], kind: str) -> tuple[str, str]:
    """The first and the last edge as text: days of a moment, else numbers."""
    write = day if kind == "datetime" else number
    return write(edges[0]), write(edges[-1])


def density(
    edges: Sequence[float], samples: Sequence[tuple[Sequence[float], str]], ends: tuple[str, str], title: str
) -> str:
    """Outlines of a number's bins, which hold about equal rows, so that their width tells.

    A sample is the rows, or shares of rows, of each bin, with the style of its outline; `edges` rise, and are one more than
    the bins. `ends` stand below the first and the last edge.
    """
    root = sheet(_WIDTH, _HEIGHT, title)
    widths = [right - left for left, right in pairwise(edges)]
    heights = [
        [size / width if width > 0 else 0.0 for size, width in zip(sizes, widths, strict=True)] for sizes, _ in samples
    ]
    tallest, span = max(map(max, heights)) or 1.0, (edges[-1] - edges[0]) or 1.0
    for outline, (_, style) in zip(heights, samples, strict=True):
        path = [f"M{_SIDE:g} {_BASE:g}"]
        for height, right in zip(outline, edges[1:], strict=True):
            y, x = _BASE - (_BASE - _TOP) * height / tallest, _SIDE + (_WIDTH - 2 * _SIDE) * (right - edges[0]) / span
            path.append(f"V{y:.5g}H{x:.5g}")
        add(root, "path", style, d="".join([*path, f"V{_BASE:g}"]))
    add_axis(root, _SIDE, _WIDTH - _SIDE, _BASE)
    add_text(root, ends[0], _SIDE, _HEIGHT - 5)
    add_text(root, ends[1], _WIDTH - _SIDE, _HEIGHT - 5, "end")
    return written(root)


def bars(rows: Sequence[Bar], styles: Sequence[str], title: str) -> str:
    """Horizontal bars of values, one below the other for each sample, which has a style each."""
    root = sheet(_WIDTH, _HEIGHT, title)
    slot = (_HEIGHT - 2 * _EDGE) / max(len(rows), 3)
    unit = (_WIDTH - _LEFT - _RIGHT) / (max((max(row.sizes) for row in rows), default=0) or 1)
    height = 0.72 * slot / len(styles)
    for i, (row, label) in enumerate(zip(rows, distinct([row.label for row in rows], 14), strict=True)):
        top = _EDGE + slot * i
        for j, (size, style) in enumerate(zip(row.sizes, styles, strict=True)):
            add(root, "rect", style, x=_LEFT, y=top + 0.14 * slot + j * height, width=unit * size, height=height)
        baseline = top + 0.5 * slot + 0.35 * FONT
        add_text(root, label, _LEFT - 4, baseline, "end", INK)
        add_text(root, row.note, _LEFT + unit * max(row.sizes) + 3, baseline)
    return written(root)
