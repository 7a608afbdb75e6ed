"""Tables: into memory, or a chunk at a time, and out; each format is a module in `FORMATS`, found by a file's name."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from champion.errors import DataError, listed
from champion.tabular import arrow_format, csv_format, json_format, parquet_format, sheet_format
from champion.tabular.packing import PACKINGS, name_within, packing_of
from champion.tabular.parquet_folder import is_parquet_folder
from champion.tabular.propose import Proposal, propose
from champion.tabular.stream import TableStream, first_line, no_rows
from champion.use_case.dialect import Dialect, FormatName
from champion.use_case.learning import MISSING_WORDS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


class Format(Protocol):
    """A module; `table` begins the sentence of every DataError, which says where a file is broken."""

    def read(
        self, path: Path, table: str, unused: Collection[str], missing: Sequence[str], how: Dialect
    ) -> pd.DataFrame:
        """Read it whole, with an index from 0 and columns as a use case names them; the texts in `missing` are no values.

        Of a name that stands more than once the first column is read where it is `unused`; else DataError is raised.
        """

    def stream(self, path: Path, table: str, how: Dialect) -> TableStream:
        """Read its head: which columns it has, and of which types."""


class WrittenFormat(Protocol):
    """A module that writes predictions, too."""

    TEXTS_ALONE: bool  # whether a written cell is a text, so that lists and structures have no place

    def writer(self, path: Path, schema: pa.Schema, quote_formulas: bool) -> Any:
        """What has `write_batch`, `close` to make the file whole, and `quoted`: how many cells are quoted as formulas.

        A batch's columns are as `cells` gives them.
        """

    def cells(self, column: pa.Array) -> pa.Array:
        """A column as the format can hold it."""


FORMATS: dict[FormatName, Format] = {
    "text": csv_format,
    "parquet": parquet_format,
    "arrow": arrow_format,
    "json": json_format,
    "spreadsheet": sheet_format,
}
PROPOSED: dict[FormatName, Callable[[Path, str, Sequence[str]], Proposal]] = {
    "text": propose,
    "spreadsheet": sheet_format.propose,
}
"""Formats that do not say themselves how they are read, and what finds it out."""
ENDINGS: dict[str, FormatName] = {
    **dict.fromkeys((".csv", ".tsv", ".tab", ".txt", ".dat", ".data"), "text"),
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".feather", ".arrow", ".ipc"), "arrow"),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "json"),
    **dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), "spreadsheet"),
}
"""What a file's name says of its format; texts and JSON may be packed, too, as `champion.tabular.packing.PACKINGS` has it."""
_VAGUE = ("", ".txt", ".dat", ".data")  # endings of any kind of file
PACKED: tuple[FormatName, ...] = ("text", "json")
WRITTEN: dict[str, WrittenFormat] = {".csv": csv_format, ".csv.gz": csv_format, ".parquet": parquet_format}
"""By the end of its name, how a table of predictions is written."""
_FOREIGN = {
    (".numbers", ".gsheet", ".fods"): "Save the sheet as .xlsx or CSV, and give that file.",
    (".sav", ".zsav", ".por"): "Save it as CSV in SPSS, with labels or with values, as you want to predict them.",
    (
        ".dta",
    ): "Save it as CSV in Stata (`export delimited`), or with pandas: `pandas.read_stata(FILE).to_parquet(...)`.",
    (".sas7bdat", ".xpt"): "Save it as CSV in SAS, or with pandas: `pandas.read_sas(FILE).to_parquet(...)`.",
    (".rds", ".rda", ".rdata"): "Save it in R: `write.csv(TABLE, FILE, row.names = FALSE)`.",
    (".html", ".htm", ".xml"): "Open it in a spreadsheet program, and save the table as CSV or .xlsx.",
    (".pkl", ".pickle", ".joblib"): "Whoever wrote it can write Parquet: `TABLE.to_parquet(...)`.",
    (".h5", ".hdf5", ".npy", ".npz", ".mat"): "Write its table as CSV or Parquet.",
    (".db", ".sqlite", ".sqlite3", ".duckdb", ".mdb", ".accdb", ".dbf"): "Export the table as CSV or Parquet.",
    (".arff",): "Remove what stands above its rows, and give the names of the columns in the first line.",
    (".doc", ".docx", ".pdf"): "Save the table as CSV.",
    (".7z", ".rar", ".tar", ".tgz"): "Unpack it, and give the table.",
}


@dataclass(frozen=True)
class WrittenTable:
    """A table as the store keeps it, as a Parquet file and not in memory; who takes it may move the file away."""

    path: Path
    rows: int
    columns: int


def read_table(
    path: Path,
    display_name: str,
    unused: Collection[str] = (),
    missing: Sequence[str] = ("", *MISSING_WORDS),
    how: Dialect | None = None,
) -> pd.DataFrame:
    """Read a table as `how` says, or as CSV is read by everybody. Column names become unique strings.

    The texts in `missing` stand for no value, in any format. `display_name` is the file as the user would name it. Raises
    DataError when the file is missing, empty, of another format, or broken, with the line where that is known; or when a
    column's name stands more than once that is not `unused`.
    """
    table, how = f"The table {display_name}", how or Dialect()
    try:
        frame = FORMATS[format_of(path, display_name, how)].read(path, table, unused, missing, how)
    except FileNotFoundError:
        raise DataError(f"{table} does not exist. Put it there, or correct the path.") from None
    except IsADirectoryError:
        raise _is_folder(display_name) from None
    except OSError as error:
        raise DataError(f"{table} cannot be read ({error.strerror or first_line(error)}).") from None
    if frame.empty:
        raise no_rows(table, len(frame.columns))
    return frame


def open_table(path: Path, how: Dialect | None = None, names: Sequence[str] = ()) -> TableStream:
    """Read the head of a table, in which these names are wanted.

    Where they are not found as `how` says, and are as the file seems to be written, it is read so, and `said` says it. Raises
    DataError when the file is empty, of another format, or broken.
    """
    how = how or Dialect()
    kind = format_of(path, path.name, how)
    opened: TableStream | None = None
    try:
        opened = FORMATS[kind].stream(path, "The table", how)
        if kind not in PROPOSED or set(names) <= {*opened.schema.names, *opened.repeated}:
            return opened
    except DataError:
        if kind not in PROPOSED or not names:
            raise
    other = _as_it_seems(path, kind, names, how)
    known = set(names) & set(opened.schema.names) if opened else set[str]()
    if other is not None and len(set(names) & set(other.schema.names)) > len(known):
        return other
    return opened or FORMATS[kind].stream(path, "The table", how)


def notes_of(path: Path, how: Dialect) -> list[str]:
    """What is left out below a table, in sentences; one that has no footer by its rule is not read for that."""
    opened = open_table(path, how)
    if how.footer:
        for _ in opened.chunks(opened.schema.names[:1]):
            pass
    return opened.notes()


def _as_it_seems(path: Path, kind: FormatName, names: Sequence[str], known: Dialect) -> TableStream | None:
    """The head of a table, read as the file seems to be written, in the units that are known; None where it cannot be read so."""
    proposal = PROPOSED[kind](path, path.name, names)
    try:
        opened = FORMATS[kind].stream(path, "The table", proposal.how.model_copy(update={"units": known.units}))
    except DataError:
        return None
    said = proposal.said or (
        f"{path.name} is read as plain CSV: UTF-8, commas, the names of the columns in the first line.",
    )
    return replace(opened, said=said)


def proposal_for(path: Path, display_name: str, names: Sequence[str]) -> Proposal:
    """How a table seems to be read whose columns have these names. Raises DataError where it is none that is read here."""
    kind = format_of(path, display_name)
    return PROPOSED[kind](path, display_name, names) if kind in PROPOSED else Proposal(Dialect())


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as the store keeps it: Parquet (zstd), without the index."""
    import pandas as pd

    texts = [str(name) for name, dtype in frame.dtypes.items() if not pd.api.types.is_numeric_dtype(dtype)]
    frame.to_parquet(path, engine="pyarrow", compression="zstd", index=False, use_dictionary=texts)


def written_suffix(name: str) -> str | None:
    """The ending that says how predictions are written, or None where it is none of `WRITTEN`."""
    return next((suffix for suffix in WRITTEN if name.casefold().endswith(suffix)), None)


def ending_of(name: str) -> str:
    """The end of a file's name that says what is in it, in lower case; empty where it says nothing."""
    folded = name.casefold()
    packing = packing_of(folded)
    inner = folded[: len(folded) - len(packing)]
    return next((ending for ending in ENDINGS if inner.endswith(ending)), "") + packing


def format_of(path: Path, display_name: str, how: Dialect | None = None) -> FormatName:
    """The format of a file, by its name where `how` does not say it. Raises DataError where it is none that is read here."""
    if is_parquet_folder(path):
        return "parquet"
    packing, name = packing_of(path.name), path.name
    if packing and path.is_file():
        name = name_within(path, display_name)
    elif packing:
        name = name[: len(name) - len(packing)]
    ending = next((each for each in ENDINGS if name.casefold().endswith(each)), "")
    said = how.format if how else None
    by_name = ENDINGS[ending] if ending and name.casefold() != ending else None
    found = said or by_name if ending in _VAGUE else by_name or said
    if found is None and path.is_dir():
        raise _is_folder(display_name)
    if found is None:
        raise _foreign(name, display_name)
    if packing and found not in PACKED:
        raise DataError(
            f"{display_name} is {found} that is packed as {packing}; only texts and JSON are read so. Unpack it first."
        )
    return found


def _is_folder(display_name: str) -> DataError:
    return DataError(
        f"{display_name} is a folder, expected a file: {', '.join(ENDINGS)}; or a folder of Parquet files."
    )


def _foreign(name: str, display_name: str) -> DataError:
    remedy = next((text for ends, text in _FOREIGN.items() if name.casefold().endswith(ends)), None)
    if name.casefold().endswith(".dvc"):
        remedy = f"It points to a table: give that, {display_name.removesuffix('.dvc')}."
    remedy = (
        remedy
        or "Save the table as CSV or Parquet; where it is such already, say so in its name, or in data.read.format."
    )
    known = f"{', '.join(ENDINGS)}, and texts and JSON also packed as {listed(PACKINGS)}"
    return DataError(f"{display_name} is no table that can be read here; expected {known}. {remedy}")
