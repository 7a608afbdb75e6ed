"""Parquet: whole through pandas, in chunks through Arrow, written with zstd."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from champion.errors import DataError
from champion.tabular.stream import TableStream, first_line, repeated, require_once, tidy, without_words

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TEXTS_ALONE = False
CHUNK_ROWS = 131_072
_PAGE_BYTES = 1024 * 1024  # read at a time from each column


def read(path: Path, table: str, unused: Collection[str], missing: Sequence[str]) -> pd.DataFrame:
    """Read it whole; see `champion.tabular.tables.Format`."""
    import pandas as pd
    from pyarrow import parquet

    with _named_errors(table):
        with path.open("rb") as opened:
            twice = repeated(tidy(parquet.read_schema(opened).names))
        require_once([name for name in twice if name not in unused], table)
        with parquet.ParquetFile(path) as file:
            whole = file.read(use_pandas_metadata=True)
        names = tidy(whole.column_names)
        whole = whole.select([at for at, name in enumerate(names) if name not in names[:at]])
        frame: pd.DataFrame = _without_words(whole, missing).to_pandas()
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    frame.index = pd.RangeIndex(len(frame))
    frame.columns = tidy(frame.columns)
    return frame


def _without_words(table: pa.Table, missing: Sequence[str]) -> pa.Table:
    import pyarrow as pa

    for at, field in enumerate(table.schema):
        column = table.column(at)
        made = [without_words(chunk, missing) for chunk in column.chunks]
        if any(new is not former for new, former in zip(made, column.chunks, strict=True)):
            table = table.set_column(at, field, pa.chunked_array(made, field.type))
    return table


def stream(path: Path, table: str) -> TableStream:
    """Read its head; see `champion.tabular.tables.Format`."""
    import pyarrow as pa
    from pyarrow import parquet

    with _named_errors(table), parquet.ParquetFile(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    tidied = tidy(schema.names)
    twice, written_as = repeated(tidied), dict(zip(tidied, schema.names, strict=True))
    done = [0]

    def chunks(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        wanted = [written_as[name] for name in columns]
        with _named_errors(table), parquet.ParquetFile(path, buffer_size=_PAGE_BYTES, pre_buffer=False) as file:
            for batch in file.iter_batches(batch_size=CHUNK_ROWS, columns=wanted):
                done[0] += batch.num_rows
                yield batch.select(wanted).rename_columns(list(columns))
        if not rows:
            yield pa.RecordBatch.from_pylist([], schema=pa.schema([read_as.field(name) for name in columns]))

    fields = [field.with_name(name) for field, name in zip(schema, tidied, strict=True) if name not in twice]
    read_as = pa.schema(fields)
    return TableStream(read_as, rows, False, chunks, lambda: done[0] / rows if rows else 1.0, twice)


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
