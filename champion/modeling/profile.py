"""What the training data looked like: counts, bins and ranges. Never raw rows.

Of an identifier, which is no feature, and of free text only the numbers of missing and distinct values are kept, and
a category that a single row has is not named: a profile travels further than the data does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import Field

from champion.modeling.doubts.doubt import Doubt
from champion.modeling.evaluation import CLASSIFICATION, Frozen, Label
from champion.use_case.cells import CellRule

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from champion.modeling.columns import Column

BINS = 20
CATEGORIES = 30
SECONDS_PER_DAY = 86_400.0


class ColumnProfile(Frozen):
    """One column of the train set.

    For a number or a moment (as seconds since 1970) `edges` has one entry more than `counts`; a bin holds its lower
    edge, the last one its upper edge too, and bins are about equally full, not equally wide. For a category
    `categories` has as many entries as `counts`, most frequent first, and `other` counts the rest; a boolean has the
    categories ``true`` and ``false``. All three are None for a column that is not used. `unlisted` are the rows of each
    category that is not listed, in the order of their names, without the names; empty where there are none, or as many as
    a signature does not hold, and in a profile of version 0.1.
    """

    name: str
    kind: str  # numeric, categorical, boolean, datetime, text, constant, identifier, empty
    used: bool  # whether it is a feature
    why: str  # what was done with it, and why, in one sentence
    dtype: str
    missing: int
    distinct: int
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    std: float | None = None
    edges: list[float] | None = None
    categories: list[str] | None = None
    counts: list[int] | None = None
    other: int = 0
    unlisted: list[int] = Field(default_factory=list, exclude_if=lambda rows: not rows)
    unit: str | None = Field(
        default=None, exclude_if=lambda unit: unit is None
    )  # of its numbers, where one stands there


class Profile(Frozen):
    """The train set of one run."""

    task: str = Field(default=CLASSIFICATION, exclude_if=lambda task: task == CLASSIFICATION)  # 0.1 knew no other
    rows: int
    holdout_rows: int
    target: str
    classes: list[Label]
    class_counts: list[int]  # in the train set, in the order of `classes`
    columns: list[ColumnProfile]
    # how many different rows, by their features, stand how often; empty in a profile of version 0.1
    repeats: list[tuple[int, int]] = Field(default_factory=list, exclude_if=lambda pairs: not pairs)
    holdout_class_counts: list[int] = Field(default_factory=list, exclude_if=lambda counts: not counts)
    doubts: list[Doubt] = Field(default_factory=list, exclude_if=lambda doubts: not doubts)
    twins: int | None = Field(default=None, exclude_if=lambda twins: twins is None)  # holdout rows equal to a train row


def build(
    train: pd.DataFrame,
    holdout_rows: int,
    target: str,
    columns: Sequence[Column],
    classes: Sequence[Label],
    task: str = "classification",
    zone: str | None = None,
    rules: Mapping[str, CellRule] = MappingProxyType({}),
) -> Profile:
    """Count what a train set looks like: at most `BINS` bins or `CATEGORIES` categories per column, whatever the rows.

    `rules` are those by which it was read. Classes are counted in the order given.

    Raises DataError when a column holds a value that is not of its kind.
    """
    from champion.modeling.rows.repeats import frequencies
    from champion.modeling.tasks.target import target_of

    return Profile(
        task=task,
        rows=len(train),
        holdout_rows=holdout_rows,
        target=target,
        classes=list(classes),
        class_counts=target_of(task).class_counts(train[target], classes),
        columns=[_column(train[column.name], column, zone, rules.get(column.name)) for column in columns],
        repeats=frequencies(train[[column.name for column in columns if column.used]]),
    )


def _column(values: pd.Series, column: Column, zone: str | None = None, rule: CellRule | None = None) -> ColumnProfile:
    import numpy as np

    from champion.modeling.cells.moments import OWN, sentinels_of, without_sentinels
    from champion.modeling.features import as_days, as_numbers

    if not column.used or column.kind == "text":
        measured = {"distinct": _distinct(values)}
    elif column.kind == "numeric":
        measured = _spread(as_numbers(values))
    elif column.kind == "datetime":
        days = as_days(values, zone or OWN)
        known = without_sentinels(days, sentinels_of(days))
        measured = _spread(known * SECONDS_PER_DAY)
    else:
        measured = _category_facts(values, column.kind)
    missing = int(values.isna().sum())
    if column.kind == "datetime" and column.used:
        missing = int(np.isnan(known).sum())
    unit = rule.unit if rule is not None else None
    return ColumnProfile(**asdict(column), dtype=str(values.dtype), missing=missing, unit=unit, **measured)


def _distinct(values: pd.Series) -> int:
    try:
        return int(values.nunique())
    except TypeError:  # lists and mappings have no hash
        return int(values.dropna().astype(str).nunique())


def _spread(numbers: NDArray[np.float64]) -> dict[str, Any]:
    """Describe numbers by one sorted copy of them; NaN is left out."""
    import numpy as np

    ordered = np.sort(numbers[~np.isnan(numbers)])
    if not len(ordered):
        return {"distinct": 0}
    distinct = ordered[np.concatenate([[True], ordered[1:] != ordered[:-1]])]
    edges = _edges(ordered, distinct)
    below = np.searchsorted(ordered, edges[1:-1], side="left")
    counts = np.diff(np.concatenate([[0], below, [len(ordered)]]))
    spread = {"mean": float(ordered.mean()), "std": float(ordered.std())}
    bins = {"edges": edges.tolist(), "counts": counts.tolist()}
    return {"distinct": len(distinct), "minimum": float(ordered[0]), "maximum": float(ordered[-1]), **spread, **bins}


def _edges(ordered: NDArray[np.float64], distinct: NDArray[np.float64]) -> NDArray[np.float64]:
    """Place rising edges: between the values where they are few, else at quantiles."""
    import numpy as np

    if len(distinct) == 1:
        margin = max(0.5, abs(float(distinct[0])) * 1e-6)
        return np.array([distinct[0] - margin, distinct[0] + margin])
    if len(distinct) <= BINS:
        between = distinct[:-1] + np.diff(distinct) / 2
        edges = np.concatenate([distinct[:1], between, distinct[-1:]])
    else:
        positions = np.linspace(0, len(ordered) - 1, BINS + 1).round().astype(np.int64)
        edges = ordered[positions]
    rising: NDArray[np.float64] = np.unique(edges)
    return rising


def _category_facts(values: pd.Series, kind: str) -> dict[str, Any]:
    import pandas as pd

    from champion.modeling.features import MOST_CATEGORIES, as_booleans, as_categories

    if kind == "boolean":
        texts = pd.Series(as_booleans(values)).map({1.0: "true", 0.0: "false"})
    else:
        texts = pd.Series(as_categories(values), dtype=object)
    rows = texts.value_counts(dropna=True)
    ranked = sorted(zip(rows.index.tolist(), rows.tolist(), strict=True), key=lambda pair: (-pair[1], pair[0]))
    listed = [(text, count) for text, count in ranked[:CATEGORIES] if count > 1]
    unlisted = [count for _, count in sorted(ranked[len(listed) :])]
    return {
        "distinct": len(ranked),
        "categories": [text for text, _ in listed],
        "counts": [count for _, count in listed],
        "other": sum(unlisted),
        "unlisted": unlisted if len(ranked) < MOST_CATEGORIES else [],
    }
