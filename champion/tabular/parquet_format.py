"""Parquet: whole through pandas, in chunks through Arrow, written with zstd."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from champion.errors import DataError
from champion.tabular.stream import TableStream, first_line, no_rows, tidy

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TEXTS_ALONE = False
CHUNK_ROWS = 131_072
_PAGE_BYTES = 1024 * 1024  # read at a time from each column


def read(path: Path, table: str) -> pd.DataFrame:
    """Read it whole; see `champion.tabular.tables.Format`."""
    import pandas as pd
    from pyarrow import parquet

    with _named_errors(table):
        with path.open("rb") as file:
            tidy(parquet.read_schema(file).names, table)
        frame = pd.read_parquet(path)
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    frame.index = pd.RangeIndex(len(frame))
    frame.columns = tidy(frame.columns, table)
    return frame


def stream(path: Path, table: str) -> TableStream:
    """Read its head; see `champion.tabular.tables.Format`."""
    import pyarrow as pa
    from pyarrow import parquet

    with _named_errors(table), parquet.ParquetFile(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    if not rows:
        raise no_rows(table, len(schema))
    tidied = tidy(schema.names, table)
    written_as = dict(zip(tidied, schema.names, strict=True))
    done = [0]

    def chunks(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        wanted = [written_as[name] for name in columns]
        with _named_errors(table), parquet.ParquetFile(path, buffer_size=_PAGE_BYTES, pre_buffer=False) as file:
            for batch in file.iter_batches(batch_size=CHUNK_ROWS, columns=wanted):
                done[0] += batch.num_rows
                yield batch.select(wanted).rename_columns(list(columns))

    fields = [field.with_name(name) for field, name in zip(schema, tidied, strict=True)]
    return TableStream(pa.schema(fields), rows, False, chunks, lambda: done[0] / rows)


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
        raise DataError(f"{table} is not Parquet, or is broken ({first_line(error)}). Write it again.") from None
