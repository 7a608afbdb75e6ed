"""Tables: CSV and Parquet into memory, with an error that says where a file is broken, and out as the store keeps them.

What pandas would do in silence is refused here: a second column of the same name that is renamed, rows with more fields
than the header that shift into the index. Column names lose blanks around them, and accents get one spelling (Unicode
NFC), so that a name typed into a use case is the name in the table.
"""

from __future__ import annotations

import csv
import gzip
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

from champion.errors import DataError, listed

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".csv.gz", ".parquet")
_SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers")
_BROKEN_GZIP = (gzip.BadGzipFile, EOFError, zlib.error)


@dataclass(frozen=True)
class WrittenTable:
    """A table as the store keeps it, not in memory.

    Attributes
    ----------
    path : Path
        The Parquet file; who takes it may move it away.
    """

    path: Path
    rows: int
    columns: int


def read_table(path: Path, shown: str) -> pd.DataFrame:
    """Read a table.

    Parameters
    ----------
    path : Path
        A file that ends in .csv (UTF-8, separated by commas, with a header), .csv.gz or .parquet.
    shown : str
        The file as the user would name it, for messages.

    Returns
    -------
    DataFrame, shape (rows, columns)
        Index from 0; column names are unique strings.

    Raises
    ------
    DataError
        When the file is missing, empty, of another format, or broken; with the line where that is known.
    """
    suffix = table_suffix(path, shown)
    try:
        frame = _read_parquet(path, shown) if suffix == ".parquet" else _read_csv(path, shown)
    except FileNotFoundError:
        raise DataError(f"The table {shown} does not exist. Put it there, or correct the path.") from None
    except IsADirectoryError:
        raise DataError(f"{shown} is a folder, expected a file: {', '.join(SUFFIXES)}.") from None
    except OSError as error:
        raise DataError(f"The table {shown} cannot be read ({error.strerror or _first_line(error)}).") from None
    if frame.empty:
        raise DataError(f"The table {shown} has {len(frame.columns)} columns but no row. Give it rows.")
    return frame


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as the store keeps it: Parquet (zstd), without the index.

    Parameters
    ----------
    frame : DataFrame, shape (rows, columns)
        Any.
    """
    import pandas as pd

    texts = [str(name) for name, dtype in frame.dtypes.items() if not pd.api.types.is_numeric_dtype(dtype)]
    frame.to_parquet(path, engine="pyarrow", compression="zstd", index=False, use_dictionary=texts)


def table_suffix(path: Path, shown: str) -> str:
    """Give the ending that tells a table's format, in lower case.

    Raises
    ------
    DataError
        When it is none of `SUFFIXES`; with what to do.
    """
    name = path.name.casefold()
    found = next((suffix for suffix in SUFFIXES if name.endswith(suffix) and name != suffix), None)
    if found:
        return found
    if path.is_dir():
        raise DataError(f"{shown} is a folder, expected a file: {', '.join(SUFFIXES)}.")
    if name.endswith(_SPREADSHEETS):
        remedy = "Save the sheet as CSV (UTF-8, separated by commas), and give that file."
    elif name.endswith(".dvc"):
        remedy = f"It points to a table: give that, {shown.removesuffix('.dvc')}."
    else:
        remedy = "Save the table as CSV or Parquet."
    raise DataError(f"{shown} is no table that can be read here; expected {', '.join(SUFFIXES)}. {remedy}")


def _read_parquet(path: Path, shown: str) -> pd.DataFrame:
    import pandas as pd
    from pyarrow import ArrowException, parquet

    try:
        with path.open("rb") as file:
            names = parquet.read_schema(file).names
            _require_unique(_tidy(names), shown)
        frame = pd.read_parquet(path)
    except (ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise DataError(
            f"The table {shown} is not Parquet, or is broken ({_first_line(error)}). Write it again."
        ) from None
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    frame.index = pd.RangeIndex(len(frame))
    frame.columns = _tidy(frame.columns)
    return frame


def _read_csv(path: Path, shown: str) -> pd.DataFrame:
    import pandas as pd

    try:
        header = _header(path, shown)
        frame = pd.read_csv(path, encoding="utf-8", compression=_compression(path), low_memory=False)
    except UnicodeDecodeError:
        raise DataError(f"The table {shown} is not UTF-8{_undecodable(path)}. Save it as CSV in UTF-8.") from None
    except _BROKEN_GZIP as error:
        raise DataError(f"The table {shown} is not gzip, or is cut off ({error}). Compress it again.") from None
    except pd.errors.EmptyDataError:
        raise DataError(f"The table {shown} is empty. Expected a header and rows.") from None
    except (pd.errors.ParserError, csv.Error) as error:
        raise DataError(f"The table {shown} cannot be parsed: {_parse_problem(_first_line(error))}") from None
    if not isinstance(frame.index, pd.RangeIndex):
        raise DataError(
            f"The table {shown} has more fields in its rows than the {len(header)} names in its header. "
            "Name every column, or remove the comma that ends the rows."
        )
    frame.columns = _tidy(frame.columns)
    return frame


def _header(path: Path, shown: str) -> list[str]:
    """Read the names in the first line, before pandas renames those that stand there twice."""
    with _text(path) as file:
        names = _tidy(next((row for row in csv.reader(file) if row), []))
    _require_unique([name for name in names if name], shown)
    for separator, word in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(names) == 1 and separator in names[0]:
            raise DataError(
                f"The table {shown} seems to be separated by {word}, expected commas. Save it as CSV with commas "
                "and decimal points, or as Parquet."
            )
    return names


def _text(path: Path) -> IO[str]:
    if _compression(path):
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _compression(path: Path) -> Literal["gzip"] | None:
    return "gzip" if path.name.casefold().endswith(".gz") else None


def _tidy(names: Iterable[object]) -> list[str]:
    return [unicodedata.normalize("NFC", str(name)).strip() for name in names]


def _require_unique(names: list[str], shown: str) -> None:
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise DataError(
            f"The table {shown} has more than one column named {listed(repeated)}. Rename or remove all but one."
        )


def _undecodable(path: Path) -> str:
    """Say in which line the first byte stands that is no UTF-8."""
    with gzip.open(path) if _compression(path) else path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                return f" (line {number}: the byte 0x{line[error.start]:02x})"
    return ""


def _parse_problem(message: str) -> str:
    fields = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", message)
    if fields:
        expected, line, saw = fields.groups()
        return f"line {line} has {saw} fields, the header has {expected}. Put texts with commas into double quotes."
    quote = re.search(r"EOF inside string starting at row (\d+)", message)
    if quote:
        return f"the double quote that opens in line {int(quote.group(1)) + 1} is never closed. Close or remove it."
    return f"{message.strip()}. Save it as CSV anew."


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0].rstrip(".")
