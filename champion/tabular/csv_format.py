"""CSV: UTF-8, separated by commas, with a header, gzipped or not; and errors that say where a file is broken.

Read whole, pandas finds out what each column is, but for numbers of which one is a code, digits that begin with a zero: all of
them stay texts. What pandas would do in silence is refused: a second column of the same name that is renamed, rows with more
fields than the header that shift into the index. Read in chunks, every value is a
text. What a text stands for is decided later, by the signature of a model, so that a code such as 007 stays one and a
wrong value in a late row spoils that row and no other.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import re
import zlib
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from champion.errors import DataError
from champion.tabular.stream import TableStream, first_line, repeated, require_once, tidy
from champion.tabular.values import EXACT, plain

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TEXTS_ALONE = True
BLOCK_BYTES = 32 * 1024 * 1024  # read at a time, and so the longest row
_LONGEST_NAME = 131_072  # characters of a name in the header
_LONGEST_HEADER = 16 * 1024 * 1024  # characters of all names
_CODE = r"\s*0\d+\s*$"  # no number would be written so: 007, 01234
_WHOLE = r"\s*[+-]?\d+\s*"
_FORMULA = "^[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"  # as OWASP lists them; the last four are wide forms
_SIGNED = r"^[+-](\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_BEFORE_FIELD, _AFTER_FIELD = tuple(b'," \n\r'), tuple(b'," \t\n\r')


def read(path: Path, table: str, unused: Collection[str], missing: Sequence[str]) -> pd.DataFrame:
    """Read it whole; see `champion.tabular.tables.Format`."""
    import pandas as pd

    names = tidy(_header(path, table))
    twice = repeated(names)
    require_once([name for name in twice if name not in unused], table)
    with _named_errors(path, table):
        options: dict[str, Any] = {"compression": "gzip" if _is_gzip(path) else None, "low_memory": False}
        options |= {"na_values": list(missing), "keep_default_na": False}
        try:
            frame: pd.DataFrame = pd.read_csv(path, encoding="utf-8", **options)
        except pd.errors.EmptyDataError:
            raise DataError(f"{table} is empty. Expected a header and rows.") from None
        except pd.errors.ParserError as error:
            raise _pandas_error(first_line(error), table) from None
    if not isinstance(frame.index, pd.RangeIndex):
        raise DataError(
            f"{table} has more fields in its rows than the {len(names)} names in its header. "
            "Name every column, or remove the comma that ends the rows."
        )
    if len(names) > 1 and frame.iloc[:, -1].hasnans:
        _require_whole_rows(path, table, len(names))
    numbers = [at for at in range(len(names)) if frame.iloc[:, at].dtype.kind in "iuf"]
    whose = _with_codes(path, table, len(names), numbers) if numbers and _may_hold_codes(path) else []
    long = [at for at in range(len(names)) if _are_rounded(frame.iloc[:, at])]
    if whose or long:
        texts: pd.DataFrame = pd.read_csv(path, encoding="utf-8", usecols=[*whose, *long], dtype=str, **options)
        for name in texts.columns:
            if texts[name].str.match(_CODE).any():
                frame[name] = texts[name]
            elif texts[name].dropna().str.fullmatch(_WHOLE).all():
                frame[name] = _whole_numbers(texts[name])
            else:
                frame[name] = frame[name].where(texts[name].notna())
    if twice:
        frame = frame.iloc[:, [at for at, name in enumerate(names) if name not in names[:at] or not name]]
    frame.columns = tidy(frame.columns)
    return frame


def _require_whole_rows(path: Path, table: str, columns: int) -> None:
    """Refuse a row of too few fields, which pandas fills up in silence: in the last column, at least, it has no value."""
    with closing(_Counted(path)) as file:
        for _ in _batches(file, path, table, columns, [0]):
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


def _may_hold_codes(path: Path) -> bool:
    """Whether a field anywhere seems to be a code; cheaper than to read every number as a text.

    Where a block ends in the middle of one that begins so, it counts.
    """
    import numpy as np

    with _bytes(path) as file:
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


def _with_codes(path: Path, table: str, columns: int, numbers: list[int]) -> list[int]:
    """Which of these columns hold codes, read block by block; all may where the blocks cannot be read as pandas read the file."""
    import pyarrow.compute as pc

    codes: set[int] = set()
    try:
        with closing(_Counted(path)) as file:
            for batch in _batches(file, path, table, columns, numbers):
                for at, column in zip(numbers, batch.columns, strict=True):
                    if at not in codes and pc.any(pc.match_substring_regex(column, f"^{_CODE}")).as_py():
                        codes.add(at)
    except DataError:
        return numbers
    return sorted(codes)


def stream(path: Path, table: str) -> TableStream:
    """Read its head; see `champion.tabular.tables.Format`."""
    import pyarrow as pa

    names = [name or f"Unnamed: {at}" for at, name in enumerate(tidy(_header(path, table)))]  # as pandas calls them
    twice = repeated(names)
    number = {name: at for at, name in enumerate(names)}
    share = [0.0]

    def chunks(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        with closing(_Counted(path)) as file:
            for batch in _batches(file, path, table, len(names), [number[name] for name in columns]):
                share[0] = file.share
                yield batch.rename_columns(list(columns))
            if file.quotes % 2 and (line := _unclosed(path)):
                raise _never_closed(table, line)

    schema = pa.schema([(name, pa.string()) for name in names if name not in twice])
    return TableStream(schema, None, True, chunks, lambda: share[0], twice)


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
        self._stream = pa.output_stream(str(path), compression="gzip" if _is_gzip(path) else None)
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


def _header(path: Path, table: str) -> list[str]:
    """The names in the first line that is not blank, before pandas renames those that stand there twice."""
    csv.field_size_limit(_LONGEST_NAME)
    with _named_errors(path, table), _text(path) as file:
        try:
            names = next((row for row in csv.reader(_bounded(file, table)) if row), None)
        except csv.Error:
            if line := _unclosed(path):
                raise _never_closed(table, line) from None
            raise DataError(
                f"{table}'s header has a name of more than {_LONGEST_NAME:,} characters. Expected the names of columns in the "
                "first line."
            ) from None
    if names is None:
        raise DataError(f"{table} is empty. Expected a header and rows.")
    for separator, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(names) == 1 and separator in names[0]:
            raise DataError(
                f"{table} seems to be separated by {word}, expected commas. Save it as CSV with commas and decimal "
                "points, or as Parquet."
            )
    return names


def _bounded(file: IO[str], table: str) -> Iterator[str]:
    """The lines of a file, none of which is read to its end where it is too long for a header."""
    while line := file.readline(_LONGEST_HEADER):
        if len(line) == _LONGEST_HEADER:
            raise DataError(
                f"{table} has a first line of more than {_LONGEST_HEADER:,} characters. Expected the names of columns, and "
                "each row in a line of its own."
            )
        yield line


def _batches(file: _Counted, path: Path, table: str, columns: int, wanted: list[int]) -> Iterator[pa.RecordBatch]:
    """The wanted columns, named by their numbers."""
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    names, rows = [str(number) for number in range(columns)], 0
    with _text(path) as text:
        lines = csv.reader(text)
        next(row for row in lines if row)
    head = {"column_names": names, "skip_rows": lines.line_num}  # blank lines, too
    reading = arrow_csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, **head)
    texts = dict.fromkeys(names, pa.string())
    converting = arrow_csv.ConvertOptions(column_types=texts, include_columns=[names[number] for number in wanted])
    parsing = arrow_csv.ParseOptions(newlines_in_values=True)
    try:
        with _named_errors(path, table):
            for batch in arrow_csv.open_csv(pa.PythonFile(file, mode="r"), reading, parsing, converting):
                rows += batch.num_rows
                if batch.num_rows:
                    yield batch
    except pa.ArrowInvalid as error:
        if "Empty CSV file" not in str(error):
            raise _arrow_error(str(error), path, table) from None
    if not rows:
        yield pa.RecordBatch.from_pylist([], schema=pa.schema([(names[number], pa.string()) for number in wanted]))


def _arrow_error(message: str, path: Path, table: str) -> DataError:
    """What Arrow says of a broken CSV, in our words."""
    if "invalid UTF8" in message:
        return _not_utf8(path, table)
    if fields := re.search(r"Row #(?P<line>\d+): Expected (?P<expected>\d+) columns, got (?P<got>\d+)", message):
        return _other_fields(table, **fields.groupdict())
    if "straddling" in message or "parser got out of sync" in message:
        if unclosed := _unclosed(path):
            return _never_closed(table, unclosed)
        return DataError(f"{table} has a row longer than {BLOCK_BYTES >> 20} MiB. Shorten it.")
    return _unparsed(table, message.partition("\n")[0].strip())


def _pandas_error(message: str, table: str) -> DataError:
    """What pandas says of a broken CSV, in our words."""
    if fields := re.search(r"Expected (?P<expected>\d+) fields in line (?P<line>\d+), saw (?P<got>\d+)", message):
        return _other_fields(table, **fields.groupdict())
    quote = re.search(r"EOF inside string starting at row (\d+)", message)
    return _never_closed(table, int(quote[1]) + 1) if quote else _unparsed(table, message)


def _unparsed(table: str, message: str) -> DataError:
    return DataError(f"{table} cannot be parsed: {message}. Save it as CSV anew.")


def _other_fields(table: str, *, line: str, got: str, expected: str) -> DataError:
    remedy = "Put texts with commas into double quotes."
    if int(got) < int(expected):
        remedy = (
            "A row that ends early may be a file that was cut off: write it again, with a comma for each empty field."
        )
    return DataError(f"{table} cannot be parsed: line {line} has {got} fields, the header has {expected}. {remedy}")


def _never_closed(table: str, line: int) -> DataError:
    return DataError(
        f"{table} cannot be parsed: the double quote that opens in line {line} is never closed. Close or remove it."
    )


@contextmanager
def _named_errors(path: Path, table: str) -> Iterator[None]:
    """What is wrong with the bytes of a file is an error of the project."""
    try:
        yield
    except UnicodeDecodeError:
        raise _not_utf8(path, table) from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{table} is not gzip, or is cut off ({error}). Compress it again.") from None


def _not_utf8(path: Path, table: str) -> DataError:
    """Say in which line the first byte stands that is no UTF-8."""
    where = ""
    with _bytes(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                where = f" (line {number}: the byte 0x{line[error.start]:02x})"
                break
    return DataError(f"{table} is not UTF-8{where}. Save it as CSV in UTF-8.")


def _unclosed(path: Path) -> int | None:
    """The line in which a double quote opens that is never closed, or not within two blocks; None where there is none."""
    began = 1
    with _text(path) as file:
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

    def __init__(self, path: Path) -> None:
        self._file = _bytes(path)
        self._packed = getattr(self._file, "fileobj", self._file)
        self._size = path.stat().st_size
        self.quotes = 0
        self.share = 0.0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.quotes += data.count(b'"')
        self.share = self._packed.tell() / self._size if self._size else 1.0
        return data

    def close(self) -> None:
        self._file.close()
        super().close()


def _is_gzip(path: Path) -> bool:
    return path.name.casefold().endswith(".gz")


def _bytes(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path)) if _is_gzip(path) else path.open("rb")


def _text(path: Path) -> IO[str]:
    return io.TextIOWrapper(cast("Any", _bytes(path)), encoding="utf-8-sig", newline="")
