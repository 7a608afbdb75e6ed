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

_WORDS = "#N/A #NA -1.#IND -1.#QNAN -NaN -nan 1.#IND 1.#QNAN <NA> N/A NA NULL NaN None n/a nan null"
MISSING_WORDS = ("", "#N/A N/A", *_WORDS.split())
"""What a field of a CSV says where there is no value, as in training."""


@dataclass(frozen=True)
class TableStream:
    """A table that is read from its first row to its last, once.

    `rows` is None where it is not known before the end. Where it is `textual`, every value is a text, and `MISSING_WORDS`
    stand for none. `chunks` reads some columns, some ten thousand rows at a time and in order, or raises DataError when the
    file is broken; `share` says how much of the file has been read, from 0 to 1.
    """

    schema: pa.Schema
    rows: int | None
    textual: bool
    chunks: Callable[[Sequence[str]], Iterator[pa.RecordBatch]] = field(repr=False)
    share: Callable[[], float] = field(repr=False)


def tidy(names: Iterable[object], table: str) -> list[str]:
    """Names of columns as a use case writes them.

    Raises DataError when two are the same; `table` begins the sentence.
    """
    tidied = [unicodedata.normalize("NFC", str(name)).strip() for name in names]
    repeated = [name for name, count in Counter(tidied).items() if count > 1 and name]
    if repeated:
        raise DataError(f"{table} has more than one column named {listed(repeated)}. Rename or remove all but one.")
    return tidied


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
