"""Tables written a chunk at a time: Parquet with zstd, or CSV."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


class Sink:
    """A table that grows chunk by chunk.

    Parameters
    ----------
    schema : Schema
        Of every chunk; for a CSV each column is `printable`.
    suffix : str
        One of `champion.tabular.stream.SUFFIXES`.
    """

    def __init__(self, path: Path, schema: pa.Schema, suffix: str) -> None:
        import pyarrow as pa
        from pyarrow import csv, parquet

        self._stream: Any = None
        if suffix == ".parquet":
            self._writer: Any = parquet.ParquetWriter(path, schema, compression="zstd")
        else:
            self._stream = pa.output_stream(str(path), compression="gzip" if suffix == ".csv.gz" else None)
            self._writer = csv.CSVWriter(self._stream, schema, write_options=csv.WriteOptions(quoting_style="needed"))

    def __enter__(self) -> Sink:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, batch: pa.RecordBatch) -> None:
        """Add some rows."""
        self._writer.write_batch(batch)

    def close(self) -> None:
        """Write what is left; without it the file is not whole."""
        self._writer.close()
        if self._stream is not None:
            self._stream.close()


def printable(column: pa.Array) -> pa.Array:
    """A column as a CSV can hold it."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        return printable(column.dictionary_decode())
    if pa.types.is_duration(kind):
        return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())
    fits = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_string, pa.types.is_null)
    return column if any(fitting(kind) for fitting in fits) else column.cast(pa.string())


def as_text(column: pa.Array) -> pa.Array:
    """A printable column as texts."""
    import pyarrow as pa

    return column if pa.types.is_string(column.type) else column.cast(pa.string())
