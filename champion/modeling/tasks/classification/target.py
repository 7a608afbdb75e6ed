"""A target of classes: its labels, and whether they can be learned."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from champion.errors import DataError, NotEnoughDataError, counted, listed
from champion.modeling.columns import unreadable
from champion.modeling.evaluation import Label

MOST_CLASSES = 1000
MANY_NUMBERS, MANY_NUMBERS_SHARE = 50, 0.1  # more distinct numbers than both in a target are no classes
_OF_MISSING_LABELS = (
    "An empty field is missing, and so are the words of data.read.missing: take a word out of there that is a class. "
    "Else fill the labels, remove the rows, or leave them out with `data.unlabelled: drop`."
)


def check(target: pd.Series, folds: int) -> list[str]:
    """Refuse a target that has no classes to learn; else say what is doubtful about it.

    Raises DataError when labels are missing, are no labels, or are too many or too few to learn from.
    """
    name = str(target.name)
    foreign = unreadable(target)
    if foreign:
        raise DataError(f"The target {name!r} holds {foreign}. Expected one text, whole number or boolean per row.")
    codes, uniques = pd.factorize(target)
    rows = len(target)
    _require_classes(list(uniques), rows, name)
    if (codes < 0).any():
        raise DataError(_nulls_message(codes < 0, name))
    labels = [_label(value, name) for value in uniques]
    counts = dict(zip(labels, np.bincount(codes).tolist(), strict=True))
    if len(counts) == 1:
        raise DataError(
            f"The target {name!r} has one class only, {next(iter(counts))!r}, in all {rows:,} rows. At least two are "
            "needed: add rows of another class, or choose another target."
        )
    single = [label for label, count in counts.items() if count == 1]
    if single:
        raise DataError(
            f"The target {name!r} has {counted(len(single), 'class', 'classes')} of one row: "
            f"{listed(class_list(single))}. One row cannot both be learned from and judged: add rows, merge the class "
            "into another, or remove the row."
        )
    return _doubts(counts, name, folds)


def canonical_labels(target: pd.Series) -> NDArray[np.object_]:
    """Labels as Python booleans, integers and strings, whatever the dtype they came with.

    A whole number is an integer (2.0 is 2), and a boolean stays one. Each value is read by itself, so a part of a
    column has the labels that the whole column has. Raises DataError when a value is missing, or is no label: a fraction, a
    date, a list.

    >>> canonical_labels(pd.Series([1.0, 2.0])).tolist()
    [1, 2]
    """
    codes, uniques = pd.factorize(target)
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


def classes_to_learn(target: pd.Series, split: str) -> list[Label]:
    """The classes of a train set that was split in a way that `split` names.

    Raises NotEnoughDataError when there is one only.
    """
    classes = class_list(canonical_labels(target.drop_duplicates()))
    if len(classes) < 2:
        raise NotEnoughDataError(
            f"The train set has one class only ({classes[0]!r}) of {len(target)} rows, split by {split}. "
            "Add rows of the others, or change split.salt or split.share."
        )
    return classes


def class_counts(target: pd.Series, classes: Sequence[Label]) -> list[int]:
    """The rows of each class; a class without a row counts 0."""
    codes, uniques = pd.factorize(canonical_labels(target))
    rows = dict(zip(((type(label), label) for label in uniques), np.bincount(codes).tolist(), strict=True))
    return [rows.get((type(label), label), 0) for label in classes]


def _require_classes(uniques: Sequence[Any], rows: int, name: str) -> None:
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


def _doubts(counts: dict[Label, int], name: str, folds: int) -> list[str]:
    few = [label for label in class_list(counts) if counts[label] < folds]
    doubts = []
    if few:
        doubts.append(
            f"{counted(len(few), 'class has', 'classes have')} fewer rows than there are folds ({folds}): "
            f"{listed(few)}. Scores of {'it' if len(few) == 1 else 'them'} say little."
        )
    alike: dict[str, list[Label]] = {}
    for label in counts:
        alike.setdefault(str(label).strip().casefold(), []).append(label)
    for labels in alike.values():
        if len(labels) > 1:
            doubts.append(
                f"The target {name!r} has labels that differ only in case, space or type: "
                f"{listed(class_list(labels))}. They are learned as different classes."
            )
    return doubts


def _label(value: Any, name: str) -> Label:
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
    return isinstance(value, int | float | Decimal | np.number) and bool(value % 1 == 0)  # type: ignore[operator]  # every one of them has it


def _nulls_message(missing: NDArray[np.bool_], name: str) -> str:
    count = int(missing.sum())
    rows = [int(row) + 1 for row in missing.nonzero()[0][:5]]
    which = f"row {rows[0]}" if count == 1 else f"rows {', '.join(map(str, rows))}{' and others' if count > 5 else ''}"
    return (
        f"The target {name!r} is empty in {count:,} of {len(missing):,} rows ({which}, counted without the header). "
        f"{_OF_MISSING_LABELS}"
    )
