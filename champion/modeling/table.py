"""Whether a table can be learned from: refused with what was found, what was expected and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from champion.errors import DataError, NotEnoughDataError, counted, listed, nearest_column
from champion.modeling.cells.ruled import as_ruled
from champion.modeling.columns import describe, unreadable
from champion.modeling.tasks.target import target_of

if TYPE_CHECKING:
    from champion.use_case.whole import UseCase

FEWEST_ROWS = 10
LARGEST = 3.4e38  # of a float32, to which tree ensembles convert


def check(frame: pd.DataFrame, use_case: UseCase) -> list[str]:
    """Refuse a table that cannot be learned from; what is only doubtful about it comes back as warnings.

    Raises DataError when columns, target or features cannot be used as they are, NotEnoughDataError when there are fewer than
    `FEWEST_ROWS` rows.
    """
    _require_columns(frame, use_case)
    rows = len(frame)
    if not rows:
        raise DataError("The table has a header but no row. Give it rows.")
    if rows < FEWEST_ROWS:
        raise NotEnoughDataError(
            f"The table has {rows} row{'s' if rows > 1 else ''}, too few to learn and to judge. "
            f"At least {FEWEST_ROWS} are needed, some hundred are better."
        )
    frame = as_ruled(frame, use_case.data.read.columns)
    doubts = target_of(use_case.task).check(frame[use_case.data.target], use_case.training.folds)
    _require_features(frame, use_case)
    return doubts


def _require_columns(frame: pd.DataFrame, use_case: UseCase) -> None:
    names = [str(name) for name in frame.columns]
    if not names:
        raise DataError("The table has no column.")
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise DataError(f"The table has more than one column named {listed(repeated)}. Rename or remove all but one.")
    data, split = use_case.data, use_case.split
    asked = [("data.target", data.target), *(("data.drop", name) for name in data.drop)]
    asked += [("data.kinds", name) for name in data.kinds] + [("data.read.columns", name) for name in data.read.columns]
    asked += [("split.column", split.column)] if split.column else []
    known = set(names)
    for key, name in asked:
        if name not in known:
            near = nearest_column(name, names)
            raise DataError(f"{key} names the column {name!r}, which the table does not have. {near}")


def _require_features(frame: pd.DataFrame, use_case: UseCase) -> None:
    left_out = {use_case.data.target, *use_case.data.drop, use_case.split.column}
    features = [frame[name] for name in frame.columns if name not in left_out]
    empty = [str(column.name) for column in features if not column.notna().any()]
    if empty:
        raise DataError(
            f"{counted(len(empty), 'column has', 'columns have')} no value in any row: {listed(empty)}. Fill "
            f"{'it' if len(empty) == 1 else 'them'}, or name {'it' if len(empty) == 1 else 'them'} in data.drop."
        )
    for column in features:
        foreign = unreadable(column)
        if foreign:
            raise DataError(
                f"The column {column.name!r} holds {foreign}; a feature has one text, number, date or boolean per row. "
                "Name it in data.drop, or spread it over columns of its own."
            )
    _require_finite(features)
    kinds, rules = use_case.data.kinds, use_case.data.read.columns
    if not any(describe(column, kinds.get(str(column.name)), rules.get(str(column.name))).used for column in features):
        unused = "; ".join(f"{column.name!r}: {describe(column).why.rstrip('.')}" for column in features[:3])
        raise DataError(
            f"No column is left to learn from{f' ({unused})' if unused else ''}. Take columns out of data.drop, "
            "or say in data.kinds what they are."
        )


def _require_finite(features: Sequence[pd.Series]) -> None:
    counts = {str(column.name): count for column in features if (count := _too_large(column))}
    if counts:
        each = ", ".join(f"{name!r} ({count:,})" for name, count in list(counts.items())[:8])
        raise DataError(
            f"Infinite values, or numbers beyond {LARGEST:g}, stand in {counted(len(counts), 'column', 'columns')}: "
            f"{each}{f' and {len(counts) - 8} more' if len(counts) > 8 else ''}. Models cannot take them: put in the "
            "largest sensible number, or leave the fields empty."
        )


def _too_large(column: pd.Series) -> int:
    """How many values of a column of numbers no estimator can take."""
    dtype: Any = column.dtype
    if dtype.kind != "f" or not pd.api.types.is_numeric_dtype(dtype):
        return 0
    if column.max() <= LARGEST and column.min() >= -LARGEST:
        return 0
    return int((column.abs() > LARGEST).sum())
