"""Columns of a table as a model takes them, without pandas: the same values that `champion.modeling.features.model_frame` gives.

Where that refuses a whole table for one wrong value, a row is refused here, and the others go on; or the value is missing,
as where `champion.modeling.checks.wrong_cells` has mended a table.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from champion.modeling.arrays import LARGEST, Block
from champion.modeling.cells.moments import FINER, OFFSET, Moments, model_parts
from champion.modeling.cells.numbers import text_numbers
from champion.modeling.cells.ruled import Marks, read_array
from champion.modeling.cells.writing import in_words
from champion.modeling.checks.wrong_cells import CountedCells
from champion.modeling.features import (
    FALSE_TEXTS,
    MOST_CATEGORIES,
    TRUE_TEXTS,
    Feature,
    category_of,
)
from champion.tabular.stream import without_words
from champion.tabular.values import plain

MISSING, FOREIGN, TOO_LARGE = 1, 2, 3
"""Why a value cannot be taken; 0 stands for one that can."""
_EXPECTED = {
    "numeric": "is no number",
    "boolean": "is not one of yes or no, true or false, 1 or 0",
    "categorical": "is no text",
    "datetime": "is no date or time",
}
_TOLD_OF_A_CHUNK = 200  # cells of another kind that are looked at
_SECONDS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


@dataclass
class Parsed:
    """Some rows as a model takes them, and what is wrong or unusual about them.

    `column` is the number of the first feature whose value cannot be taken, -1 where the row is good, and `fault` why; both
    of shape (rows,). `unseen` and `outside` say, by feature, which rows hold a category that training had not, or a number
    beyond its range; `wrong`, which hold a value of another kind, taken as missing or not, and `filled` how many hold any.
    `marks` are what is to be known of cells that have a rule of their own.
    """

    block: Block
    column: NDArray[np.int64]
    fault: NDArray[np.int64]
    unseen: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    outside: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    wrong: dict[str, NDArray[np.bool_]] = field(default_factory=dict)
    filled: dict[str, int] = field(default_factory=dict)
    marks: dict[str, Marks] = field(default_factory=dict)


def reason(feature: Feature, fault: int) -> str:
    """Say in some words why a value cannot be taken."""
    if fault == MISSING:
        return "is empty, and the model needs a value"
    if fault == FOREIGN and feature.rule is not None and feature.rule.kind:
        return f"{_EXPECTED[feature.kind]} {in_words(feature.rule)}"
    return _EXPECTED[feature.kind] if fault == FOREIGN else f"is infinite, or beyond {LARGEST:.7g}"


def parse(
    chunk: pa.RecordBatch, features: Sequence[Feature], missing: Sequence[str], lenient: Collection[str] = ()
) -> Parsed:
    """Read the columns of a signature; the texts that are in `missing` stand for no value.

    A value of another kind is missing in the features named `lenient`, where training knew missing ones.
    """
    rows = chunk.num_rows
    numbers = np.empty((rows, sum(len(f.columns) for f in features if f.kind != "categorical")))
    texts = np.empty((rows, sum(f.kind == "categorical" for f in features)), dtype=object)
    made = Parsed(Block(numbers, texts), np.full(rows, -1), np.zeros(rows, dtype=np.int64))
    number = text = 0
    for index, feature in enumerate(features):
        column = _plain(chunk.column(feature.name), feature)
        if feature.kind != "numeric" or feature.rule is not None or _cast(column, pa.float64()) is None:
            column = without_words(column, missing)
        if feature.rule is not None:
            column, made.marks[feature.name] = read_array(column, feature.rule)
        if feature.kind == "categorical":
            texts[:, text], fault = _categories(column, feature, made)
            text += 1
        else:
            width = len(feature.columns)
            fault = _numbers_of(column, feature, numbers[:, number : number + width], made)
            if feature.name in lenient and feature.nullable and fault is not None:
                fault = np.where(fault == FOREIGN, 0, fault)
            number += width
        if feature.rule is not None and (wrong := made.marks[feature.name].wrong).any():
            fault = _wrong_by_rule(feature, wrong, fault, made, feature.name in lenient)
        if fault is not None:
            first = (fault > 0) & (made.column < 0)
            made.column[first], made.fault[first] = index, fault[first]
    return made


def _wrong_by_rule(
    feature: Feature, wrong: NDArray[np.bool_], fault: NDArray[np.int64] | None, made: Parsed, lenient: bool
) -> NDArray[np.int64] | None:
    """Why values cannot be taken, where some do not fit the rule of their column, and have no value so far."""
    made.wrong[feature.name] = wrong
    made.filled[feature.name] = made.filled.get(feature.name, 0) + int(wrong.sum())
    return fault if lenient and feature.nullable else np.where(wrong, FOREIGN, 0 if fault is None else fault)


def wrong_of(chunk: pa.RecordBatch, parsed: Parsed, name: str, before: int) -> tuple[int, list[tuple[int, str]]]:
    """How many cells of a column are of another kind, and the first with their rows; so many rows stand before the chunk."""
    if name not in parsed.wrong:
        return 0, []
    rows = np.flatnonzero(parsed.wrong[name])
    first = rows[:_TOLD_OF_A_CHUNK]
    values = chunk.column(name).take(pa.array(first)).to_pylist()
    return len(rows), [(before + row + 1, str(value)) for row, value in zip(first.tolist(), values, strict=True)]


def wrong_in_words(cells: CountedCells, most: float, few: bool, missing: bool) -> str:
    """Say which cells of a column are of another kind, and what becomes of them."""
    if missing:
        return f"{cells.in_words()}. They are read as missing (data.max_bad_cells)."
    why = "The model knows no missing value there" if few else f"That is more than data.max_bad_cells = {most:g} allows"
    return f"{cells.in_words()}. {why}: a row with such a value gets no prediction."


def _plain(column: pa.Array, feature: Feature) -> pa.Array:
    """As `champion.tabular.values` has it, without a dictionary; 0.1 knew decimal categories by their digits."""
    if pa.types.is_dictionary(column.type):
        column = plain(column).dictionary_decode()
    if pa.types.is_decimal(column.type) and feature.kind == "categorical" and feature.dtype == "object":
        return column
    return plain(column)


def _cast(column: pa.Array, kind: pa.DataType) -> pa.Array | None:
    """A column as another type, or None where a value is not of that type."""
    try:
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _numbers_of(column: pa.Array, feature: Feature, out: NDArray[np.float64], made: Parsed) -> NDArray[np.int64] | None:
    """Fill in the model columns of a feature; why values cannot be taken, None where all can."""
    if feature.kind == "datetime":
        out[:] = model_parts(_moments(column), feature.clock, feature.sentinels)
        values = out[:, 0]
    else:
        values = _booleans(column) if feature.kind == "boolean" else _numbers(column, feature)
        out[:, 0] = values
    lowest, highest = np.fmin.reduce(values, initial=np.inf), np.fmax.reduce(values, initial=-np.inf)
    least, most = feature.minimum, feature.maximum
    if least is not None and most is not None and (lowest < least or highest > most):
        made.outside[feature.name] = (values < least) | (values > most)
    fault: NDArray[np.int64] | None = None
    made.filled[feature.name] = len(values)
    if np.isnan(values.sum()):
        empty = np.isnan(values) & (out[:, -1] != 1.0 if feature.sentinels else True)
        foreign = empty & pc.is_valid(column).to_numpy(zero_copy_only=False) & ~_holds_nan(column)
        made.filled[feature.name] -= int((empty & ~foreign).sum())
        if foreign.any():
            made.wrong[feature.name] = foreign
        fault = np.where(foreign, FOREIGN, 0 if feature.nullable else np.where(empty, MISSING, 0))
    if lowest < -LARGEST or highest > LARGEST:
        fault = np.where(np.abs(values) > LARGEST, TOO_LARGE, 0 if fault is None else fault)
    return fault


def _holds_nan(column: pa.Array) -> NDArray[np.bool_]:
    """Where a floating number is there, and is none; a text that says so counts too."""
    if pa.types.is_string(column.type):
        nan = pc.match_substring_regex(column, r"(?i)^[+-]?nan$")
    elif pa.types.is_floating(column.type):
        nan = pc.is_nan(column)
    else:
        return np.zeros(len(column), dtype=np.bool_)
    holds: NDArray[np.bool_] = nan.fill_null(False).to_numpy(zero_copy_only=False)
    return holds


def _as_floats(column: pa.Array) -> NDArray[np.float64]:
    floats: NDArray[np.float64] = column.to_numpy(zero_copy_only=False)
    return floats.astype(np.float64, copy=False)


def _numbers(column: pa.Array, feature: Feature) -> NDArray[np.float64]:
    kind = column.type
    if pa.types.is_string(kind):
        made = _cast(column, pa.float64())
        return _as_floats(_odd_numbers(column, feature) if made is None else made)
    if pa.types.is_duration(kind):
        return _as_floats(column.cast(pa.int64()).cast(pa.float64(), safe=False)) / _SECONDS[kind.unit]
    if pa.types.is_temporal(kind):
        return np.full(len(column), np.nan)
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    return _as_floats(column.cast(pa.float64(), safe=False))


def _odd_numbers(texts: pa.Array, feature: Feature) -> pa.Array:
    """Texts of which some are no number, or are written with blanks or signs; of what was boolean, words too."""
    numbers = text_numbers(texts)
    if feature.dtype not in ("bool", "boolean", "object"):
        return numbers
    words = pc.index_in(pc.utf8_lower(pc.utf8_trim_whitespace(texts)), value_set=pa.array(["false", "true"]))
    return pc.coalesce(numbers, words.cast(pa.float64()))


def _distinct(column: pa.Array) -> tuple[NDArray[np.int64], list[Any]]:
    """Codes (-1 where nothing is), and the distinct values as Python or numpy has them."""
    encoded = column.dictionary_encode()
    values = encoded.dictionary
    distinct = list(values.to_numpy(zero_copy_only=False)) if pa.types.is_floating(values.type) else values.to_pylist()
    codes = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy()
    nothing = [code for code, value in enumerate(distinct) if value != value]
    return (np.where(np.isin(codes, nothing), -1, codes) if nothing else codes), distinct


def _booleans(column: pa.Array) -> NDArray[np.float64]:
    if pa.types.is_boolean(column.type):
        return _as_floats(column.cast(pa.int8()).cast(pa.float64()))
    codes, values = _distinct(column)
    return np.array([*map(_boolean, values), np.nan])[codes]


def _boolean(value: Any) -> float:
    text = str(value).strip().casefold()
    if text in TRUE_TEXTS or text in FALSE_TEXTS:
        return float(text in TRUE_TEXTS)
    try:
        number = float(text)
    except ValueError:
        return float("nan")
    return number if number in (0.0, 1.0) else float("nan")


def _categories(
    column: pa.Array, feature: Feature, made: Parsed
) -> tuple[NDArray[np.object_], NDArray[np.int64] | None]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    if pa.types.is_duration(column.type):
        column = column.cast(pa.duration("ns"))
    codes, values = _distinct(column)
    each = np.empty(len(values) + 1, dtype=object)
    each[:-1] = [category_of(value, feature.dtype) for value in values]
    each[-1] = np.nan
    known = feature.categories
    if known is not None and len(known) < MOST_CATEGORIES:
        seen = set(known)
        strange = np.array([*(text not in seen for text in each[:-1]), False], dtype=np.bool_)
        if strange.any():
            made.unseen[feature.name] = strange[codes]
    fault = None if feature.nullable or (codes >= 0).all() else np.where(codes < 0, MISSING, 0)
    return each[codes], fault


def _moments(column: pa.Array) -> Moments:
    kind, naive, nothing = column.type, pa.timestamp("us"), np.zeros(len(column), dtype=np.bool_)
    if pa.types.is_string(kind):
        instants = _read_moments(column)
        zoned = pc.match_substring_regex(column, OFFSET).fill_null(False).to_numpy(zero_copy_only=False)
        if not zoned.any():
            return Moments(instants, instants, zoned)
        return Moments(instants, _read_moments(pc.replace_substring_regex(column, OFFSET, r"\1")), zoned)
    if not pa.types.is_timestamp(kind):
        never = _micros(pa.nulls(len(column), naive))
        return Moments(never, never, nothing)
    instants = _micros(column.cast(pa.timestamp(kind.unit)).cast(naive, safe=False))
    if kind.tz is None:
        return Moments(instants, instants, nothing)
    return Moments(instants, _micros(pc.local_timestamp(column).cast(naive, safe=False)), ~nothing)


def _micros(made: pa.Array) -> NDArray[np.datetime64]:
    moments: NDArray[np.datetime64] = made.to_numpy(zero_copy_only=False)
    return moments.astype("datetime64[us]")


def _read_moments(texts: pa.Array) -> NDArray[np.datetime64]:
    naive = pa.timestamp("us")
    if (pc.max(pc.utf8_length(texts)).as_py() or 0) > len("2024-02-29T10:00:00.123456"):
        texts = pc.replace_substring_regex(texts, FINER, r"\1")
    made = _cast(texts, naive)
    if made is None:
        zoned = _cast(texts, pa.timestamp("us", "UTC"))
        made = _odd_moments(texts) if zoned is None else zoned.cast(naive)
    return _micros(made)


def _odd_moments(texts: pa.Array) -> pa.Array:
    """Texts of which some are no moment, or are written in several ways: pandas knows them all, as it did in training."""
    import pandas as pd

    encoded = texts.dictionary_encode()
    read = pd.to_datetime(
        pd.Series(encoded.dictionary.to_pylist(), dtype="str"), utc=True, errors="coerce", format="mixed"
    )
    moments = pa.array(read.dt.tz_localize(None).astype("datetime64[us]"), from_pandas=True)
    return moments.cast(pa.timestamp("us")).take(encoded.indices)
