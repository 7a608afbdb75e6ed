"""An SVG that lives in a page: it follows the page's colours and fonts, and shares no id with its neighbours.

Figures are drawn in sentinel colours, which no name of a class can contain by accident because only the attributes
of drawing elements are looked at. Each becomes a CSS variable with a fallback for a figure that stands alone.
"""

import re
from xml.etree import ElementTree as ET

INK = "#010201"
MUTED = "#010202"
RULE = "#010203"
CHALLENGER = "#010204"
CHAMPION = "#010205"
RIGHT = "#010206"
WRONG = "#010207"
SURFACE = "#010208"
CLASS_COLOURS = ("#01020a", "#01020b", "#01020c", "#01020d")

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
FONT = 9.5  # of text that is added to a sheet


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
    kept: list[ET.Element] = []
    for child in list(element):
        element.remove(child)
        _unwrap(child)
        if child.tag == "g" and not child.attrib:
            kept.extend(child)
        elif len(child) or child.tag not in ("g", "defs"):
            kept.append(child)
    element.extend(kept)
