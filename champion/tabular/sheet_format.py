"""Spreadsheets: .xlsx, .xlsm, .xlsb, .xls and .ods, cell by cell by python-calamine, as a text would have them.

A sheet is in memory as a whole. No cell decides what another one is: a text that says 007 stays one, and whole numbers have no
point. Dates and moments are ISO 8601, durations their seconds. Nothing is calculated: a cell has the result that its program has
left there.
"""

from __future__ import annotations

import datetime
import re
import zipfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from champion.errors import DataError, counted, listed
from champion.tabular.csv_format import read_source, stream_source
from champion.tabular.propose import Proposal, below_the_names, fit_of, footer_of, in_words
from champion.tabular.stream import TableStream
from champion.tabular.text_source import Rewritten, Row, plain_csv, require_titles
from champion.use_case.dialect import Dialect

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES = 2 * 1024**3  # of all that is packed in a spreadsheet
_EXACT = 1e15  # from here on a number is written by its exponent
_DURATION = re.compile(r"PT(\d+)H(\d+)M(\d+(?:[.,]\d+)?)S")
_CELL = re.compile(rb"<c\b[^>]*?(?:/>|>.*?</c>)", re.DOTALL)
_FORMULA = re.compile(rb"<f\b.*?(?:/>|</f>)", re.DOTALL)
_TAIL = 65_536  # bytes in which a cell may lie on the edge of two blocks
_BLOCK = 4 * 1024 * 1024


def read(path: Path, table: str, unused: Collection[str], missing: Sequence[str], how: Dialect) -> pd.DataFrame:
    """Read it whole; see `champion.tabular.tables.Format`."""
    return read_source(SheetSource(path, table, how), unused, missing)


def stream(path: Path, table: str, how: Dialect) -> TableStream:
    """Read its head; see `champion.tabular.tables.Format`."""
    return stream_source(SheetSource(path, table, how))


class SheetSource:
    """A sheet; see `champion.tabular.text_source.Source`."""

    is_plain = False

    def __init__(self, path: Path, table: str, how: Dialect) -> None:
        self.path, self.table, self.how = path, table, how
        self.left_out: list[str] = []
        self._plain: bytes | None = None

    def open(self) -> Any:
        """See `champion.tabular.text_source.Source`."""
        if self._plain is None:
            with _book(self.path, self.table) as book:
                name = self.how.sheet or _first(book, self.table)
                all_rows = list(_rows(book, name, self.path, self.table))
            rows = [row for row in all_rows if row[0] >= self.how.first_line]
            above = {number: cells for number, cells in all_rows if number < self.how.first_line}
            if rows and above:
                filled = [above.get(number, []) for number in range(1, max(above) + 1)]
                require_titles(filled, rows[0][1], self.how, self.table)
            below: list[str] = []
            self._plain = b"".join(plain_csv(rows, self.how, self.table, below))
            self.left_out = [*below, *_without_result(self.path, name)]
        return Rewritten(piece for piece in [self._plain])


def propose(path: Path, display_name: str, names: Sequence[str]) -> Proposal:
    """Which sheet holds the table, whose columns have these names, and where in it."""
    table = f"The table {display_name}"
    fits: list[tuple[Any, str]] = []
    with _book(path, table) as book:
        shown = _shown(book)
        for name in shown:
            rows = list(_rows(book, name, path, table))
            fit = fit_of(rows[:1000], Dialect(), names) if rows else None
            if fit is not None:
                footer = footer_of(fit.rows[fit.at + 1 :] if len(rows) <= 1000 else rows[-200:], fit.header)
                fits.append((fit, name) if not footer else (fit.with_footer(footer), name))
        hidden = [name for name in book.sheet_names if name not in shown]
        if not fits:
            return Proposal(Dialect())
        fit, name = max(fits, key=lambda each: each[0].rank)
        others = [each for _, each in fits if each != name]
        units, asked = below_the_names(fit)
        sheet = name if others or hidden else None
        how = fit.how.model_copy(update={"sheet": sheet, "unnamed": None, "units": units})
    said = [*in_words(display_name, how)]
    if others:
        said.append(
            f"{display_name} has more sheets with rows: {listed(others)}. Another one is named in data.read.sheet."
        )
    if hidden:
        said.append(f"{display_name} has sheets that are hidden or hold no cells: {listed(hidden)}.")
    return Proposal(how, tuple(said), asked, fit.like_a_row)


@contextmanager
def _book(path: Path, table: str) -> Iterator[Any]:
    import python_calamine as calamine

    with suppress(zipfile.BadZipFile, OSError), zipfile.ZipFile(path) as archive:
        size = sum(each.file_size for each in archive.infolist())
        if size > MOST_BYTES:
            raise DataError(
                f"{table} holds {size / 1024**3:.1f} GiB when it is unpacked, more than {MOST_BYTES >> 30} GiB. Save the "
                "sheet as CSV or Parquet."
            )
    if not path.exists():
        raise FileNotFoundError(path)
    try:
        with calamine.load_workbook(str(path)) as book:
            yield book
    except calamine.PasswordError:
        raise DataError(f"{table} is locked by a password. Save it without one.") from None
    except calamine.CalamineError as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise DataError(f"{table} is no spreadsheet, or is broken ({reason}). Save it anew, or as CSV.") from None


def _shown(book: Any) -> list[str]:
    """The sheets that are shown, and hold cells."""
    sheets = [
        each
        for each in book.sheets_metadata
        if str(each.typ).endswith("WorkSheet") and "Hidden" not in str(each.visible)
    ]
    return [each.name for each in sheets]


def _first(book: Any, table: str) -> str:
    for name in _shown(book):
        if book.get_sheet_by_name(name).start is not None:
            return str(name)
    raise DataError(f"{table} has no sheet that is shown and holds a cell: {listed(book.sheet_names)}. Give it rows.")


def _rows(book: Any, name: str, path: Path, table: str) -> Iterator[Row]:
    """The rows of a sheet that hold anything, each with its number, from its first column that is used."""
    if name not in book.sheet_names:
        raise DataError(f"{table} has no sheet {name!r}; it has {listed(book.sheet_names)}. Correct data.read.sheet.")
    sheet = book.get_sheet_by_name(name)
    if sheet.start is None:
        return
    durations = path.name.casefold().endswith(".ods")
    for number, row in enumerate(sheet.iter_rows(), 1):
        cells = [_text(cell, durations) for cell in row]
        if any(cells):
            yield number, cells


def _text(cell: Any, durations: bool) -> str:
    """A cell as a text."""
    if isinstance(cell, str):
        span = _DURATION.fullmatch(cell) if durations else None
        if span is None:
            return cell
        hours, minutes, seconds = (float(part.replace(",", ".")) for part in span.groups())
        return _text(hours * 3600 + minutes * 60 + seconds, durations)
    if isinstance(cell, bool):
        return str(cell)
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < _EXACT else repr(cell)
    if isinstance(cell, datetime.timedelta):
        return _text(cell.total_seconds(), durations)
    return cell.isoformat() if isinstance(cell, datetime.date | datetime.time) else str(cell)


def _without_result(path: Path, name: str) -> list[str]:
    """What is said of cells of an .xlsx that hold an error, or a formula that no program has computed."""
    errors = open_formulas = 0
    if path.name.casefold().endswith((".xlsx", ".xlsm")):
        with suppress(zipfile.BadZipFile, KeyError, OSError), zipfile.ZipFile(path) as archive:
            errors, open_formulas = _counted(archive, _member(archive, name))
    said = []
    if errors:
        said.append(
            f"{counted(errors, 'cell', 'cells')} of the sheet {name!r} hold an error, such as #DIV/0!, and count as missing."
        )
    if open_formulas:
        said.append(
            f"{counted(open_formulas, 'cell', 'cells')} of the sheet {name!r} hold a formula without a result, and count as "
            "missing. Open the file in its program, and save it again."
        )
    return said


def _member(archive: zipfile.ZipFile, name: str) -> str:
    """Where in the archive a sheet is."""
    from xml.sax.saxutils import unescape

    book = archive.read("xl/workbook.xml").decode("utf-8", "replace")
    target = ""
    for sheet in re.findall(r"<sheet\b[^>]*>", book):
        marks = dict(re.findall(r'([\w:]+)="([^"]*)"', sheet))
        if unescape(marks.get("name", ""), {"&quot;": '"', "&apos;": "'"}) == name:
            target = next((value for key, value in marks.items() if key.endswith(":id")), "")
    for relation in re.findall(
        r"<Relationship\b[^>]*>", archive.read("xl/_rels/workbook.xml.rels").decode("utf-8", "replace")
    ):
        marks = dict(re.findall(r'([\w:]+)="([^"]*)"', relation))
        if marks.get("Id") == target:
            return marks["Target"].lstrip("/") if marks["Target"].startswith("/") else f"xl/{marks['Target']}"
    raise KeyError(name)


def _counted(archive: zipfile.ZipFile, member: str) -> tuple[int, int]:
    """How many cells hold an error, and how many a formula without a result."""
    errors = formulas = 0
    with archive.open(member) as file:
        held = b""
        while block := file.read(_BLOCK):
            held += block
            end = held.rfind(b"</row>") + 1 or max(len(held) - _TAIL, 0)
            for cell in _CELL.findall(held[:end]):
                if b't="e"' in cell[: cell.find(b">")]:
                    errors += 1
                elif b"<f" in cell and b"<v>" not in _FORMULA.sub(b"", cell) and b"<is>" not in cell:
                    formulas += 1
            held = held[end:]
    return errors, formulas
