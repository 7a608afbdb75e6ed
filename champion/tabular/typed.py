"""Tables whose columns have types: what Parquet, Arrow and JSON have in common once their columns can be had."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from champion.modeling.features import as_categories
from champion.tabular import values
from champion.tabular.stream import TableStream, repeated, require_once, tidy, without_words

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

CHUNK_ROWS = 131_072
_INDEX = re.compile(r"__index_level_\d+__")  # what pandas calls an index without a name of its own


def require_unique(schema: pa.Schema, table: str, unused: Collection[str]) -> None:
    """Raise DataError when a column's name stands more than once that is not `unused`."""
    require_once([name for name in repeated(tidy(schema.names)) if name not in unused], table)


def frame(whole: pa.Table, missing: Sequence[str]) -> pd.DataFrame:
    """A table as pandas has it, as `champion.tabular.values` says; the texts in `missing` are no values."""
    import numpy as np
    import pandas as pd

    names, written, about = tidy(whole.schema.names), whole.schema.names, whole.schema.pandas_metadata or {}
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


def streamed(schema: pa.Schema, rows: int, batches: Callable[[list[str]], Iterator[pa.RecordBatch]]) -> TableStream:
    """A table of so many rows in chunks; `batches` reads some of the columns, by their names in the file."""
    import pyarrow as pa

    tidied = tidy(schema.names)
    named = _named_range(schema)
    if named is not None and named.name in tidied:
        named = None
    twice, written_as = repeated(tidied), dict(zip(tidied, schema.names, strict=True))
    done = [0]

    def chunks(columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        wanted = [written_as[name] for name in columns if name in written_as]
        for batch in batches(wanted):
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


def _column(column: pa.ChunkedArray, missing: Sequence[str]) -> pa.ChunkedArray:
    """A column as `champion.tabular.values` has it; where whole numbers of one chunk are digits, all are."""
    import pyarrow as pa

    chunks = [without_words(values.plain(chunk), missing) for chunk in column.chunks]
    if len({chunk.type for chunk in chunks}) > 1 and not pa.types.is_dictionary(column.type):
        chunks = [chunk.cast(pa.string()) for chunk in chunks]
    return pa.chunked_array(chunks) if chunks else column
