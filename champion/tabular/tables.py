"""Tables: into memory, or a chunk at a time, and out; each format is a module in `FORMATS`, found by a file's name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from champion.errors import DataError
from champion.tabular import csv_format, parquet_format
from champion.tabular.stream import TableStream, first_line, no_rows
from champion.use_case.learning import MISSING_WORDS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class Format(Protocol):
    """A module; `table` begins the sentence of every DataError, which says where a file is broken."""

    TEXTS_ALONE: bool  # whether a written cell is a text, so that lists and structures have no place

    def read(self, path: Path, table: str, unused: Collection[str], missing: Sequence[str]) -> pd.DataFrame:
        """Read it whole, with an index from 0 and columns as a use case names them; the texts in `missing` are no values.

        Of a name that stands more than once the first column is read where it is `unused`; else DataError is raised.
        """

    def stream(self, path: Path, table: str) -> TableStream:
        """Read its head: which columns it has, and of which types."""

    def writer(self, path: Path, schema: pa.Schema, quote_formulas: bool) -> Any:
        """What has `write_batch`, `close` to make the file whole, and `quoted`: how many cells are quoted as formulas.

        A batch's columns are as `cells` gives them.
        """

    def cells(self, column: pa.Array) -> pa.Array:
        """A column as the format can hold it."""


FORMATS: dict[str, Format] = {".csv": csv_format, ".csv.gz": csv_format, ".parquet": parquet_format}
SUFFIXES = tuple(FORMATS)
_SPREADSHEETS = (".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers")


@dataclass(frozen=True)
class WrittenTable:
    """A table as the store keeps it, as a Parquet file and not in memory; who takes it may move the file away."""

    path: Path
    rows: int
    columns: int


def read_table(
    path: Path, display_name: str, unused: Collection[str] = (), missing: Sequence[str] = ("", *MISSING_WORDS)
) -> pd.DataFrame:
    """Read a table; a CSV is UTF-8, separated by commas, with a header. Column names become unique strings.

    The texts in `missing` stand for no value, in any format. `display_name` is the file as the user would name it. Raises
    DataError when the file is missing, empty, of another format, or broken, with the line where that is known; or when a
    column's name stands more than once that is not `unused`.
    """
    table = f"The table {display_name}"
    try:
        frame = FORMATS[table_suffix(path, display_name)].read(path, table, unused, missing)
    except FileNotFoundError:
        raise DataError(f"{table} does not exist. Put it there, or correct the path.") from None
    except IsADirectoryError:
        raise DataError(f"{display_name} is a folder, expected a file: {', '.join(SUFFIXES)}.") from None
    except OSError as error:
        raise DataError(f"{table} cannot be read ({error.strerror or first_line(error)}).") from None
    if frame.empty:
        raise no_rows(table, len(frame.columns))
    return frame


def open_table(path: Path) -> TableStream:
    """Read the head of a table. Raises DataError when the file is empty, of another format, or broken."""
    return FORMATS[suffix_of(path.name) or ".csv"].stream(path, "The table")


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as the store keeps it: Parquet (zstd), without the index."""
    import pandas as pd

    texts = [str(name) for name, dtype in frame.dtypes.items() if not pd.api.types.is_numeric_dtype(dtype)]
    frame.to_parquet(path, engine="pyarrow", compression="zstd", index=False, use_dictionary=texts)


def suffix_of(name: str) -> str | None:
    """The ending that tells a table's format, or None where it is none of `SUFFIXES`."""
    return next((suffix for suffix in SUFFIXES if name.casefold().endswith(suffix)), None)


def table_suffix(path: Path, display_name: str) -> str:
    """The ending that tells a table's format, in lower case. Raises DataError when it is none of `SUFFIXES`."""
    name = path.name.casefold()
    suffix = suffix_of(name)
    if suffix and name != suffix:
        return suffix
    if path.is_dir():
        raise DataError(f"{display_name} is a folder, expected a file: {', '.join(SUFFIXES)}.")
    if name.endswith(_SPREADSHEETS):
        remedy = "Save the sheet as CSV (UTF-8, separated by commas), and give that file."
    elif name.endswith(".dvc"):
        remedy = f"It points to a table: give that, {display_name.removesuffix('.dvc')}."
    else:
        remedy = "Save the table as CSV or Parquet."
    raise DataError(f"{display_name} is no table that can be read here; expected {', '.join(SUFFIXES)}. {remedy}")
