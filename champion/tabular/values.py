"""What a cell of a table is, whatever type the file gave it: each reader has it from here.

A read table has few types. Numbers are whole (up to 64 bits), float32 or float64; a decimal number is the float64 that its
digits say; whole numbers beyond 64 bits stay digits, as text. Dates and times of day are ISO 8601 texts, as a CSV has them;
moments and durations keep their unit and zone. A category of numbers is a category of their texts. What a model cannot read
(lists, structures, bytes) stays as it is, so that it can be named.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from champion.modeling.features import category_text

if TYPE_CHECKING:
    import pandas as pd

EXACT = 2**53  # beyond it a float64 does not hold every whole number
_UNWRAPPED = ("arrow.json", "arrow.uuid", "arrow.bool8")


def readable(kind: pa.DataType) -> bool:
    """Whether a column of a type holds one value per row that a model could take."""
    if pa.types.is_dictionary(kind):
        return readable(kind.value_type)
    if isinstance(kind, pa.BaseExtensionType):
        return kind.extension_name in _UNWRAPPED
    refused = (pa.types.is_nested, pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
    return not any(is_such(kind) for is_such in refused)


def plain(column: pa.Array) -> pa.Array:
    """A column in one of the few types of this module, a dictionary being one of texts."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType) and kind.extension_name in _UNWRAPPED:
        return _unwrapped(column)
    if pa.types.is_dictionary(kind):
        if pa.types.is_string(kind.value_type) or not readable(kind):
            return column
        return pa.DictionaryArray.from_arrays(column.indices, _texts(column.dictionary))
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string())
    if pa.types.is_float16(kind):
        return column.cast(pa.float32())
    if pa.types.is_decimal(kind):
        return _numbers_of(column)
    if pa.types.is_date(kind):
        return column.cast(pa.date32()).cast(pa.string())
    if pa.types.is_time(kind):
        return _texts(column)
    return column.cast(pa.float64()) if pa.types.is_null(kind) else column


def _unwrapped(column: pa.ExtensionArray) -> pa.Array:
    stored, name = column.storage, column.type.extension_name
    if name == "arrow.bool8":
        return stored.cast(pa.bool_())
    if name == "arrow.uuid":
        return pa.array(
            [None if value is None else str(uuid.UUID(bytes=value)) for value in stored.to_pylist()], pa.string()
        )
    return plain(stored)


def _texts(column: pa.Array) -> pa.Array:
    """Each value as the text that stands for it as a category."""
    encoded = column.dictionary_encode()
    values = plain(encoded.dictionary) if pa.types.is_decimal(column.type) else encoded.dictionary
    each = [None if value is None else category_text(value) for value in values.to_pylist()]
    return pa.array(each, pa.string()).take(encoded.indices)


def _numbers_of(column: pa.Array) -> pa.Array:
    """Decimal numbers by their digits: Arrow's own conversion is one unit off for every seventh number of cents."""
    if column.type.scale > 0:
        return column.cast(pa.string()).cast(pa.float64())
    for whole in (pa.int64(), pa.uint64()):
        try:
            return column.cast(whole)
        except pa.ArrowInvalid:
            continue
    return pa.array([None if value is None else f"{value:f}" for value in column.to_pylist()], pa.string())


def series(column: pa.ChunkedArray) -> pd.Series:
    """A column as pandas has it; one with gaps is of a nullable type where its whole numbers need more than a float64."""
    import pandas as pd

    kind: Any = column.type
    if pa.types.is_integer(kind) and column.null_count and kind.bit_width == 64:
        least, most = pc.min_max(column).as_py().values()
        if least is not None and max(-least, most) > EXACT:
            nullable = {pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}
            return cast("pd.Series", column.to_pandas(types_mapper=nullable.get))
    if _holds_map(kind):  # pandas cannot write one again; nothing learns from it
        return pd.Series([None if value is None else [str(value)] for value in column.to_pylist()], dtype=object)
    return cast("pd.Series", column.to_pandas())


def _holds_map(kind: Any) -> bool:
    if pa.types.is_map(kind):
        return True
    return pa.types.is_nested(kind) and any(_holds_map(kind.field(at).type) for at in range(kind.num_fields))
