"""Tables a chunk at a time: CSV and Parquet of any length, with an error that says where a file is broken.

A CSV is read as text alone. What a text stands for is settled later, by the signature of a model, so that a code such
as 007 stays one and a wrong value in a late row spoils that row and no other. Names of columns lose blanks around them,
and accents get one spelling (Unicode NFC), as everywhere in this project.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from champion.errors import DataError, listed

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".csv.gz", ".csv", ".parquet")
CHUNK_ROWS = 131_072
BLOCK_BYTES = 32 * 1024 * 1024  # of CSV, and so the longest row
_LONGEST_NAME = 131_072  # characters of a name in the header of a CSV
_PAGE_BYTES = 1024 * 1024  # of Parquet, read at a time from each column
MISSING_WORDS = (
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA",
    "NULL", "NaN", "None", "n/a", "nan", "null",
)  # fmt: skip
"""What a field of a CSV says where there is no value, as in training."""


@dataclass(frozen=True)
class TableStream:
    """A table that is read from its first row to its last, once.

    Attributes
    ----------
    rows : int or None
        How many there are; None where that is not known before the end.
    textual : bool
        Whether every value is a text, and `MISSING_WORDS` stand for none.
    """

    schema: pa.Schema
    rows: int | None
    textual: bool
    _read: Callable[[Sequence[str]], Iterator[pa.RecordBatch]] = field(repr=False)
    _share: Callable[[], float] = field(repr=False)

    def chunks(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Read some columns, some ten thousand rows at a time and in order.

        Raises
        ------
        DataError
            When the file is broken.
        """
        return self._read(columns)

    def share(self) -> float:
        """How much of the file has been read, from 0 to 1."""
        return self._share()


def suffix_of(name: str) -> str | None:
    """The ending that tells a table's format, or None where it is none of `SUFFIXES`."""
    return next((suffix for suffix in SUFFIXES if name.casefold().endswith(suffix)), None)


def open_table(path: Path) -> TableStream:
    """Read the head of a table: which columns it has, and of which types.

    Parameters
    ----------
    path : Path
        Ends in one of `SUFFIXES`.

    Raises
    ------
    DataError
        When the file is empty, of another format, or broken.
    """
    return _open_parquet(path) if suffix_of(path.name) == ".parquet" else _open_csv(path)


def tidy(name: str) -> str:
    """A column's name as a use case writes it."""
    return unicodedata.normalize("NFC", name).strip()


def _tidy_schema(schema: pa.Schema) -> pa.Schema:
    import pyarrow as pa

    names = [tidy(name) for name in schema.names]
    repeated = [name for name, count in Counter(names).items() if count > 1 and name]
    if repeated:
        raise DataError(f"The table has more than one column named {listed(repeated)}. Rename or remove all but one.")
    return pa.schema([entry.with_name(name) for entry, name in zip(schema, names, strict=True)])


def _open_parquet(path: Path) -> TableStream:
    from pyarrow import ArrowException, parquet

    try:
        with parquet.ParquetFile(path) as file:
            found, rows = file.schema_arrow, file.metadata.num_rows
    except (ArrowException, OSError) as error:
        raise _broken_parquet(error) from None
    if not rows:
        raise DataError(f"The table has {len(found)} columns but no row. Give it rows.")
    names = {tidy(name): name for name in found.names}
    done = [0]

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        wanted = [names[name] for name in columns]
        try:
            with parquet.ParquetFile(path, buffer_size=_PAGE_BYTES, pre_buffer=False) as file:
                for batch in file.iter_batches(batch_size=CHUNK_ROWS, columns=wanted):
                    done[0] += batch.num_rows
                    yield batch.select(wanted).rename_columns(list(columns))
        except (ArrowException, OSError) as error:
            raise _broken_parquet(error) from None

    return TableStream(_tidy_schema(found), rows, False, read, lambda: done[0] / rows)


def _broken_parquet(error: Exception) -> Exception:
    if isinstance(error, OSError) and error.errno is not None:
        return error
    return DataError(f"The table is not Parquet, or is broken ({_first_line(error)}). Write it again.")


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


def _open_csv(path: Path) -> TableStream:
    import pyarrow as pa

    names = _header(path)
    schema = pa.schema([(name, pa.string()) for name in names])
    place = {tidy(name): number for number, name in enumerate(names)}
    at = [0.0]

    def read(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        with closing(_Counted(path)) as file:
            for batch in _csv_batches(file, path, len(names), [place[name] for name in columns]):
                at[0] = file.share
                yield batch.rename_columns(list(columns))
            if file.quotes % 2 and (line := _unclosed(path)):
                raise _never_closed(line)

    return TableStream(_tidy_schema(schema), None, True, read, lambda: at[0])


def _header(path: Path) -> list[str]:
    try:
        with _text(path) as file:
            csv.field_size_limit(_LONGEST_NAME)
            names = next((row for row in csv.reader(file) if row), None)
    except csv.Error:
        raise _endless_header(path) from None
    except UnicodeDecodeError:
        raise _not_utf8(path) from None
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _cut_off(error) from None
    if names is None:
        raise DataError("The table is empty. Expected a header and rows.")
    for separator, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(names) == 1 and separator in names[0]:
            raise DataError(
                f"The table seems to be separated by {word}, expected commas. Save it as CSV with commas and decimal "
                "points, or as Parquet."
            )
    return names


def _csv_batches(file: _Counted, path: Path, columns: int, wanted: list[int]) -> Iterator[pa.RecordBatch]:
    """The wanted columns, named by their numbers; what is wrong with the file is an error of the project."""
    import pyarrow as pa
    import pyarrow.csv as arrow_csv

    names = [str(number) for number in range(columns)]
    skipped = _lines_before_rows(path)
    rows = 0
    try:
        reader = arrow_csv.open_csv(
            pa.PythonFile(file, mode="r"),
            arrow_csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, column_names=names, skip_rows=skipped),
            arrow_csv.ParseOptions(newlines_in_values=True),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), include_columns=[names[number] for number in wanted]
            ),
        )
        for batch in reader:
            rows += batch.num_rows
            if batch.num_rows:
                yield batch
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise _cut_off(error) from None
    except pa.ArrowInvalid as error:
        raise _csv_error(str(error), path, columns) from None
    if not rows:
        raise DataError(f"The table has {columns} columns but no row. Give it rows.")


def _csv_error(message: str, path: Path, columns: int) -> DataError:
    """What Arrow says of a broken CSV, in our words."""
    if "Empty CSV file" in message:
        return DataError(f"The table has {columns} columns but no row. Give it rows.")
    if "invalid UTF8" in message:
        return _not_utf8(path)
    fields = re.search(r"Row #(\d+): Expected (\d+) columns, got (\d+)", message)
    if fields:
        row, expected, got = fields.groups()
        return DataError(
            f"The table cannot be parsed: line {row} has {got} fields, the header has {expected}. Put texts with commas "
            "into double quotes."
        )
    if "straddling" in message or "parser got out of sync" in message:
        line, most = _unclosed(path), BLOCK_BYTES >> 20
        return _never_closed(line) if line else DataError(f"The table has a row longer than {most} MiB. Shorten it.")
    first = message.partition("\n")[0].strip()
    return DataError(f"The table cannot be parsed: {first}. Save it as CSV anew.")


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


def _never_closed(line: int) -> DataError:
    return DataError(
        f"The table cannot be parsed: the double quote that opens in line {line} is never closed. Close or remove it."
    )


def _endless_header(path: Path) -> DataError:
    """Say why a name in the header is longer than any name would be."""
    line = _unclosed(path)
    if line:
        return _never_closed(line)
    return DataError(
        f"The table's header has a name of more than {_LONGEST_NAME:,} characters. Expected the names of columns in the first "
        "line."
    )


def _lines_before_rows(path: Path) -> int:
    """How many lines blank lines and the header take."""
    with _text(path) as file:
        reader = csv.reader(file)
        next(row for row in reader if row)
        return reader.line_num


def _bytes(path: Path) -> IO[bytes]:
    if path.name.casefold().endswith(".gz"):
        return cast("IO[bytes]", gzip.open(path))
    return path.open("rb")


def _text(path: Path) -> IO[str]:
    return io.TextIOWrapper(cast("Any", _bytes(path)), encoding="utf-8-sig", newline="")


def _not_utf8(path: Path) -> DataError:
    """Say in which line the first byte stands that is no UTF-8."""
    where = ""
    with _bytes(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                where = f" (line {number}: the byte 0x{line[error.start]:02x})"
                break
    return DataError(f"The table is not UTF-8{where}. Save it as CSV in UTF-8.")


def _cut_off(error: Exception) -> DataError:
    return DataError(f"The table is not gzip, or is cut off ({error}). Compress it again.")


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
