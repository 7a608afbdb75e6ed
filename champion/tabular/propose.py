"""How a table seems to be read, found in its head and its end; a proposal, by which every row is then read or refused.

The column that the caller asks for is the best witness: a separator is right where its name is a cell of the header. Of what is
left, the rule is taken by which most rows have as many cells as the header, and most cells are a number, a moment, a word or
nothing.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from champion.errors import DataError, listed
from champion.tabular.letters import look
from champion.tabular.stream import tidy
from champion.tabular.text_source import LAST_ROWS, Row, begins_with, rows_of
from champion.use_case.dialect import BLANKS, Dialect

SEPARATORS = (",", ";", "\t", "|", ":", "~", "^", BLANKS)  # of two that fit alike, the first
_ROWS = 300  # of the head that are looked at
_TITLES = 30  # rows above the header at most
_TOTALS: tuple[str, ...] = ("total", "totals", "grand total", "sum", "subtotal", "average", "mean")
_TOTALS += ("gesamt", "summe", "insgesamt", "mittelwert", "somme", "totaal", "totale", "suma")
_MONEY = "$\u20ac\u00a3\u00a5"
_NUMBER = (
    rf"[+\-\u2212]?\s?[{_MONEY}]?\s?[\d.,'\u00a0\u202f ]*\d[.,]?(?:[eE][+-]?\d+)?\s?(?:%|[A-Za-z{_MONEY}]{{1,3}})?"
)
_MOMENT = r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[ T][\d:.]+\S*)?|[\d:]+"
_KNOWN = re.compile(rf"\s*|{_NUMBER}|\({_NUMBER}\)|{_MOMENT}|[\w .\-/]+")
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", ":": "colons", BLANKS: "blanks"}


@dataclass(frozen=True)
class Proposal:
    """How a table seems to be read, and what is said of it; nothing where it is CSV as everybody reads it."""

    how: Dialect
    said: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Fit:
    """One rule tried: where the header is, how well rows fit, and whether the wanted names are there."""

    how: Dialect
    rows: list[Row]
    at: int  # of the header among the rows
    named: int  # wanted names that it has
    share: float  # of the rows that have as many cells
    known: float  # of the cells that look like a value

    def with_footer(self, words: tuple[str, ...]) -> _Fit:
        """The same, with words by which a footer begins."""
        return replace(self, how=self.how.model_copy(update={"footer": words}))

    @property
    def header(self) -> list[str]:
        return self.rows[self.at][1]

    @property
    def rank(self) -> tuple[int, float]:
        wide = 1.0 if len(self.header) > 1 else 0.3
        return self.named, round(self.share * self.known * wide, 3)


def propose(path: Path, display_name: str, names: Collection[str] = ()) -> Proposal:
    """How a text seems to be read whose header has these names, as they are in a use case.

    Raises DataError where the file cannot be unpacked.
    """
    looked = look(path, f"The table {display_name}")
    base = Dialect(encoding=looked.encoding)
    best = max(_fits(looked.head, looked.whole, base, [*names]), key=lambda fit: fit.rank, default=None)
    if best is None:
        return Proposal(base, _letters(display_name, looked.encoding, looked.guessed))
    how = best.how
    lines = _text_rows(looked.tail, how.model_copy(update={"header": 1}), whole=True)
    footer = footer_of(lines if not looked.whole else best.rows[best.at + 1 :], best.header, how.unnamed)
    how = how.model_copy(update={"footer": footer})
    return Proposal(how, in_words(display_name, how, looked.guessed))


def in_words(display_name: str, how: Dialect, guessed: bool = False) -> tuple[str, ...]:
    """What is said of a table that is not read as everybody reads it."""
    facts = []
    if how.separator != ",":
        facts.append(f"separated by {_NAMES.get(how.separator, repr(how.separator))}")
    if how.quote != '"':
        facts.append(f"quoted by {how.quote}" if how.quote else "without quotes")
    if how.escape:
        facts.append(f"{how.escape} before a quote within a cell")
    if how.sheet is not None:
        facts.append(f"the sheet {how.sheet!r}")
    if how.header > 1:
        facts.append(f"the names of the columns in line {how.header}")
    if how.unnamed:
        facts.append(f"in each row a {how.unnamed} cell without a name")
    if how.footer:
        facts.append(f"what is below the table left out ({listed(how.footer)})")
    said = [*_letters(display_name, how.encoding, guessed)]
    if facts:
        said.append(f"{display_name} is read so: {', '.join(facts)}.")
    return tuple(said)


def _letters(display_name: str, encoding: str, guessed: bool) -> tuple[str, ...]:
    if guessed:
        return (
            f"{display_name} is no UTF-8; its letters seem to be {encoding}. Where they come out wrong, say data.read.encoding.",
        )
    return (f"{display_name} is in {encoding}.",) if encoding != "utf-8" else ()


def _fits(head: str, whole: bool, base: Dialect, names: Sequence[str]) -> Iterable[_Fit]:
    lines = [line for line in head.splitlines()[: _ROWS + _TITLES] if line.strip()]
    for separator in SEPARATORS:
        mark = " " if separator == BLANKS else separator
        if separator != "," and not any(mark in line or (mark == " " and "\t" in line) for line in lines):
            continue
        for quote, escape in _quotes(head, mark):
            how = base.model_copy(update={"separator": separator, "quote": quote, "escape": escape})
            rows = _text_rows(head, how, whole)
            fit = fit_of(rows, how, names) if rows else None
            if fit is not None:
                yield fit


def _quotes(head: str, separator: str) -> list[tuple[str, str]]:
    """Ways to quote: an apostrophe only where it stands around cells, none where a double quote may be a letter."""
    ways = [('"', "")]
    if '\\"' in head:
        ways.append(('"', "\\"))
    around = rf"(?:^|{re.escape(separator)})'[^'\n]*'(?={re.escape(separator)}|\r?$)"
    if len(re.findall(around, head[:20_000], re.MULTILINE)) > 2:
        ways.append(("'", ""))
    if '"' in head:
        ways.append(("", ""))
    return ways


def _text_rows(text: str, how: Dialect, whole: bool) -> list[Row]:
    """The rows of some text; none where a quote is not closed, but at the end of what was cut off."""
    rows: list[Row] = []
    try:
        for row in rows_of(io.StringIO(text, newline=""), how, "The table"):
            rows.append(row)
            if len(rows) == _ROWS and not whole:
                return rows
    except DataError:
        if whole or len(rows) < 3:
            return []
    return rows if whole else rows[:-1] or rows


def fit_of(rows: Sequence[Row], how: Dialect, names: Sequence[str]) -> _Fit | None:
    """Where the header of some rows is, and how well the rows below fit it."""
    filled = [row for row in rows if any(cell.strip() for cell in row[1])]
    if not filled:
        return None
    at, named = _header(filled, names)
    line, header = filled[at]
    below = [cells for _, cells in filled[at + 1 :]]
    main = below[:-LAST_ROWS] or below  # without what may be a footer
    widths = [len(cells) for cells in main]
    unnamed = _unnamed(main, len(header))
    width = len(header) + (unnamed is not None)
    share = sum(each == width for each in widths) / max(len(widths), 1)
    cells = [cell for each in main[:100] for cell in each]
    known = sum(bool(_KNOWN.fullmatch(cell)) for cell in cells) / max(len(cells), 1)
    found = how.model_copy(update={"header": 1 if at == 0 else line, "unnamed": unnamed})
    return _Fit(found, filled, at, named, share, known)


def _header(rows: Sequence[Row], names: Sequence[str]) -> tuple[int, int]:
    """Where the names of the columns are, and how many of those wanted are among them."""
    wanted = set(names)
    held = [len(wanted.intersection(tidy(cells))) for _, cells in rows[: _TITLES + 1]]
    most = max(held)
    if most:
        return held.index(most), most
    widths = [len(cells) for _, cells in rows]
    usual = Counter(widths).most_common(1)[0][0]
    for at, (_, cells) in enumerate(rows[: _TITLES + 1]):
        if len(cells) in (usual, usual - 1) and sum(bool(cell.strip()) for cell in cells) >= len(cells) - 1:
            return at, 0
    return 0, 0


def _unnamed(rows: Sequence[Sequence[str]], width: int) -> str | None:
    """Which cell of each row the header has no name for, where there is one."""
    if not rows or any(len(cells) != width + 1 for cells in rows):
        return None
    return "last" if not any(cells[-1].strip() for cells in rows) else "first"


def footer_of(rows: Sequence[Row], header: Sequence[str], unnamed: str | None = None) -> tuple[str, ...]:
    """The first words of rows that seem to be below the table: notes of one cell, and totals."""
    width, found = len(header) + (unnamed is not None), []
    for _, cells in reversed(rows[-LAST_ROWS:]):
        filled = [cell.strip() for cell in cells if cell.strip()]
        if not filled:
            continue
        note = (
            len(filled) == 1 and width > 2 and bool(re.search(r"[^\W\d_]{2}|^\*", filled[0])) and bool(cells[0].strip())
        )
        total = begins_with(list(cells), _TOTALS) and (len(cells) != width or len(filled) < width)
        if not (total or (note and (len(cells) != width or " " in filled[0] or ":" in filled[0]))):
            break
        found.append(_first_word(filled[0]))
    before = rows[: len(rows) - len(found)]
    words = tuple(dict.fromkeys(reversed(found)))
    if any(begins_with(list(cells), words) for _, cells in before):
        return ()  # rows of the table begin so too
    return words[:1] if words else ()


def _first_word(text: str) -> str:
    word = re.match(r"[^\W_]+|\W", text)
    return word[0] if word else text
