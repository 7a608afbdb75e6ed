"""A text of any dialect as plain CSV: UTF-8, commas, names in the first line, and nothing below the table.

What is plain already passes as it is. Of the rest each row is read by the rule of `champion.use_case.dialect.Dialect`, and none
is guessed: one that has another number of cells than the header is an error with its line.
"""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from threading import RLock
from typing import IO, Any, Protocol

from champion.errors import DataError
from champion.scratch import scratch
from champion.tabular.packing import Unpacked
from champion.tabular.stream import tidy
from champion.use_case.dialect import BLANKS, Dialect

Row = tuple[int, list[str]]  # the line in which it begins, counting from 1, and its cells
LAST_ROWS = 20  # among which a footer is looked for
LONGEST_HEADER = 16 * 1024 * 1024  # characters of all names
LONGEST_CELL = 64 * 1024 * 1024  # characters
_ROWS = 4096  # written at a time


class Source(Protocol):
    """A table as plain CSV, which can be opened again and again."""

    path: Path
    table: str  # begins the sentence of every DataError
    is_plain: bool  # whether its bytes are those of a file that may be packed
    left_out: list[str]  # what is below the table, in sentences, once all was read

    def open(self) -> Any:
        """Its bytes, as a binary file that has a `share`."""


class TextSource:
    """A text file; see `Source`."""

    def __init__(self, path: Path, table: str, how: Dialect) -> None:
        self.path, self.table, self.how = path, table, how
        self.is_plain = how.is_plain
        self.left_out: list[str] = []

    def open(self) -> Any:
        """See `Source`."""
        raw = Unpacked(self.path, self.table)
        if self.is_plain:
            return raw
        return Rewritten(plain_csv(self._rows(raw), self.how, self.table, self.left_out), raw)

    def _rows(self, raw: Unpacked) -> Iterator[Row]:
        with io.TextIOWrapper(io.BufferedReader(raw, 1 << 20), with_mark(self.how.encoding), newline="") as text:
            try:
                yield from rows_of(text, self.how, self.table)
            except UnicodeDecodeError as error:
                raise wrong_letters(self.path, self.table, self.how.encoding, error) from None


def with_mark(encoding: str) -> str:
    """An encoding that takes a mark at the beginning for what it is."""
    return "utf-8-sig" if encoding.casefold().replace("_", "-") in ("utf-8", "utf8") else encoding


def rows_of(text: IO[str], how: Dialect, table: str) -> Iterator[Row]:
    """The rows of a text from the header on, without blank lines.

    Raises DataError where a quote is not closed, or a line above a table without a header is a row of it.
    """
    above = [_line(text, table) for _ in range(how.first_line - 1)]
    options: dict[str, Any] = {"quotechar": how.quote} if how.quote else {"quoting": csv.QUOTE_NONE}
    if how.escape:
        options |= {"escapechar": how.escape, "doublequote": False}
    if how.separator == BLANKS:
        options |= {"delimiter": " ", "skipinitialspace": True}
    else:
        options["delimiter"] = how.separator
    lines = _lines(text, how, table)
    reader = csv.reader(lines, strict=True, **options)
    began = how.first_line
    csv.field_size_limit(LONGEST_CELL)
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise _not_parsed(str(error), table, began, how) from None
        if row is None:
            return
        if row and above:
            require_titles([_cells(line, how, options) for line in above], row, how, table)
            above = []
        if row:
            yield began, row
        began = how.first_line + reader.line_num


def _cells(line: str, how: Dialect, options: dict[str, Any]) -> list[str]:
    """The cells of a line above the table, which may be written in any way."""
    parsed = csv.reader([_with_single_blanks(line, how.quote) if how.separator == BLANKS else line], **options)
    try:
        return next(parsed, [])
    except csv.Error:
        return []


def like_rows(cells: Sequence[str], width: int) -> bool:
    """Whether cells above a table without names may be a row of it: as many, most of which hold something."""
    return len(cells) == width > 1 and 2 * sum(bool(cell.strip()) for cell in cells) > width


def require_titles(above: Sequence[Sequence[str]], first: Sequence[str], how: Dialect, table: str) -> None:
    """Refuse a table without names in which rows stand above its first one. Raises DataError."""
    if how.header != "none":
        return
    for line, cells in enumerate(above, 1):
        if like_rows(cells, len(first)) and tidy([*cells]) != names_of(len(first)):
            raise DataError(
                f"{table} has a row in line {line}, and data.read.first_row: {how.first_row} would leave it out. Say {line} "
                "there, or write a title above the rows."
            )


def _lines(text: IO[str], how: Dialect, table: str) -> Iterator[str]:
    """The lines of a text; the first one is not read to its end where it is too long for a header."""
    first = True
    while line := (_line(text, table) if first else text.readline()):
        first = first and not line.strip()
        yield _with_single_blanks(line, how.quote) if how.separator == BLANKS else line


def _line(text: IO[str], table: str) -> str:
    line = text.readline(LONGEST_HEADER)
    if len(line) == LONGEST_HEADER:
        raise DataError(
            f"{table} has a first line of more than {LONGEST_HEADER:,} characters. Expected the names of columns, and "
            "each row in a line of its own."
        )
    return line


def _with_single_blanks(line: str, quote: str) -> str:
    """A line without blanks at its ends, and without tabs between cells."""
    parts = line.strip().split(quote) if quote else [line.strip()]
    parts[::2] = [part.replace("\t", " ") for part in parts[::2]]
    return (quote or "").join(parts) + "\n"


def plain_csv(rows: Iterable[Row], how: Dialect, table: str, left_out: list[str]) -> Generator[bytes]:
    """Rows, of which the first is the header if there is one, as plain CSV in pieces.

    `left_out` gets what is said of those below the table.
    Raises DataError when a row has another number of cells than the header, or the row of units has others than `how` says.
    """
    each = iter(rows)
    header = next(each, None)
    if header is None:
        return
    names = ["", *header[1]] if how.unnamed == "first" else header[1]
    if how.header == "none":
        names = names_of(len(header[1]))
        each = each if tidy(header[1]) == names else chain([header], each)
    elif how.units:
        each = _without_units(each, tidy(names), how, table)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(names)
    for count, (line, cells) in enumerate(_above_footer(each, how, left_out), 1):
        if len(cells) != len(names) and not (len(cells) == 1 and not cells[0].strip()):
            cells = _fitted(cells, len(names), line, how, table)
        elif len(cells) != len(names):
            continue  # a blank line
        writer.writerow(cells)
        if count % _ROWS == 0:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
            csv.field_size_limit(LONGEST_CELL)  # others of this process set it too
    yield out.getvalue().encode()


def names_of(width: int) -> list[str]:
    """What the columns of a table without a header are called."""
    return [f"c{number}" for number in range(1, width + 1)]


def _without_units(rows: Iterator[Row], names: list[str], how: Dialect, table: str) -> Iterator[Row]:
    """The rows without the first one where that has the units; where it has numbers in their place, it is a row."""
    first = next(rows, None)
    if first is None:
        return
    line, cells = first
    found = {name: cell.strip() for name, cell in zip(names, cells, strict=False) if name in how.units and cell.strip()}
    others = {name: cell for name, cell in found.items() if cell.casefold() != how.units[name].strip().casefold()}
    wrong = {name: cell for name, cell in others.items() if not re.search(r"\d", cell)}
    if wrong and len(others) < len(found):
        name, cell = next(iter(wrong.items()))
        raise DataError(
            f"{table} has the unit {cell!r} for {name!r} in line {line}, expected {how.units[name]!r} (data.read.units). Convert "
            "the column, or correct the use case."
        )
    if others or not found:
        yield first
    yield from rows


def _fitted(cells: list[str], width: int, line: int, how: Dialect, table: str) -> list[str]:
    if how.unnamed == "last" and len(cells) == width + 1 and not cells[-1].strip():
        return cells[:-1]
    raise other_fields(table, line=line, got=len(cells), expected=width, separator=how.separator)


def _above_footer(rows: Iterable[Row], how: Dialect, left_out: list[str]) -> Iterator[Row]:
    """The rows that are of the table."""
    if not how.footer:
        yield from rows
        return
    last: deque[Row] = deque()
    for row in rows:
        last.append(row)
        if len(last) > LAST_ROWS:
            yield last.popleft()
    below = next((at for at, (_, cells) in enumerate(last) if begins_with(cells, how.footer)), len(last))
    yield from list(last)[:below]
    if below < len(last):
        line, cells = last[below]
        number = len(last) - below
        what = next(cell for cell in cells if cell.strip()).strip()
        left_out[:] = [
            f"{number:,} row{'s' if number > 1 else ''} below the table {'are' if number > 1 else 'is'} left out, from line "
            f"{line:,} on, which begins with {what[:40]!r} (data.read.footer)."
        ]


def begins_with(cells: list[str], words: Iterable[str]) -> bool:
    """Whether the first filled cell of a row is one of these words, or begins with it as a word of its own."""
    first = next((cell.strip().casefold() for cell in cells if cell.strip()), "")
    for word in (word.strip().casefold() for word in words):
        if first.startswith(word) and not (first[len(word) : len(word) + 1].isalnum() and word[-1].isalnum()):
            return True
    return False


class Rewritten(io.RawIOBase):
    """Pieces of bytes as a file; `share` is that of the file from which they come."""

    def __init__(self, pieces: Generator[bytes], raw: Any = None) -> None:
        self._pieces, self._raw, self._held = pieces, raw, b""
        self._lock = RLock()  # Arrow reads ahead in a thread of its own

    @property
    def share(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return float(self._raw.share) if self._raw is not None else 1.0

    def readable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Some bytes, or all that are left."""
        with self._lock:
            if size is None or size < 0:
                self._held, data = b"", b"".join([self._held, *self._pieces])
                return data
            while not self._held:
                piece = next(self._pieces, None)
                if piece is None:
                    return b""
                self._held = piece
            data, self._held = self._held[:size], self._held[size:]
            return data

    def readinto(self, buffer: Any) -> int:
        """As `io.RawIOBase` asks for it."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """End what gives the pieces, too."""
        with self._lock:
            if not self.closed:
                self._pieces.close()
                if self._raw is not None:
                    self._raw.close()
            super().close()


@contextmanager
def plain_file(source: Source) -> Iterator[Source]:
    """A source to read more than once: one that is not plain is rewritten, into a file that lives as long as the block."""
    if source.is_plain:
        yield source
        return
    with scratch() as folder:
        path = folder / "plain.csv"
        with source.open() as file, path.open("wb") as plain:
            while piece := file.read(1 << 20):
                plain.write(piece)
        yield TextSource(path, source.table, Dialect())


def other_fields(table: str, *, line: int, got: int, expected: int, separator: str = ",") -> DataError:
    """A row has more or fewer cells than the header has names."""
    what = {",": "commas", ";": "semicolons", "\t": "tabs", BLANKS: "blanks"}.get(
        separator, f"the separator {separator!r}"
    )
    remedy = f"Put texts with {what} into double quotes."
    if got < expected:
        remedy = (
            f"A row that ends early may be a file that was cut off: write it again, with {what} for the empty fields too. A row "
            "below the table is left out where data.read.footer has its first word."
        )
    elif expected == 1 or line <= 3:
        remedy += (
            " Where a title stands above the names of the columns, say in data.read.header in which line they stand."
        )
    return DataError(f"{table} cannot be parsed: line {line} has {got} fields, the header has {expected}. {remedy}")


def never_closed(table: str, line: int, quote: str = '"') -> DataError:
    """A quote is not closed before the end."""
    what = "double quote" if quote == '"' else f"quote {quote}"
    return DataError(
        f"{table} cannot be parsed: the {what} that opens in line {line} is never closed. Close or remove it."
    )


def _not_parsed(message: str, table: str, line: int, how: Dialect) -> DataError:
    if "unexpected end of data" in message or "field limit" in message:
        return never_closed(table, line, how.quote)
    if "expected after" in message:
        return DataError(
            f"{table} cannot be parsed: line {line} has letters after a closing quote. Double the quotes within a cell; where "
            'quotes are letters as others, say `quote: ""` in data.read.'
        )
    return DataError(f"{table} cannot be parsed: {message} (line {line}). Save it as CSV anew.")


def wrong_letters(path: Path, table: str, encoding: str, error: UnicodeDecodeError | None = None) -> DataError:
    """Say in which line the first byte stands that is not of the encoding, where lines can be told before they are decoded."""
    where = ""
    if not re.search(r"(?i)utf.?(16|32)", encoding):
        with io.BufferedReader(Unpacked(path, table)) as file:
            for number, line in enumerate(file, start=1):
                try:
                    line.decode(encoding)
                except UnicodeDecodeError as wrong:
                    where = f" (line {number}: the byte 0x{line[wrong.start]:02x})"
                    break
    elif error is not None:
        where = f" ({error.reason})"
    return DataError(
        f"{table} is not all in {encoding}{where}. Say in data.read.encoding what it is, such as windows-1252, or save it in "
        "UTF-8."
    )
