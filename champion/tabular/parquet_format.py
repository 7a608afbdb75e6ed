"""Parquet: whole through pandas, in chunks through Arrow, written with zstd."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from champion.errors import DataError
from champion.modeling.features import as_categories
from champion.tabular import values
from champion.tabular.stream import TableStream, first_line, repeated, require_once, tidy, without_words
from champion.use_case.dialect import Dialect

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

TEXTS_ALONE = False
CHUNK_ROWS = 131_072
_INDEX = re.compile(r"__index_level_\d+__")  # what pandas calls an index without a name of its own
_PAGE_BYTES = 1024 * 1024  # read at a time from each column


def read(path: Path, table: str, unused: Collection[str], missing: Sequence[str], how: Dialect) -> pd.DataFrame:
    """Read it whole; see `champion.tabular.tables.Format`."""
    import numpy as np
    import pandas as pd
    from pyarrow import parquet

    del how  # a typed format says all of it itself
    if path.is_dir():
        raise IsADirectoryError(path)
    with _named_errors(table), parquet.ParquetFile(path) as file:
        twice = repeated(_names(file.schema_arrow))
        require_once([name for name in twice if name not in unused], table)
        whole = file.read(use_pandas_metadata=True)
    names, written, about = _names(whole.schema), whole.schema.names, whole.schema.pandas_metadata or {}
    declared = {each["field_name"] for each in about.get("columns", ()) if each["pandas_type"] == "categorical"}
    index = about.get("index_columns", ())  # a named one is a column as any other, and the first
    kept = [at for at, name in enumerate(names) if name not in names[:at] and not _INDEX.fullmatch(name)]
    made: dict[str, pd.Series] = {}
    if (named := _named_range(whole.schema)) and named.name not in names:
        made[named.name] = pd.Series(np.array(named.values(0, whole.num_rows)))
    for at in sorted(kept, key=lambda at: written[at] not in index):
        column = values.series(_column(whole.column(at), missing))
        if written[at] in declared and not isinstance(column.dtype, pd.CategoricalDtype):
            column = pd.Series(pd.Categorical(as_categories(column)))
        made[names[at]] = column
    return pd.DataFrame(made, copy=False)


class _NamedRange(NamedTuple):
    """An index of pandas that counts, and has a name: it stands in no column of the file."""

    name: str
    start: int
    step: int

    def values(self, first: int, rows: int) -> range:
        """Those of some rows."""
        begin = self.start + first * self.step
        return range(begin, begin + rows * self.step, self.step)


def _named_range(schema: pa.Schema) -> _NamedRange | None:
    for index in (schema.pandas_metadata or {}).get("index_columns", ()):
        if isinstance(index, dict) and index.get("kind") == "range" and index["name"] is not None:
            return _NamedRange(tidy([index["name"]])[0], index["start"], index["step"])
    return None


def _names(schema: pa.Schema) -> list[str]:
    return tidy(schema.names)


def _column(column: pa.ChunkedArray, missing: Sequence[str]) -> pa.ChunkedArray:
    """A column as `champion.tabular.values` has it; where whole numbers of one chunk are digits, all are."""
    import pyarrow as pa

    chunks = [without_words(values.plain(chunk), missing) for chunk in column.chunks]
    if len({chunk.type for chunk in chunks}) > 1 and not pa.types.is_dictionary(column.type):
        chunks = [chunk.cast(pa.string()) for chunk in chunks]
    return pa.chunked_array(chunks) if chunks else column


def stream(path: Path, table: str, how: Dialect) -> TableStream:
    """Read its head; see `champion.tabular.tables.Format`."""
    del how
    import pyarrow as pa
    from pyarrow import parquet

    with _named_errors(table), parquet.ParquetFile(path) as file:
        schema, rows = file.schema_arrow, file.metadata.num_rows
    tidied = tidy(schema.names)
    named = _named_range(schema)
    if named is not None and named.name in tidied:
        named = None
    twice, written_as = repeated(tidied), dict(zip(tidied, schema.names, strict=True))
    done = [0]

    def chunks(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        wanted = [written_as[name] for name in columns if name in written_as]
        with _named_errors(table), parquet.ParquetFile(path, buffer_size=_PAGE_BYTES, pre_buffer=False) as file:
            for batch in file.iter_batches(batch_size=CHUNK_ROWS, columns=wanted):
                made = batch.select(wanted)
                if named is not None and named.name in columns:
                    index = pa.array(named.values(done[0], batch.num_rows))
                    made = made.add_column(columns.index(named.name), named.name, index)
                done[0] += batch.num_rows
                yield made.rename_columns(list(columns))
        if not rows:
            yield pa.RecordBatch.from_pylist([], schema=pa.schema([read_as.field(name) for name in columns]))

    fields = [field.with_name(name) for field, name in zip(schema, tidied, strict=True) if name not in twice]
    read_as = pa.schema([*([(named.name, pa.int64())] if named else ()), *fields])
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
        if "more than 64 bits" in str(error):
            raise DataError(
                f"{table} has a column of whole numbers of 128 bits, which cannot be read here. Write them as texts, or as "
                "64 bits."
            ) from None
        raise DataError(f"{table} is not Parquet, or is broken ({first_line(error)}). Write it again.") from None
