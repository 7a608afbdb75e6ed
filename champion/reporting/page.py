"""Pages that need nothing beside themselves: no script, no request, no font. All are one template, filled with sections.

Every value is escaped by the template, but the figures, which `champion.reporting` draws itself.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from jinja2 import Template

    from champion.reporting.tables import Table


class Plot(NamedTuple):
    """A figure with its heading and the sentence that says what to see in it; a wide one has its text beside it."""

    title: str
    svg: str
    text: str
    wide: bool = False


class PageBlock(NamedTuple):
    """A piece of a section: what it is, and its content, which the template knows by the kind."""

    kind: Literal["text", "note", "table", "plots", "small", "pairs", "key", "details"]
    content: Any
    fold: int = 1000  # a table of more rows is folded
    title: str = ""  # of details


class Section(NamedTuple):
    """A part of a page, by its name in the navigation; key and heading are made from the name where they are left out."""

    name: str
    blocks: Sequence[PageBlock]
    key: str = ""
    heading: str = ""


class Box(NamedTuple):
    """A number in large type: what it is of, and what is to say about it."""

    tone: Literal["champion", "challenger", "difference"]
    of: str
    number: str
    text: str
    number_tone: Literal["", "none", "gain", "loss"] = ""
    title: str = ""


class Page(NamedTuple):
    """A page from its top; one that has no navigation has its sections alone."""

    title: str
    headline: str
    lead: str
    sections: Sequence[Section]
    brand: str = ""
    eyebrow: str = ""
    badge: str = ""
    tone: str = ""
    boxes: Sequence[Box] = ()
    text: str = ""
    asides: Sequence[str] = ()
    aside_title: str = ""
    top: str = ""  # what the page begins with, for the navigation
    style: Literal["", "plain", "drift"] = ""


def text(sentence: str) -> list[PageBlock]:
    """A paragraph; nothing where there is nothing to say."""
    return [PageBlock("text", sentence)] if sentence else []


def table(content: "Table", fold: int = 1000) -> PageBlock:
    """A table, folded where it has more rows."""
    return PageBlock("table", content, fold)


def plots(drawn: Iterable[Plot]) -> list[PageBlock]:
    """Figures side by side, then the wide ones."""
    every = list(drawn)
    groups = [[plot for plot in every if plot.wide is wide] for wide in (False, True)]
    return [PageBlock("plots", group) for group in groups if group]


def render(page: Page) -> str:
    """The page as an HTML document."""
    return _template().render(page=page).lstrip()


@cache
def _template() -> "Template":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    files = FileSystemLoader(Path(__file__).parent)
    jinja = Environment(loader=files, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return jinja.get_template("page.html.j2")
