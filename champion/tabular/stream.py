"""A table a chunk at a time, in any format: what is read of it, what its columns are called, and reading one step ahead.

Names of columns lose blanks around them, and accents get one spelling (Unicode NFC), so that a name typed into a use
case is the name in the table.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from champion.errors import DataError, listed

if TYPE_CHECKING:
    import pyarrow as pa

Item = TypeVar("Item")


@dataclass(frozen=True)
class TableStream:
    """A table that is read from its first row to its last, once.

    `rows` is None where it is not known before the end. Where it is `textual`, every value is a text; which texts stand for
    none, whoever reads it decides. `chunks` reads some columns, some ten thousand rows at a time and in order, or raises
    DataError when the file is broken; of a table without rows it gives one chunk without rows. `share` says how much of the
    file has been read, from 0 to 1, and `notes`, once all was read, what is not in it, in sentences. `said` is
    how the file is read where nobody asked for that. Columns whose name stands more than once are not in the schema, and
    `repeated` names them: see `require`.
    """

    schema: pa.Schema
    rows: int | None
    textual: bool
    chunks: Callable[[Sequence[str]], Iterator[pa.RecordBatch]] = field(repr=False)
    share: Callable[[], float] = field(repr=False)
    repeated: tuple[str, ...] = ()
    notes: Callable[[], list[str]] = field(default=list, repr=False)
    said: tuple[str, ...] = ()

    def require(self, used: Iterable[str]) -> list[str]:
        """Raise DataError when a column that is used stands more than once; what is said of the table, in sentences."""
        require_once([name for name in used if name in self.repeated], "The table")
        return [*self.said, *left_out(self.repeated)]


def tidy(names: Iterable[object]) -> list[str]:
    """Names of columns as a use case writes them."""
    return [unicodedata.normalize("NFC", str(name)).strip() for name in names]


def repeated(names: Iterable[str]) -> tuple[str, ...]:
    """The names that stand more than once."""
    return tuple(name for name, count in Counter(names).items() if count > 1 and name)


def require_once(names: Sequence[str], table: str) -> None:
    """Raise DataError when there are names of used columns that stand more than once; `table` begins the sentence."""
    if names:
        raise DataError(
            f"{table} has more than one column named {listed(names)}. Rename or remove all but one; for training, one that "
            "nothing is learned from may stand in data.drop."
        )


def left_out(names: Sequence[str]) -> list[str]:
    """What is said of names that stand more than once, and that nobody uses."""
    text = f"The table has more than one column named {listed(names)}; nothing uses it, and it is left out."
    return [text] if names else []


def without_words(column: pa.Array, missing: Sequence[str]) -> pa.Array:
    """A column in which texts that stand for no value are missing; one that holds no texts is as it was."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        values = without_words(column.dictionary, missing)
        if values is column.dictionary:
            return column
        return pc.take(values, column.indices).dictionary_encode().cast(kind)
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return column
    gone = pc.is_in(column, value_set=pa.array(missing, kind))
    return pc.if_else(gone, None, column) if pc.any(gone).as_py() else column


def no_rows(table: str, columns: int) -> DataError:
    """The error of a table that has a head alone."""
    return DataError(f"{table} has {columns} columns but no row. Give it rows.")


def first_line(error: Exception) -> str:
    """What a library says, without the rest."""
    return str(error).strip().partition("\n")[0].rstrip(".")


def read_ahead(items: Iterator[Item]) -> Generator[Item]:
    """Give what an iterator gives (never None), while a thread gets the next one ready; an error comes out in its turn.

    Close it (`contextlib.closing`) to end the thread before the end.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        ready = thread.submit(next, items, None)
        while (item := ready.result()) is not None:
            ready = thread.submit(next, items, None)
            yield item
