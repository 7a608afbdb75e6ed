"""Texts: CSV as everybody reads it, and what `champion.tabular.text_source` makes such; and errors that say where one is broken.

Read whole, pandas finds out what each column is, but for numbers of which one is a code, digits that begin with a zero: all of
them stay texts. What pandas would do in silence is refused: a second column of the same name that is renamed, rows with more
fields than the header that shift into the index. Read in chunks, every value is a
text. What a text stands for is decided later, by the signature of a model, so that a code such as 007 stays one and a
wrong value in a late row spoils that row and no other.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from champion.errors import DataError
from champion.tabular.stream import TableStream, first_line, repeated, require_once, tidy
from champion.tabular.text_source import (
    LONGEST_HEADER,
    Source,
    TextSource,
    never_closed,
    other_fields,
    plain_file,
    wrong_letters,
)
from champion.tabular.values import EXACT, plain
from champion.use_case.dialect import Dialect

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TEXTS_ALONE = True
BLOCK_BYTES = 32 * 1024 * 1024  # read at a time, and so the longest row
_LONGEST_NAME = 131_072  # characters of a name in the header
_CODE = r"\s*0\d+\s*$"  # no number would be written so: 007, 01234
_WHOLE = r"\s*[+-]?\d+\s*"
_FORMULA = "^[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"  # as OWASP lists them; the last four are wide forms
_SIGNED = r"^[+-](\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_BEFORE_FIELD, _AFTER_FIELD = tuple(b'," \n\r'), tuple(b'," \t\n\r')


def read(path: Path, table: str, unused: Collection[str], missing: Sequence[str], how: Dialect) -> pd.DataFrame:
    """Read it whole; see `champion.tabular.tables.Format`."""
    return read_source(TextSource(path, table, how), unused, missing)


def stream(path: Path, table: str, how: Dialect) -> TableStream:
    """Read its head; see `champion.tabular.tables.Format`."""
    return stream_source(TextSource(path, table, how))


def read_source(source: Source, unused: Collection[str], missing: Sequence[str]) -> pd.DataFrame:
    """Read whole what can be had as plain CSV."""
    with plain_file(source) as plain_source:
        return _read(plain_source, unused, missing)


def _read(source: Source, unused: Collection[str], missing: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    table = source.table
    names = _names(source)
    twice = repeated(names)
    require_once([name for name in twice if name not in unused], table)
    with _named_errors(source):
        options: dict[str, Any] = {"low_memory": False, "encoding": "utf-8"}
        options |= {"na_values": list(missing), "keep_default_na": False}
        try:
            with source.open() as file:
                frame: pd.DataFrame = pd.read_csv(file, **options)
        except pd.errors.EmptyDataError:
            raise DataError(f"{table} is empty. Expected a header and rows.") from None
        except pd.errors.ParserError as error:
            raise _pandas_error(first_line(error), table) from None
    if not isinstance(frame.index, pd.RangeIndex):
        raise DataError(
            f"{table} has more fields in its rows than the {len(names)} names in its header. Name every column, or remove the "
            "comma that ends the rows; where a title stands above them, say in data.read.header in which line they stand, and "
            "where each row begins with a cell that has no name, or ends in a comma, say so in data.read.unnamed."
        )
    if len(names) > 1 and frame.iloc[:, -1].hasnans:
        _require_whole_rows(source, len(names))
    numbers = [at for at in range(len(names)) if frame.iloc[:, at].dtype.kind in "iuf"]
    whose = _with_codes(source, len(names), numbers) if numbers and _may_hold_codes(source) else []
    long = [at for at in range(len(names)) if _are_rounded(frame.iloc[:, at])]
    if whose or long:
        with source.open() as file:
            texts: pd.DataFrame = pd.read_csv(file, usecols=[*whose, *long], dtype=str, **options)
        for name in texts.columns:
            if texts[name].str.match(_CODE).any():
                frame[name] = texts[name]
            elif texts[name].dropna().str.fullmatch(_WHOLE).all():
                frame[name] = _whole_numbers(texts[name])
            else:
                frame[name] = frame[name].where(texts[name].notna())
    frame.columns = names
    if twice:
        frame = frame.iloc[:, [at for at, name in enumerate(names) if name not in names[:at]]]
    return frame


def _names(source: Source) -> list[str]:
    """The names of the columns; one that has none is called as pandas calls it, by its place from 0."""
    return [name or f"Unnamed: {at}" for at, name in enumerate(tidy(_header(source)))]


def _require_whole_rows(source: Source, columns: int) -> None:
    """Refuse a row of too few fields, which pandas fills up in silence: in the last column, at least, it has no value."""
    with closing(_Counted(source)) as file:
        for _ in _batches(file, source, columns, [0]):
            pass


def _are_rounded(column: pd.Series) -> bool:
    """Whether pandas may have rounded whole numbers: with gaps they are floats, and beyond 64 bits they are Python's own."""
    if column.dtype.kind == "f":
        return bool(column.hasnans and column.abs().max() >= EXACT)
    if column.dtype == object:
        return any(type(value) is int for value in column)
    return column.dtype == "str" and bool((column == "").any())  # beyond 63 bits pandas forgets what is missing


def _whole_numbers(texts: pd.Series) -> pd.Series:
    """Whole numbers as 64 bits with gaps; as digits where that is too short for one of them."""
    import pandas as pd

    for dtype in ("Int64", "UInt64"):
        with contextlib.suppress(ValueError, OverflowError, TypeError):
            return pd.Series(pd.array([value if value != value else int(value) for value in texts], dtype=dtype))
    return texts


def _may_hold_codes(source: Source) -> bool:
    """Whether a field anywhere seems to be a code; cheaper than to read every number as a text.

    Where a block ends in the middle of one that begins so, it counts.
    """
    import numpy as np

    with source.open() as file:
        end = b""
        while block := file.read(1 << 20):
            octets = np.frombuffer(end + block, dtype=np.uint8)
            zeros = np.flatnonzero(octets[1:-1] == ord("0"))
            digits = zeros[(octets[zeros + 2] - ord("0")) < 10]  # unsigned, so that what is below a zero is large
            begun = digits[np.isin(octets[digits], _BEFORE_FIELD)]
            if begun.size:
                others = np.flatnonzero((octets - ord("0")) >= 10)
                ends = others[np.minimum(np.searchsorted(others, begun + 2), len(others) - 1)]
                if (np.isin(octets[ends], _AFTER_FIELD) | (ends < begun + 2)).any():
                    return True
            end = block[-2:]
    return False


def _with_codes(source: Source, columns: int, numbers: list[int]) -> list[int]:
    """Which of these columns hold codes, read block by block; all may where the blocks cannot be read as pandas read the file."""
    import pyarrow.compute as pc

    codes: set[int] = set()
    try:
        with closing(_Counted(source)) as file:
            for batch in _batches(file, source, columns, numbers):
                for at, column in zip(numbers, batch.columns, strict=True):
                    if at not in codes and pc.any(pc.match_substring_regex(column, f"^{_CODE}")).as_py():
                        codes.add(at)
    except DataError:
        return numbers
    return sorted(codes)


def stream_source(source: Source) -> TableStream:
    """Read the head of what can be had as plain CSV."""
    import pyarrow as pa

    names = _names(source)
    twice = repeated(names)
    number = {name: at for at, name in enumerate(names)}
    share = [0.0]

    def chunks(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        with closing(_Counted(source)) as file:
            for batch in _batches(file, source, len(names), [number[name] for name in columns]):
                share[0] = file.share
                yield batch.rename_columns(list(columns))
            if file.quotes % 2 and (line := _unclosed(source)):
                raise never_closed(source.table, line)

    schema = pa.schema([(name, pa.string()) for name in names if name not in twice])
    return TableStream(schema, None, True, chunks, lambda: share[0], twice, lambda: source.left_out)


class Writer:
    """A CSV that grows batch by batch, each column in `cells`.

    Asked to quote formulas, it puts an apostrophe before each text that a spreadsheet would take for one, names of columns
    included; `quoted` counts them.
    """

    def __init__(self, path: Path, schema: pa.Schema, quote_formulas: bool) -> None:
        import pyarrow as pa
        from pyarrow import csv as arrow_csv

        self._quotes, self.quoted = quote_formulas, 0
        self._names = self._harmless(pa.array(schema.names, pa.string())).to_pylist()
        schema = pa.schema([field.with_name(name) for field, name in zip(schema, self._names, strict=True)])
        self._stream = pa.output_stream(str(path), compression="gzip" if path.name.casefold().endswith(".gz") else None)
        options = arrow_csv.WriteOptions(quoting_style="needed")
        self._writer = arrow_csv.CSVWriter(self._stream, schema, write_options=options)

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Add some rows."""
        import pyarrow as pa

        self._writer.write_batch(pa.record_batch([*map(self._harmless, batch.columns)], names=self._names))

    def _harmless(self, column: pa.Array) -> pa.Array:
        """A column whose texts are no formulas, where that is asked for; a number that stands as text is none."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if not self._quotes or not pa.types.is_string(column.type):
            return column
        formula = pc.and_not(pc.match_substring_regex(column, _FORMULA), pc.match_substring_regex(column, _SIGNED))
        self.quoted += pc.sum(formula).as_py() or 0
        return pc.if_else(formula, pc.binary_join_element_wise("'", column, ""), column)

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()
        self._stream.close()


writer = Writer


def cells(column: pa.Array) -> pa.Array:
    """A column as a CSV can hold it."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        return cells(column.dictionary_decode())
    if pa.types.is_duration(kind):
        return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())
    if isinstance(kind, pa.BaseExtensionType):
        return cells(plain(column))
    fits = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string, pa.types.is_null)
    return column if any(fitting(kind) for fitting in fits) else column.cast(pa.string())


def _header(source: Source) -> list[str]:
    """The names in the first line that is not blank, before pandas renames those that stand there twice."""
    table = source.table
    csv.field_size_limit(_LONGEST_NAME)
    with _named_errors(source), _text(source) as file:
        try:
            names = next((row for row in csv.reader(_bounded(file, table)) if row), None)
        except csv.Error:
            if line := _unclosed(source):
                raise never_closed(table, line) from None
            raise DataError(
                f"{table}'s header has a name of more than {_LONGEST_NAME:,} characters. Expected the names of columns in the "
                "first line."
            ) from None
    if names is None:
        raise DataError(f"{table} is empty. Expected a header and rows.")
    for separator, written, word in ((";", ";", "semicolons"), ("\t", "\\t", "tabs"), ("|", "|", "bars")):
        if source.is_plain and len(names) == 1 and separator in names[0]:
            raise DataError(
                f'{table} seems to be separated by {word}, expected commas. Say `separator: "{written}"` in data.read, or have '
                "`python run.py init` find out how it is to be read."
            )
    return names


def _bounded(file: IO[str], table: str) -> Iterator[str]:
    """The lines of a file, none of which is read to its end where it is too long for a header."""
    while line := file.readline(LONGEST_HEADER):
        if len(line) == LONGEST_HEADER:
            raise DataError(
                f"{table} has a first line of more than {LONGEST_HEADER:,} characters. Expected the names of columns, and "
                "each row in a line of its own."
            )
        yield line


def _batches(file: _Counted, source: Source, columns: int, wanted: list[int]) -> Iterator[pa.RecordBatch]:
    """The wanted columns, named by their numbers."""
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    names, rows = [str(number) for number in range(columns)], 0
    with _text(source) as text:
        lines = csv.reader(text)
        next(row for row in lines if row)
    head = {"column_names": names, "skip_rows": lines.line_num}  # blank lines, too
    reading = arrow_csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, **head)
    texts = dict.fromkeys(names, pa.string())
    converting = arrow_csv.ConvertOptions(column_types=texts, include_columns=[names[number] for number in wanted])
    parsing = arrow_csv.ParseOptions(newlines_in_values=True)
    try:
        with _named_errors(source):
            for batch in arrow_csv.open_csv(pa.PythonFile(file, mode="r"), reading, parsing, converting):
                rows += batch.num_rows
                if batch.num_rows:
                    yield batch
    except pa.ArrowInvalid as error:
        if "Empty CSV file" not in str(error):
            raise _arrow_error(str(error), source) from None
    if not rows:
        yield pa.RecordBatch.from_pylist([], schema=pa.schema([(names[number], pa.string()) for number in wanted]))


def _arrow_error(message: str, source: Source) -> DataError:
    """What Arrow says of a broken CSV, in our words."""
    table = source.table
    if "invalid UTF8" in message:
        return wrong_letters(source.path, table, "utf-8")
    if fields := re.search(r"Row #(?P<line>\d+): Expected (?P<expected>\d+) columns, got (?P<got>\d+)", message):
        return _fields_error(table, fields)
    if "straddling" in message or "parser got out of sync" in message:
        if unclosed := _unclosed(source):
            return never_closed(table, unclosed)
        return DataError(f"{table} has a row longer than {BLOCK_BYTES >> 20} MiB. Shorten it.")
    return _unparsed(table, message.partition("\n")[0].strip())


def _pandas_error(message: str, table: str) -> DataError:
    """What pandas says of a broken CSV, in our words."""
    if fields := re.search(r"Expected (?P<expected>\d+) fields in line (?P<line>\d+), saw (?P<got>\d+)", message):
        return _fields_error(table, fields)
    quote = re.search(r"EOF inside string starting at row (\d+)", message)
    return never_closed(table, int(quote[1]) + 1) if quote else _unparsed(table, message)


def _unparsed(table: str, message: str) -> DataError:
    return DataError(f"{table} cannot be parsed: {message}. Save it as CSV anew.")


def _fields_error(table: str, fields: re.Match[str]) -> DataError:
    return other_fields(table, line=int(fields["line"]), got=int(fields["got"]), expected=int(fields["expected"]))


@contextmanager
def _named_errors(source: Source) -> Iterator[None]:
    """What is wrong with the letters of a file is an error of the project."""
    try:
        yield
    except UnicodeDecodeError:
        raise wrong_letters(source.path, source.table, "utf-8") from None


def _unclosed(source: Source) -> int | None:
    """The line in which a double quote opens that is never closed, or not within two blocks; None where there is none."""
    began = 1
    with _text(source) as file:
        reader = csv.reader(file, strict=True)
        csv.field_size_limit(2 * BLOCK_BYTES)  # of which there is one in memory, not the whole file
        try:
            for _ in reader:
                began = reader.line_num + 1
        except csv.Error as error:
            endless = "field limit" in str(error) and reader.line_num > began
            return began if endless or "unexpected end of data" in str(error) else None
    return None


class _Counted(io.RawIOBase):
    """A file that knows how much of it was read, and how many double quotes were in it."""

    def __init__(self, source: Source) -> None:
        self._file = source.open()
        self.quotes = 0
        self.share = 0.0

    def readable(self) -> bool:
        return True

    def read(self, size: int | None = -1) -> bytes:
        data: bytes = self._file.read(size)
        self.quotes += data.count(b'"')
        self.share = self._file.share
        return data

    def close(self) -> None:
        self._file.close()
        super().close()


def _text(source: Source) -> IO[str]:
    return io.TextIOWrapper(io.BufferedReader(source.open()), encoding="utf-8-sig", newline="")
