"""What new data look like, counted chunk by chunk in the bins of a profile; memory does not grow with the rows."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from champion.drift.statistics import ALL_LISTED, Counts, Unlisted
from champion.modeling.profile import SECONDS_PER_DAY, ColumnProfile

_BOOLEANS = np.array(["false", "true", np.nan], dtype=object)  # by 0, 1 and NaN
MOST_NAMES = 1000  # unseen categories that are told apart; further ones are only counted


class FeatureCounts:
    """One feature of the new data, in the bins or categories of its profile.

    Of all `rows`, `missing` have no value, `wrong` one that is not of the feature's kind, `unseen_rows` a category that
    training had not; `varied` says whether two differ, `mean` is of the numbers. `cells`, of int64, are for a number the rows
    below the range of training, in each bin, and above; for a category those of each one listed, and of all others. `known` are
    all categories of training, None where nobody knows them all.
    """

    def __init__(self, column: ColumnProfile, known: frozenset[str] | None = None) -> None:
        self.rows = self.missing = self.wrong = self.unseen_rows = 0
        self.varied, self.mean = False, 0.0
        self._kind, self._known = column.kind, known
        self._edges = None if column.edges is None else np.array(column.edges)
        self._cell = {name: cell for cell, name in enumerate(column.categories or ())}
        size = len(self._cell) + 1 if self._edges is None else len(self._edges) + 1
        self.cells = np.zeros(size, dtype=np.int64)
        self._unseen: Counter[str] = Counter()
        self._unlisted = Counter(dict.fromkeys(sorted((known or frozenset()) - set(self._cell)), 0))
        self._first: object = None

    @property
    def values(self) -> int:
        """Rows that have a value of the right kind."""
        return self.rows - self.missing - self.wrong

    @property
    def outside(self) -> int:
        """Rows with a number beyond the range of training."""
        return 0 if self._edges is None else int(self.cells[0] + self.cells[-1])

    def unseen(self, most: int) -> list[tuple[str, int]]:
        """The most frequent unseen categories, without those of a single row: a name could tell of a person."""
        return [(name, rows) for name, rows in self._unseen.most_common(most) if rows > 1]

    def add(self, values: NDArray[Any], wrong: NDArray[np.bool_]) -> None:
        """Count some rows as `champion.modeling.features` reads a column of this kind; what is wrong is not looked at."""
        if self._kind == "categorical":
            self.add_texts(values, wrong)
        elif self._kind == "boolean":
            self.add_texts(_BOOLEANS[np.where(np.isnan(values), 2, values).astype(np.int64)], wrong)
        else:
            self.add_numbers(values * (SECONDS_PER_DAY if self._kind == "datetime" else 1.0), wrong)

    def add_numbers(self, numbers: NDArray[np.float64], wrong: NDArray[np.bool_]) -> None:
        """Count some rows of a number, in the unit of the profile and NaN where there is none."""
        if self._edges is None:
            raise TypeError("these counts are of categories")
        values = numbers[~wrong & ~np.isnan(numbers)]
        self._count(len(numbers), len(values), wrong)
        if not len(values):
            return
        cells = np.searchsorted(self._edges, values, side="right")
        cells[values == self._edges[-1]] = len(self._edges) - 1
        self.cells += np.bincount(cells, minlength=len(self.cells))
        self._differ(float(values.min()), float(values.max()))
        self.mean += (float(values.mean()) - self.mean) * len(values) / self.values

    def add_texts(self, texts: NDArray[np.object_], wrong: NDArray[np.bool_]) -> None:
        """Count some rows of a category, NaN where there is none."""
        counted = Counter(texts[~wrong].tolist() if wrong.any() else texts.tolist())
        named = {name: rows for name, rows in counted.items() if name == name}  # NaN does not equal itself
        self._count(len(texts), sum(named.values()), wrong)
        for name, rows in named.items():
            self.cells[self._cell.get(name, -1)] += rows
            self._differ(name, name)
            if name in self._unlisted:
                self._unlisted[name] += rows
            elif self._known is not None and name not in self._known:
                self.unseen_rows += rows
                if name in self._unseen or len(self._unseen) < MOST_NAMES:
                    self._unseen[name] += rows

    def take(self, parts: Sequence["FeatureCounts"], weights: NDArray[np.float64]) -> None:
        """Count what other counts of this feature hold, each for as much as its weight says, from 0 to 1."""
        chosen = list(zip(parts, weights.tolist(), strict=True))

        def weighed(name: str) -> int:
            total: float = sum(weight * getattr(part, name) for part, weight in chosen)
            return round(total)

        self.missing, self.wrong, self.unseen_rows = (weighed(name) for name in ("missing", "wrong", "unseen_rows"))
        self.cells = np.rint(sum((weight * part.cells for part, weight in chosen), np.zeros(len(self.cells)))).astype(
            np.int64
        )
        self.rows = self.missing + self.wrong + int(self.cells.sum())
        for mine, name in ((self._unlisted, "_unlisted"), (self._unseen, "_unseen")):
            for text in {text for part, _ in chosen for text in getattr(part, name)}:
                mine[text] = round(sum(weight * getattr(part, name)[text] for part, weight in chosen))
        self.varied = any(part.varied for part, _ in chosen)
        values = [weight * part.values for part, weight in chosen]
        self.mean = sum(each * part.mean for each, (part, _) in zip(values, chosen, strict=True)) / max(
            sum(values), 1e-9
        )

    def _count(self, rows: int, values: int, wrong: NDArray[np.bool_]) -> None:
        unusable = int(wrong.sum())
        self.rows += rows
        self.wrong += unusable
        self.missing += rows - values - unusable

    def _differ(self, one: object, other: object) -> None:
        if self._first is None:
            self._first = one
        self.varied = self.varied or one != other or one != self._first

    def category_cells(self, column: ColumnProfile) -> tuple[Counts, Counts, Unlisted]:
        """The rows of each category in training and now, as far as both are known, and of all others; and what is not known.

        Of a category that is not listed the profile tells the rows, but in version 0.1, where they are known if no category
        was listed for want of room: then each had one row.
        """
        listed, names, unseen = column.counts or [], len(self._unlisted), list(self._unseen.values())
        before = column.unlisted or [1] * column.other
        if self._known is not None and len(before) == names:
            ours, theirs, unlisted = [*listed, *before], [*self.cells[:-1], *self._unlisted.values()], ALL_LISTED
        else:
            least = column.distinct - len(listed)  # rows of those that are not listed, were there but one of each
            most = max(0, min([column.other - least + 1, *listed[-1:]]))
            ours, theirs, unlisted = listed, [*self.cells[:-1]], Unlisted(most, least)
        reference = np.array([*ours, *[0] * len(unseen), column.other + sum(listed) - sum(ours)], dtype=np.int64)
        current = np.array([*theirs, *unseen, self.cells.sum() - sum(theirs) - sum(unseen)], dtype=np.int64)
        return reference, current, unlisted


def reference_cells(column: ColumnProfile) -> NDArray[np.int64]:
    """The profile's rows in the same cells as `FeatureCounts.cells`."""
    counts = column.counts or []
    return np.array([0, *counts, 0] if column.edges is not None else [*counts, column.other], dtype=np.int64)
