"""Whether a table can be learned from, and what its labels are.

`check` refuses with what was found, what was expected and what to do; what is only doubtful comes back as warnings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from champion.errors import DataError, NotEnoughDataError
from champion.modeling.columns import describe, unreadable
from champion.modeling.evaluation import Label

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from champion.use_case.whole import UseCase

FEWEST_ROWS = 10
MOST_CLASSES = 1000
MANY_NUMBERS, MANY_NUMBERS_SHARE = 50, 0.1  # more distinct numbers than both in a target are no classes
LARGEST = 3.4e38  # of a float32, to which tree ensembles convert

_MISSING_WORDS = "In a CSV, an empty field, NA, N/A, NaN, None and null are all read as missing."


def check(frame: pd.DataFrame, use_case: UseCase) -> list[str]:
    """Refuse a table that cannot be learned from.

    Parameters
    ----------
    frame : DataFrame, shape (rows, columns)
        The whole table.

    Returns
    -------
    list of str
        Warnings: the table can be used, but somebody should look.

    Raises
    ------
    DataError
        When columns, target or features cannot be used as they are.
    NotEnoughDataError
        When there are fewer than `FEWEST_ROWS` rows.
    """
    _require_columns(frame, use_case)
    _require_rows(frame)
    counts = _require_target(frame[use_case.data.target], use_case.data.target)
    _require_features(frame, use_case)
    return _doubts(counts, use_case)


def canonical_labels(target: pd.Series) -> NDArray[np.object_]:
    """Labels as Python booleans, integers and strings, whatever the dtype they came with.

    A whole number is an integer (2.0 is 2), and a boolean stays one. Each value is read by itself, so a part of a
    column has the labels that the whole column has.

    Parameters
    ----------
    target : Series, shape (rows,)
        The target column, without missing values.

    Returns
    -------
    ndarray of object, shape (rows,)

    Raises
    ------
    DataError
        When a value is missing, or is no label: a fraction, a date, a list.

    Examples
    --------
    >>> import pandas as pd
    >>> canonical_labels(pd.Series([1.0, 2.0])).tolist()
    [1, 2]
    """
    import numpy as np

    codes, uniques = _factorized(target)
    if (codes < 0).any():
        raise DataError(_nulls_message(codes < 0, str(target.name)))
    each = np.empty(len(uniques), dtype=object)
    each[:] = [_label(value, str(target.name)) for value in uniques]
    labels: NDArray[np.object_] = each[codes]
    return labels


def class_list(labels: Iterable[Label]) -> list[Label]:
    """Sort the distinct labels: booleans first, then integers, then strings, each by value; True is not 1."""
    distinct = {(type(label).__name__, label): label for label in labels}
    rank = {"bool": 0, "int": 1, "str": 2}
    return [distinct[key] for key in sorted(distinct, key=lambda key: (rank[key[0]], key[1]))]


def listed(names: Iterable[object], most: int = 8) -> str:
    """Names for a sentence, in quotes; of a long list the first ones and how many more.

    Examples
    --------
    >>> listed(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    """
    shown = [repr(str(name)) if isinstance(name, str) else repr(name) for name in names]
    rest = len(shown) - most
    return ", ".join(shown) if rest <= 0 else f"{', '.join(shown[:most])} and {rest:,} more"


def near(word: str, names: Sequence[str]) -> str:
    """Name the nearest of the names, or the first of them where none is near.

    Examples
    --------
    >>> near("Species", ["species", "island"])
    "Did you mean 'species'?"
    """
    folded = {name.strip().casefold(): name for name in reversed(names)}
    close = get_close_matches(word.strip().casefold(), folded, n=1)
    return f"Did you mean {folded[close[0]]!r}?" if close else f"The table has: {listed(names)}."


def _require_columns(frame: pd.DataFrame, use_case: UseCase) -> None:
    names = [str(name) for name in frame.columns]
    if not names:
        raise DataError("The table has no column.")
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise DataError(f"The table has more than one column named {listed(repeated)}. Rename or remove all but one.")
    data, split = use_case.data, use_case.split
    asked = [("data.target", data.target), *(("data.drop", name) for name in data.drop)]
    asked += [("data.kinds", name) for name in data.kinds]
    asked += [("split.column", split.column)] if split.column else []
    known = set(names)
    for key, name in asked:
        if name not in known:
            raise DataError(f"{key} names the column {name!r}, which the table does not have. {near(name, names)}")


def _require_rows(frame: pd.DataFrame) -> None:
    rows = len(frame)
    if not rows:
        raise DataError("The table has a header but no row. Give it rows.")
    if rows < FEWEST_ROWS:
        raise NotEnoughDataError(
            f"The table has {rows} row{'s' if rows > 1 else ''}, too few to learn and to judge. "
            f"At least {FEWEST_ROWS} are needed, some hundred are better."
        )


def _require_target(target: pd.Series, name: str) -> dict[Label, int]:
    """Refuse a target that has no classes; else give the rows of each class."""
    import numpy as np

    foreign = unreadable(target)
    if foreign:
        raise DataError(f"The target {name!r} holds {foreign}. Expected one text, whole number or boolean per row.")
    codes, uniques = _factorized(target)
    rows, classes = len(target), len(uniques)
    _require_classes(uniques, rows, name)
    if (codes < 0).any():
        raise DataError(_nulls_message(codes < 0, name))
    labels = [_label(value, name) for value in uniques]
    counts = dict(zip(labels, np.bincount(codes).tolist(), strict=True))
    if classes == 1:
        raise DataError(
            f"The target {name!r} has one class only, {next(iter(counts))!r}, in all {rows:,} rows. At least two are "
            "needed: add rows of another class, or choose another target."
        )
    single = [label for label, count in counts.items() if count == 1]
    if single:
        raise DataError(
            f"The target {name!r} has {_number(len(single), 'class', 'classes')} of one row: "
            f"{listed(class_list(single))}. One row cannot both be learned from and judged: add rows, merge the class "
            "into another, or remove the row."
        )
    return counts


def _require_classes(uniques: Sequence[Any], rows: int, name: str) -> None:
    import numpy as np

    distinct = len(uniques)
    numeric = all(isinstance(value, int | float | Decimal | np.number) for value in uniques)
    remedy = "Choose another target, or put the values into a few classes first."
    if numeric and not all(map(_is_whole, uniques)):
        raise DataError(
            f"The target {name!r} holds numbers with fractions ({distinct:,} distinct values). This looks like a "
            "quantity to estimate (regression), and here classes are learned: texts, whole numbers or booleans. "
            f"{remedy}"
        )
    if numeric and distinct > MANY_NUMBERS and distinct > MANY_NUMBERS_SHARE * rows:
        raise DataError(
            f"The target {name!r} holds {distinct:,} distinct numbers in {rows:,} rows. This looks like a quantity to "
            f"estimate (regression), and here classes are learned. {remedy}"
        )
    if distinct > rows / 2 or distinct > MOST_CLASSES:
        raise DataError(
            f"The target {name!r} has {distinct:,} distinct values in {rows:,} rows; at most {MOST_CLASSES:,} classes, "
            f"of two rows and more on average, can be learned. {remedy}"
        )


def _require_features(frame: pd.DataFrame, use_case: UseCase) -> None:
    left_out = {use_case.data.target, *use_case.data.drop, use_case.split.column}
    features = [frame[name] for name in frame.columns if name not in left_out]
    empty = [str(column.name) for column in features if not column.notna().any()]
    if empty:
        raise DataError(
            f"{_number(len(empty), 'column has', 'columns have')} no value in any row: {listed(empty)}. Fill "
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
    kinds = use_case.data.kinds
    if not any(describe(column, kinds.get(str(column.name))).used for column in features):
        found = "; ".join(f"{column.name!r}: {describe(column).why.rstrip('.')}" for column in features[:3])
        raise DataError(
            f"No column is left to learn from{f' ({found})' if found else ''}. Take columns out of data.drop, "
            "or say in data.kinds what they are."
        )


def _require_finite(features: Sequence[pd.Series]) -> None:
    found = {str(column.name): count for column in features if (count := _too_large(column))}
    if found:
        counts = ", ".join(f"{name!r} ({count:,})" for name, count in list(found.items())[:8])
        raise DataError(
            f"Infinite values, or numbers beyond {LARGEST:g}, stand in {_number(len(found), 'column', 'columns')}: "
            f"{counts}{f' and {len(found) - 8} more' if len(found) > 8 else ''}. Models cannot take them: put in the "
            "largest sensible number, or leave the fields empty."
        )


def _too_large(column: pd.Series) -> int:
    """How many values of a column of numbers no estimator can take."""
    import pandas as pd

    dtype: Any = column.dtype
    if dtype.kind != "f" or not pd.api.types.is_numeric_dtype(dtype):
        return 0
    if column.max() <= LARGEST and column.min() >= -LARGEST:
        return 0
    return int((column.abs() > LARGEST).sum())


def _doubts(counts: dict[Label, int], use_case: UseCase) -> list[str]:
    folds, target = use_case.training.folds, use_case.data.target
    few = [label for label in class_list(counts) if counts[label] < folds]
    doubts = []
    if few:
        doubts.append(
            f"{_number(len(few), 'class has', 'classes have')} fewer rows than there are folds ({folds}): "
            f"{listed(few)}. Scores of {'it' if len(few) == 1 else 'them'} say little."
        )
    alike: dict[str, list[Label]] = {}
    for label in counts:
        alike.setdefault(str(label).strip().casefold(), []).append(label)
    for labels in alike.values():
        if len(labels) > 1:
            doubts.append(
                f"The target {target!r} has labels that differ only in case, space or type: "
                f"{listed(class_list(labels))}. They are learned as different classes."
            )
    return doubts


def _factorized(target: pd.Series) -> tuple[NDArray[np.int64], list[Any]]:
    """Codes (-1 where nothing is), and the distinct values."""
    import pandas as pd

    codes, uniques = pd.factorize(target)
    return codes, list(uniques)


def _label(value: Any, name: str) -> Label:
    import numpy as np

    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool | np.bool_):
        return bool(value)
    if _is_whole(value):
        return int(value)
    raise DataError(
        f"The target {name!r} holds {value!r}; a label is a text, a whole number or a boolean. Write it as one of them."
    )


def _is_whole(value: Any) -> bool:
    import numpy as np

    return isinstance(value, int | float | Decimal | np.number) and bool(value % 1 == 0)  # type: ignore[operator]  # every one of them has it


def _nulls_message(missing: NDArray[np.bool_], name: str) -> str:
    count = int(missing.sum())
    rows = [int(row) + 1 for row in missing.nonzero()[0][:5]]
    which = f"row {rows[0]}" if count == 1 else f"rows {', '.join(map(str, rows))}{' and others' if count > 5 else ''}"
    return (
        f"The target {name!r} is empty in {count:,} of {len(missing):,} rows ({which}, counted without the header). "
        f"Fill it, or remove these rows. {_MISSING_WORDS}"
    )


def _number(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
