"""How a table seems to be read, found in its head and its end; a proposal, by which every row is then read or refused.

The column that the caller asks for is the best witness: a separator is right where its name is a cell of the header. Of what is
left, the rule is taken by which most rows have as many cells as the header, and most cells are a number, a moment, a word or
nothing.
"""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from champion.errors import DataError, listed
from champion.tabular.letters import look
from champion.tabular.stream import tidy
from champion.tabular.text_source import LAST_ROWS, Row, begins_with, like_rows, names_of, rows_of
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


_FEWEST = 4  # rows by which a row of units is told from others
_UNIT = re.compile(
    rf"\[[^\[\]]{{1,20}}\]|\([^()]{{1,20}}\)|(?:US)?[{_MONEY}]|USD|EUR|GBP|CHF|JPY|[%\u2030\u00b0]|\u00b0 ?[CFK]"
    r"|deg(?:rees)?|degC|ppm|ppb|mi|ft|in|inch|yd|lbs?|oz|gal|mph|psi|bpm|mmHg|K|d|h|ha|counts?|pcs"
    r"|sec(?:ond)?s?|min(?:ute)?s?|h(?:ou)?rs?|days?|weeks?|months?|y(?:ea)?rs?"
    r"|[\u00b5\u03bckcmnhdMGT]?(?:m|g|s|l|L|A|V|W|Wh|Hz|Pa|J|N|mol|bar|B|b|t|cal)(?:[\u00b2\u00b3]|\^?[23])?"
    r"(?:/[\u00b5\u03bckcmndh]?(?:m|g|s|l|L|h|mol|ha|min|day)(?:[\u00b2\u00b3]|\^?[23])?)?"
)
"""What stands in a row of units, certainly."""


@dataclass(frozen=True)
class Proposal:
    """How a table seems to be read, what is said of it (nothing where it is CSV as everybody reads it), and what is asked.

    `like_a_row`: the header, where it looks like a row.
    """

    how: Dialect
    said: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()
    like_a_row: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Fit:
    """One rule tried: where the header is, how well rows fit, and whether the wanted names are there."""

    how: Dialect
    rows: list[Row]
    at: int  # of the header among the rows; -1 where there is none
    named: int  # wanted names that it has
    share: float  # of the rows that have as many cells
    known: float  # of the cells that look like a value

    def with_footer(self, words: tuple[str, ...]) -> _Fit:
        """The same, with words by which a footer begins."""
        return replace(self, how=self.how.model_copy(update={"footer": words}))

    @property
    def header(self) -> list[str]:
        return names_of(len(self.rows[0][1])) if self.at < 0 else self.rows[self.at][1]

    @property
    def whole_rows(self) -> list[list[str]]:
        """Rows below the header that have its number of cells, but for what may be a footer."""
        below = [cells for _, cells in self.rows[self.at + 1 :]]
        return [cells for cells in below[:-LAST_ROWS] or below if len(cells) == len(self.header)][:100]

    @property
    def like_a_row(self) -> tuple[str, ...]:
        """The names of the header, where they look like cells of their columns: each of those with numbers or repeated texts."""
        names, whole = tidy(self.header), self.whole_rows
        if self.at < 0 or len(whole) < _FEWEST:
            return ()
        columns = list(zip(names, zip(*whole, strict=True), strict=True))
        numbers = [_are_numbers([name]) for name, cells in columns if _are_numbers(cells)]
        texts = [name in cells for name, cells in columns if not _are_numbers(cells) and len({*cells}) < len(cells)]
        return tuple(names) if all(numbers + texts) and 2 * len(numbers + texts) > len(names) else ()

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
    units, asked = below_the_names(best)
    how = how.model_copy(update={"footer": footer, "units": units})
    return Proposal(how, in_words(display_name, how, looked.guessed), asked, best.like_a_row)


def in_words(display_name: str, how: Dialect, guessed: bool = False) -> tuple[str, ...]:
    """What is said of a table that is not read as everybody reads it."""
    facts = {
        f"separated by {_NAMES.get(how.separator, repr(how.separator))}": how.separator != ",",
        f"quoted by {how.quote}" if how.quote else "without quotes": how.quote != '"',
        f"{how.escape} before a quote within a cell": how.escape,
        f"the sheet {how.sheet!r}": how.sheet is not None,
        "without names of columns, which are called c1, c2 and so on": how.header == "none",
        f"the names of the columns in line {how.header}": how.header not in (1, "none"),
        f"its first row in line {how.first_row}": how.first_row > 1,
        f"below the names their units ({listed(list(how.units.values()))})": how.units,
        f"in each row a {how.unnamed} cell without a name": how.unnamed,
        f"what is below the table left out ({listed(how.footer)})": how.footer,
    }
    said = [*_letters(display_name, how.encoding, guessed)]
    if any(facts.values()):
        said.append(f"{display_name} is read so: {', '.join(fact for fact, holds in facts.items() if holds)}.")
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
    if at < 0:
        first = _first_row(filled)
        filled, line = filled[first:], filled[first][0] if first else 1
        header = names_of(len(filled[0][1]))
    else:
        line, header = filled[at]
    below = [cells for _, cells in filled[at + 1 :]]
    main = below[:-LAST_ROWS] or below  # without what may be a footer
    widths = [len(cells) for cells in main]
    unnamed = _unnamed(main, len(header))
    width = len(header) + (unnamed is not None)
    share = sum(each == width for each in widths) / max(len(widths), 1)
    cells = [cell for each in main[:100] for cell in each]
    known = sum(bool(_KNOWN.fullmatch(cell)) for cell in cells) / max(len(cells), 1)
    begins: int | str = "none" if at < 0 else 1 if at == 0 else line
    where = {"header": begins, "first_row": line if at < 0 else 1}
    found = how.model_copy(update={**where, "unnamed": unnamed if at >= 0 else None})
    return _Fit(found, filled, at, named, share, known)


def _header(rows: Sequence[Row], names: Sequence[str]) -> tuple[int, int]:
    """Where the names of the columns are, -1 where there are none, and how many of those wanted are among them."""
    wanted = set(names)
    held = [len(wanted.intersection(tidy(cells))) for _, cells in rows[: _TITLES + 1]]
    most = max(held)
    if most:
        return held.index(most), most
    widths = [len(cells) for _, cells in rows]
    usual = Counter(widths).most_common(1)[0][0]
    if wanted and wanted <= set(names_of(usual)):
        return -1, len(wanted)
    for at, (_, cells) in enumerate(rows[: _TITLES + 1]):
        if len(cells) in (usual, usual - 1) and sum(bool(cell.strip()) for cell in cells) >= len(cells) - 1:
            return at, 0
    return 0, 0


def _first_row(rows: Sequence[Row]) -> int:
    """Which of some rows is the first of a table without names; those above it are a title."""
    usual = Counter(len(cells) for _, cells in rows).most_common(1)[0][0]
    return next((at for at, (_, cells) in enumerate(rows[: _TITLES + 1]) if like_rows(cells, usual)), 0)


def below_the_names(fit: _Fit) -> tuple[dict[str, str], tuple[str, ...]]:
    """The units that the row below the names holds, and what is asked where that, or the header, is not certain.

    Units are certain where all columns of numbers have a known one there, or nothing.
    """
    asked = []
    if shown := fit.like_a_row:
        line = fit.how.first_line
        asked.append(
            f"{'the first line' if line == 1 else f'line {line}'} ({', '.join(map(repr, shown[:4]))}) looks like a row. If it is "
            f"one: header: none{'' if line == 1 else f', first_row: {line}'}; its columns are called c1 to c{len(shown)}, the "
            "target too"
        )
    names, whole = tidy(fit.header), fit.whole_rows
    if fit.at < 0 or len(whole) < _FEWEST:
        return {}, tuple(asked)
    numbers = [at for at, cells in enumerate(zip(*whole[1:], strict=True)) if _are_numbers(cells)]
    heads = {names[at]: whole[0][at].strip() for at in numbers if not _are_numbers([whole[0][at]])}
    units = {name: cell for name, cell in heads.items() if re.search(r"[^\W\d]|[%$\u20ac\u00b0]", cell)}
    if len(heads) < len(numbers) or not units or not all(heads):
        return {}, tuple(asked)
    if all(_UNIT.fullmatch(cell) for cell in units.values()):
        return units, tuple(asked)
    if len(units) > 1:
        each = ", ".join(
            f"{json.dumps(name, ensure_ascii=False)}: {json.dumps(unit, ensure_ascii=False)}"
            for name, unit in units.items()
        )
        asked.append(f"the row below the names is read as one; it may hold units. If it does: units: {{{each}}}")
    return {}, tuple(asked)


def _are_numbers(cells: Sequence[str]) -> bool:
    filled = [cell.strip() for cell in cells if cell.strip()]
    return bool(filled) and all(any(map(str.isdigit, cell)) and re.fullmatch(_NUMBER, cell) for cell in filled)


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
