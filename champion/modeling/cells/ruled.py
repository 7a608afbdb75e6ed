"""A whole column by the rule of its cells, in pandas and in Arrow; each different cell is read once.

A column of numbers becomes float64, one of dates the ISO 8601 texts of them; with `missing` alone it stays what it is. What is of
a type that says all by itself (moments, booleans) is as it was. What is wrong has no value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from champion.modeling.cells.writing import Cell, reader_of
from champion.use_case.cells import CellRule

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Mask = NDArray[np.bool_]


class Marks(NamedTuple):
    """Of the cells of a column, shape (rows,) each: wrong ones, numbers without the unit, and bounds."""

    wrong: Mask
    bare: Mask
    bound: Mask

    @classmethod
    def none(cls, rows: int) -> Marks:
        """No cell is any of them."""
        nothing = np.zeros(rows, dtype=np.bool_)
        return cls(nothing, nothing, nothing)

    @classmethod
    def of(cls, cells: Sequence[Cell], codes: NDArray[Any]) -> Marks:
        """Those of different cells, of which a column holds `codes`, -1 where nothing is."""
        table = np.array([*((each.wrong, each.bare, each.bound) for each in cells), (False,) * 3], dtype=np.bool_)
        return cls(*table[codes].T)


def read_column(column: pd.Series, rule: CellRule | None) -> tuple[pd.Series, Marks]:
    """A column of a frame as its rule says, and the marks of its cells."""
    import pandas as pd

    rows, dtype = len(column), column.dtype
    if rule is None or _says_all(dtype):
        return column, Marks.none(rows)
    if pd.api.types.is_numeric_dtype(dtype) and rule.dates is None:
        numbers = [*reader_of(rule).numbers]
        known = column.mask(column.isin(numbers)) if numbers else column
        bare = known.notna().to_numpy() if rule.unit else np.zeros(rows, dtype=np.bool_)
        return known, Marks.none(rows)._replace(bare=bare)
    codes, uniques = pd.factorize(column)
    reader = reader_of(rule)
    cells = [reader.read(value) for value in (uniques.astype(object) if hasattr(uniques, "astype") else uniques)]
    marks = Marks.of(cells, codes)
    if rule.kind is None:
        gone = np.array([*(each.value is None for each in cells), False], dtype=np.bool_)[codes]
        return column.mask(gone) if gone.any() else column, marks
    values = [*(each.value for each in cells), None]
    made: Any = np.array(values, dtype=np.float64)[codes] if rule.has_numbers else None
    if made is None:
        texts = np.array(values, dtype=object)[codes]
        return pd.Series(texts, index=column.index, name=column.name, dtype="str"), marks
    return pd.Series(made, index=column.index, name=column.name), marks


def as_ruled(table: pd.DataFrame, rules: Mapping[str, CellRule]) -> pd.DataFrame:
    """A table of which every column that has a rule is read by it; the table itself is not changed."""
    named = [(at, str(name)) for at, name in enumerate(table.columns) if str(name) in rules]
    if not named:
        return table
    table = table.copy(deep=False)
    for at, name in named:
        table.isetitem(at, read_column(table.iloc[:, at], rules[name])[0].array)
    return table


def _says_all(dtype: Any) -> bool:
    import pandas as pd

    types = pd.api.types
    return bool(types.is_bool_dtype(dtype) or types.is_datetime64_any_dtype(dtype) or types.is_timedelta64_dtype(dtype))


def read_array(column: pa.Array, rule: CellRule) -> tuple[pa.Array, Marks]:
    """A column of a chunk as its rule says, and the marks of its cells; it holds no dictionary."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind, rows = column.type, len(column)
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    if not is_number and not pa.types.is_string(kind):
        return column, Marks.none(rows)
    reader = reader_of(rule)
    if is_number and rule.dates is None:
        wanted = pa.array([*reader.numbers], pa.float64())
        gone = pc.is_in(column.cast(pa.float64(), safe=False), value_set=wanted) if reader.numbers else None
        known = column if gone is None else pc.if_else(gone, None, column)
        bare = known.is_valid().to_numpy(zero_copy_only=False) if rule.unit else np.zeros(rows, dtype=np.bool_)
        return known, Marks.none(rows)._replace(bare=bare)
    encoded = column.dictionary_encode()
    codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    cells = [reader.read(value) for value in encoded.dictionary.to_pylist()]
    marks = Marks.of(cells, codes)
    if rule.kind is None:
        gone = np.array([*(each.value is None for each in cells), True], dtype=np.bool_)[codes]
        return pc.if_else(pa.array(gone), None, column), marks
    made = pa.array([each.value for each in cells], pa.float64() if rule.has_numbers else pa.string())
    return made.take(encoded.indices), marks
