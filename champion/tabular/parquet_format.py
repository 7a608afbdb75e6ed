"""Parquet: a file or a folder of them, whole or in chunks through Arrow; written with zstd."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from champion.errors import DataError
from champion.tabular import typed
from champion.tabular.parquet_folder import ParquetFolder
from champion.tabular.stream import TableStream, first_line
from champion.use_case.dialect import Dialect

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TEXTS_ALONE = False
CHUNK_ROWS = typed.CHUNK_ROWS
_PAGE_BYTES = 1024 * 1024  # read at a time from each column


def read(path: Path, table: str, unused: Collection[str], missing: Sequence[str], how: Dialect) -> pd.DataFrame:
    """Read it whole; see `champion.tabular.tables.Format`."""
    import pyarrow as pa
    from pyarrow import parquet

    del how  # a typed format says all of it itself
    if path.is_dir():
        with _named_errors(table):
            folder = ParquetFolder(path, table)
            typed.require_unique(folder.schema, table, unused)
            batches = list(folder.batches(folder.schema.names, CHUNK_ROWS))
            return typed.frame(pa.Table.from_batches(batches, folder.schema), missing)
    with _named_errors(table), parquet.ParquetFile(path) as file:
        typed.require_unique(file.schema_arrow, table, unused)
        whole = file.read(use_pandas_metadata=True)
    return typed.frame(whole, missing)


def stream(path: Path, table: str, how: Dialect) -> TableStream:
    """Read its head; see `champion.tabular.tables.Format`."""
    from pyarrow import parquet

    del how
    if path.is_dir():
        with _named_errors(table):
            folder = ParquetFolder(path, table)

        def parts(columns: list[str]) -> Iterator[pa.RecordBatch]:
            with _named_errors(table):
                yield from folder.batches(columns, CHUNK_ROWS)

        return typed.streamed(folder.schema, folder.rows, parts)
    with _named_errors(table), parquet.ParquetFile(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows

    def batches(columns: list[str]) -> Iterator[pa.RecordBatch]:
        with _named_errors(table), parquet.ParquetFile(path, buffer_size=_PAGE_BYTES, pre_buffer=False) as file:
            yield from file.iter_batches(batch_size=CHUNK_ROWS, columns=columns)

    return typed.streamed(schema, rows, batches)


def writer(path: Path, schema: pa.Schema, quote_formulas: bool) -> Any:
    """Write batches into it; see `champion.tabular.tables.Format`. Its cells have types: a text is none that is calculated."""
    from pyarrow import parquet

    del quote_formulas
    made = parquet.ParquetWriter(path, schema, compression="zstd")
    made.quoted = 0
    return made


def cells(column: pa.Array) -> pa.Array:
    """Any column as it is."""
    return column


@contextmanager
def _named_errors(table: str) -> Iterator[None]:
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        if "more than 64 bits" in str(error):
            raise DataError(
                f"{table} has a column of whole numbers of 128 bits, which cannot be read here. Write them as texts, or as "
                "64 bits."
            ) from None
        raise DataError(f"{table} is not Parquet, or is broken ({first_line(error)}). Write it again.") from None
