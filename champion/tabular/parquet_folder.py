"""A folder of Parquet files as one table: its parts by their names, and the values that the names of folders give (hive).

What a column is, all parts decide together, before the first is read: a column that a part lacks is missing there, whole numbers
beside doubles are doubles, and what does not fit is an error. What stands in a folder's name, `zip=01234`, is a text.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from champion.errors import DataError, listed
from champion.tabular.stream import first_line, tidy
from champion.tabular.typed import CHUNK_ROWS

if TYPE_CHECKING:
    import pyarrow as pa

_MISSING = "__HIVE_DEFAULT_PARTITION__"
_ENDINGS = (".parquet", ".pq")
_PAGE_BYTES = 1024 * 1024  # read at a time from each column


class _Part(NamedTuple):
    path: Path
    names: frozenset[str]
    values: dict[str, str | None]  # that its folders' names give


def is_parquet_folder(path: Path) -> bool:
    """Whether a folder holds a Parquet file, also in a folder of it."""
    return path.is_dir() and any(each.name.casefold().endswith(_ENDINGS) for each in _files(path))


def _files(folder: Path) -> list[Path]:
    """The files of a folder by their names, without those that programs leave beside a table."""
    each = (path for path in folder.rglob("*") if path.is_file())
    return sorted(
        path for path in each if not any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts)
    )


class ParquetFolder:
    """The parts of a table: `schema` has all columns, `rows` counts all rows.

    Raises DataError where the parts are of no one table.
    """

    schema: pa.Schema

    def __init__(self, folder: Path, table: str) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        self.table, self.rows = table, 0
        files = _files(folder)
        if not files:
            raise DataError(f"{table} is a folder without a file. Give it Parquet files, or name one file.")
        foreign = [path.relative_to(folder).as_posix() for path in files if not path.name.casefold().endswith(_ENDINGS)]
        if foreign:
            raise DataError(
                f"{table} is a folder that holds files besides its Parquet: {listed(foreign)}. Move them elsewhere, or give one "
                "file."
            )
        self.parts: list[_Part] = []
        schemas: list[pa.Schema] = []
        partitions: dict[str, None] = {}
        for path in files:
            with parquet.ParquetFile(path) as file:
                schema = file.schema_arrow.remove_metadata()
                self.rows += file.metadata.num_rows
            values = _values(path.relative_to(folder), schema)
            partitions |= dict.fromkeys(values)
            self.parts.append(_Part(path, frozenset(schema.names), values))
            schemas.append(schema)
            self.schema = self._unified(
                schemas[:1] if len(schemas) == 1 else [self.schema, schema], path.relative_to(folder)
            )
        for name in partitions:
            if name not in self.schema.names:
                self.schema = self.schema.append(pa.field(name, pa.string()))

    def _unified(self, schemas: list[pa.Schema], name: Path) -> pa.Schema:
        import pyarrow as pa

        try:
            return pa.unify_schemas(schemas, promote_options="permissive")
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise DataError(
                f"{self.table} has parts that do not fit: {name.as_posix()} differs from those before it ({first_line(error)}). "
                "Write all parts with the same types."
            ) from None

    def batches(self, columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        """Some columns of all parts, so many rows at a time."""
        from pyarrow import parquet

        for part in self.parts:
            wanted = [name for name in columns if name in part.names]
            with parquet.ParquetFile(part.path, buffer_size=_PAGE_BYTES, pre_buffer=False) as file:
                for batch in file.iter_batches(batch_size=rows, columns=wanted):
                    yield self._whole(batch, part, columns)

    def _whole(self, batch: Any, part: _Part, columns: list[str]) -> pa.RecordBatch:
        """A batch of a part with all columns, in the types of the table."""
        import pyarrow as pa

        made = []
        for name in columns:
            kind = self.schema.field(name).type
            if name in part.names:
                column = batch.column(batch.schema.get_field_index(name))
                try:
                    made.append(column if column.type == kind else column.cast(kind))
                except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
                    raise DataError(
                        f"{self.table} has parts that do not fit: {name!r} of {part.path.name} is no {kind} without a loss "
                        f"({first_line(error)}). Write all parts with the same types."
                    ) from None
            else:
                made.append(pa.array([part.values.get(name)] * batch.num_rows, kind))
        return pa.record_batch(made, names=columns)


def merge(folder: Path, target: Path) -> None:
    """Write the parts of a folder into one file. Raises DataError where they are of no one table."""
    from pyarrow import parquet

    parts = ParquetFolder(folder, "The table")
    with parquet.ParquetWriter(target, parts.schema, compression="zstd") as writer:
        for batch in parts.batches(parts.schema.names, CHUNK_ROWS):
            writer.write_batch(batch)


def _values(path: Path, schema: pa.Schema) -> dict[str, str | None]:
    """What the folders' names say, of columns that the file does not have itself."""
    pairs = (part.partition("=") for part in path.parts[:-1] if "=" in part)
    named = {tidy([unquote(name)])[0]: unquote(value) for name, _, value in pairs if name}
    return {name: None if value == _MISSING else value for name, value in named.items() if name not in schema.names}
