"""Arrow's own files: Feather, and IPC as a file or as a stream."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from champion.errors import DataError
from champion.tabular import typed
from champion.tabular.stream import TableStream, first_line
from champion.use_case.dialect import Dialect

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_FILE, _FEATHER_1 = b"ARROW1", b"FEA1"  # how files begin; a stream has no such mark


def read(path: Path, table: str, unused: Collection[str], missing: Sequence[str], how: Dialect) -> pd.DataFrame:
    """Read it whole; see `champion.tabular.tables.Format`."""
    import pyarrow as pa

    del how
    with _named_errors(table), _opened(path, table) as file:
        typed.require_unique(file.schema, table, unused)
        return typed.frame(pa.Table.from_batches(_batches_of(file), file.schema), missing)


def stream(path: Path, table: str, how: Dialect) -> TableStream:
    """Read its head; see `champion.tabular.tables.Format`."""
    del how
    with _named_errors(table), _opened(path, table) as file:
        schema, rows = file.schema, sum(batch.num_rows for batch in _batches_of(file))

    def batches(columns: list[str]) -> Iterator[pa.RecordBatch]:
        with _named_errors(table), _opened(path, table) as file:
            for batch in _batches_of(file):
                for start in range(0, batch.num_rows, typed.CHUNK_ROWS):
                    yield batch.select(columns).slice(start, typed.CHUNK_ROWS)

    return typed.streamed(schema, rows, batches)


@contextmanager
def _opened(path: Path, table: str) -> Iterator[Any]:
    """A file or a stream, whose columns are read where they lie."""
    import pyarrow as pa

    with path.open("rb") as file:
        begin = file.read(len(_FILE))
    if begin.startswith(_FEATHER_1):
        raise DataError(
            f"{table} is Feather of version 1, which is not read here. Write it anew as Feather 2 or Parquet."
        )
    with pa.memory_map(str(path)) as source:
        opened = pa.ipc.open_file(source) if begin == _FILE else pa.ipc.open_stream(source)
        with opened as reader:
            yield reader


def _batches_of(file: Any) -> Iterator[pa.RecordBatch]:
    if hasattr(file, "num_record_batches"):
        return (file.get_batch(at) for at in range(file.num_record_batches))
    return iter(file)


@contextmanager
def _named_errors(table: str) -> Iterator[None]:
    from pyarrow import ArrowException

    try:
        yield
    except (ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise DataError(f"{table} is not Arrow, or is broken ({first_line(error)}). Write it again.") from None
