"""Words in a table that may stand for no value: how often each stands in which column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from champion.tabular.tables import open_table
from champion.use_case.dialect import Dialect

if TYPE_CHECKING:
    import pyarrow as pa


def count_words(
    path: Path, words: Sequence[str], columns: Collection[str] | None = None, how: Dialect | None = None
) -> dict[str, Counter[str]]:
    """How many rows of a column hold one of the words, for columns that hold any; of all columns, or of some.

    Raises DataError when the table is empty, of another format, or broken.
    """
    table = open_table(path, how)
    names = [
        field.name
        for field in table.schema
        if field.name and (columns is None or field.name in columns) and _is_text(field.type)
    ]
    counts = {name: Counter[str]() for name in names}
    for chunk in table.chunks(names) if names else ():
        for name, column in zip(names, chunk.columns, strict=True):
            counts[name].update(_counted(column, words))
    return {name: found for name, found in counts.items() if found}


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    if pa.types.is_dictionary(kind):
        return _is_text(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _counted(column: pa.Array, words: Sequence[str]) -> dict[str, int]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    held = column.filter(pc.is_in(column, value_set=pa.array(words, column.type)))
    return {pair["values"]: pair["counts"] for pair in held.value_counts().to_pylist()}
