"""From a table to the numbers and categories that an estimator sees.

A `Feature` is one column of the signature: what was there in training, and so what prediction expects. `model_frame`
turns any table that has these columns into the same shape, in the same order, whatever the order and the dtypes it
came with. Training, judging, batch and serving all go through it.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from champion.errors import DataError
from champion.modeling.cells.moments import (
    FAR,
    FINER,
    MOMENT_PARTS,
    OFFSET,
    OWN,
    Moments,
    model_parts,
    sentinels_of,
    without_sentinels,
)
from champion.modeling.cells.numbers import text_numbers
from champion.modeling.cells.ruled import read_column
from champion.modeling.cells.writing import in_words
from champion.modeling.evaluation import Frozen
from champion.modeling.split import missing_columns
from champion.use_case.cells import CellRule

if TYPE_CHECKING:
    import pandas as pd

    from champion.modeling.columns import Column

MOST_CATEGORIES = 1000  # in the signature; the estimator sees fewer
_CODE = re.compile(r"\s*0\d+\s*")  # 007 is a text, as where a table is read
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d+)?")
_COUNTS = re.compile(r"u?int|float|double", re.IGNORECASE)  # dtypes of a category that is a number

TRUE_TEXTS = {"true", "yes", "y", "t", "1", "1.0", "on"}
FALSE_TEXTS = {"false", "no", "n", "f", "0", "0.0", "off"}


class Feature(Frozen):
    """One column of the signature.

    `minimum` and `maximum` are the range in training: of numbers, or of moments in days since 1970. `categories` are
    those seen in training, in order; at most `MOST_CATEGORIES`. `clock` says whose hour, weekday and month those of a moment
    are: its own, those of a zone, or UTC where it is None, as version 0.1 had it; `sentinels` are days that stand for no moment.
    `rule` is how its cells are written, where `data.read.columns` says it.
    Of a `free_text`, which is read as a category is, no categories are kept.
    """

    name: str
    kind: Literal["numeric", "categorical", "boolean", "datetime"]
    dtype: str
    nullable: bool
    minimum: float | None = None
    maximum: float | None = None
    categories: tuple[str, ...] | None = None
    clock: str | None = Field(default=None, exclude_if=lambda clock: clock is None)
    sentinels: tuple[float, ...] = Field(default=(), exclude_if=lambda days: not days)
    rule: CellRule | None = Field(default=None, exclude_if=lambda rule: rule is None)
    free_text: bool = Field(default=False, exclude_if=lambda free: not free)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the model frame that this feature becomes."""
        if self.kind == "datetime":
            parts = (*MOMENT_PARTS, FAR) if self.sentinels else MOMENT_PARTS
            return tuple(f"{self.name} ({part})" for part in parts)
        return (self.name,)


def signature(
    train: pd.DataFrame,
    columns: Iterable[Column],
    zone: str | None = None,
    rules: Mapping[str, CellRule] = MappingProxyType({}),
) -> tuple[Feature, ...]:
    """What the train set looked like, column by column, without the columns that are not used.

    `zone` is `data.zone`; `rules` are those by which the train set was read.
    """
    features = [_feature(train[column.name], column.kind, zone or OWN) for column in columns if column.used]
    return tuple(
        each.model_copy(update={"rule": rules[each.name]}) if each.name in rules else each for each in features
    )


def model_frame(table: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    """Turn a table into the columns an estimator sees, in the signature's order, whatever the order in the table.

    Numbers and booleans become floats (integers stay integers), categories become text, a moment becomes days since
    1970, month, weekday and hour. A missing value is NaN everywhere.

    Raises DataError when a column is missing, or holds a value that is not of its kind.
    """
    import pandas as pd

    missing = missing_columns(table, [feature.name for feature in features])
    if missing:
        raise DataError(f"The table lacks the column(s) {', '.join(map(repr, missing))}, which the model needs.")
    if all(each.kind == "numeric" and each.rule is None and _plain_number(table[each.name]) for each in features):
        return table[[feature.name for feature in features]]
    made: dict[str, Any] = {}
    for feature in features:
        made.update(_model_columns(table[feature.name], feature))
    return pd.DataFrame(made, index=table.index)


def _plain_number(column: pd.Series) -> bool:
    return isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf"


def _model_columns(column: pd.Series, feature: Feature) -> dict[str, Any]:
    if feature.rule is not None:
        read, marks = read_column(column, feature.rule)
        _refuse(column, marks.wrong, f"a {'date' if feature.kind == 'datetime' else 'number'} {in_words(feature.rule)}")
        column = read
    if feature.kind == "numeric":
        return {feature.name: column if _plain_number(column) else as_numbers(column)}
    if feature.kind == "boolean":
        return {feature.name: as_booleans(column)}
    if feature.kind == "categorical":
        return {feature.name: as_categories(column, feature.dtype)}
    parts = model_parts(_moments(column), feature.clock, feature.sentinels)
    return dict(zip(feature.columns, parts.T, strict=True))


def as_numbers(column: pd.Series) -> NDArray[np.float64]:
    """Read a numeric column as float64, shape (rows,), NaN where it is empty; a duration is its seconds.

    Raises DataError naming the first value that is no number.
    """
    import pandas as pd

    if str(column.dtype).startswith(("timedelta", "duration")):
        seconds: NDArray[np.float64] = column.dt.total_seconds().to_numpy(dtype=np.float64, na_value=np.nan)
        return seconds
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        _refuse(column, column.notna().to_numpy(), "a number")
    numbers = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    odd = np.isnan(numbers) & column.notna().to_numpy()
    if odd.any():
        numbers = np.where(odd, _odd_numbers(column, odd), numbers)
    _refuse(column, np.isnan(numbers) & column.notna().to_numpy(), "a number")
    return numbers


def _odd_numbers(column: pd.Series, odd: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The values that pandas takes for no numbers, by `text_numbers`; NaN elsewhere."""
    import pyarrow as pa

    texts = [value if wrong and isinstance(value, str) else None for value, wrong in zip(column, odd, strict=True)]
    numbers: NDArray[np.float64] = text_numbers(pa.array(texts, pa.string())).to_numpy(zero_copy_only=False)
    return numbers


def as_booleans(column: pd.Series) -> NDArray[np.float64]:
    """Read a boolean column as 1.0, 0.0 and NaN, shape (rows,); yes/no, true/false and 1/0 are known.

    Raises DataError naming the first value that is no boolean.
    """
    import pandas as pd

    codes, uniques = pd.factorize(column)
    texts = [str(value).strip().casefold() for value in uniques]
    each = [1.0 if text in TRUE_TEXTS else 0.0 if text in FALSE_TEXTS else np.nan for text in texts]
    numbers = np.array([*each, np.nan], dtype=np.float64)[codes]
    _refuse(column, np.isnan(numbers) & column.notna().to_numpy(), "yes or no, true or false, 1 or 0")
    return numbers


def as_categories(column: pd.Series, dtype: str = "") -> NDArray[np.object_]:
    """Read a categorical column as text, shape (rows,), NaN where it is empty; 1 and 1.0 are both "1".

    With the `dtype` of training a text may stand for a number, as in `category_of`.
    """
    import pandas as pd

    codes, uniques = pd.factorize(column)
    each = np.empty(len(uniques) + 1, dtype=object)
    single = (
        getattr(uniques, "dtype", None) == np.float32
    )  # of which an index makes doubles: 0.10000000149011612 of 0.1
    each[:-1] = [category_of(value, dtype) for value in (uniques.to_numpy() if single else uniques)]
    each[-1] = np.nan
    texts: NDArray[np.object_] = each[codes]
    return texts


def category_text(value: object) -> str:
    """One category as text: 1 and 1.0 are both "1"."""
    if isinstance(value, float | np.floating) and value.is_integer():
        return str(int(value))
    return str(value)


def category_of(value: object, dtype: str) -> str:
    """One category as text, where a text may stand for it: one that was a number in training is written as that number.

    A code is no number: 007 is another category than 7.

    >>> category_of("7.0", "int64"), category_of("007", "int64"), category_of("7.0", "str"), category_of("true", "bool")
    ('7', '007', '7.0', 'True')
    """
    if isinstance(value, str) and _COUNTS.match(dtype) and not _CODE.fullmatch(value):
        for number in (int, float):
            with contextlib.suppress(ValueError):
                return category_text(number(value))
    if isinstance(value, str) and dtype.startswith("bool") and value.casefold() in ("true", "false"):
        return str(value.casefold() == "true")
    return category_text(value)


def as_days(column: pd.Series, clock: str | None = None) -> NDArray[np.float64]:
    """Read a column of moments as days since 1970 in UTC, shape (rows,), NaN where it is empty.

    Raises DataError naming the first value that is no moment.
    """
    return model_parts(_moments(column), clock, ())[:, 0]


def _moments(column: pd.Series) -> Moments:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(column.dtype):
        _refuse(column, column.notna().to_numpy(), "a date or time")
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype("str")
    texts = column.dtype == "str"
    if texts and column.str.len().max() > len("2024-02-29T10:00:00.123456"):
        column = column.str.replace(FINER, r"\1", regex=True)
    read = pd.to_datetime(column, utc=True, errors="coerce", format="mixed")
    _refuse(column, read.isna().to_numpy() & column.notna().to_numpy(), "a date or time")
    instants = _micros(read)
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        shown: NDArray[np.datetime64] = column.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
        return Moments(instants, shown, ~np.isnat(instants))
    zoned = np.zeros(len(column), dtype=np.bool_)
    if texts:
        zoned = column.str.fullmatch(OFFSET).fillna(False).to_numpy(dtype=bool)
    if not zoned.any():
        return Moments(instants, instants, zoned)
    bare = pd.to_datetime(column.str.replace(OFFSET, r"\1", regex=True), utc=True, errors="coerce", format="mixed")
    return Moments(instants, _micros(bare), zoned)


def _micros(read: pd.Series) -> NDArray[np.datetime64]:
    micros: NDArray[np.datetime64] = read.astype("datetime64[us, UTC]").dt.tz_localize(None).to_numpy()
    return micros


def _refuse(column: pd.Series, wrong: NDArray[np.bool_], expected: str) -> None:
    if wrong.any():
        first = int(wrong.argmax())
        raise DataError(
            f"The column {column.name!r} holds {column.iloc[first]!r} (row {first + 1}), expected {expected}. "
            "Mend the value, or say in data.kinds what the column is."
        )


def _feature(column: pd.Series, kind: str, clock: str) -> Feature:
    about = {"name": str(column.name), "kind": kind, "dtype": str(column.dtype)}
    made = partial(Feature, **about, nullable=bool(column.isna().any()))
    if kind == "text":
        return Feature(**about | {"kind": "categorical"}, nullable=bool(column.isna().any()), free_text=True)
    if kind == "categorical":
        texts = as_categories(column)
        seen = sorted({text for text in texts if isinstance(text, str)})
        return made(categories=tuple(seen[:MOST_CATEGORIES]))
    if kind == "boolean":
        as_booleans(column)
        return made()
    if kind == "datetime":
        days = as_days(column, clock)
        found = sentinels_of(days)
        made = partial(made, clock=clock, sentinels=found)
        values: Any = without_sentinels(days, found)
    else:
        values = column if _plain_number(column) else as_numbers(column)
    if not np.isfinite(values).any():
        return made()
    return made(minimum=float(np.nanmin(values)), maximum=float(np.nanmax(values)))


def takes_numbers(feature: Feature) -> bool:
    """Whether the categories of a feature are plain numbers, so that 3 may stand for "3"; "007" is none."""
    known = feature.categories or ()
    return bool(known) and all(_NUMBER.fullmatch(text) and category_text(float(text)) == text for text in known)
