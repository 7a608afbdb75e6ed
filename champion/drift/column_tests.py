"""Which tests a column takes, by its kind: a further test is a function here or in `statistics`, and its row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from champion.drift import statistics
from champion.drift.statistics import Counts, Floats, Test, moved_share

Tested = tuple[str, Test, Floats]
Safe = NDArray[np.bool_]


@dataclass(frozen=True)
class ColumnTest:
    """A test: its name in reports, the share of a column's error that it may spend, and its statistic and effect.

    `run` takes both counts, shape (..., cells), and which cells are categories that are not listed by luck.
    """

    name: str
    share: float
    run: Callable[[Counts, Counts, Safe], tuple[Test, Floats]]


def _rank(reference: Counts, current: Counts, _: Safe) -> tuple[Test, Floats]:
    return statistics.rank_test(reference, current), statistics.shifted_share(reference, current)


def _shape(reference: Counts, current: Counts, _: Safe) -> tuple[Test, Floats]:
    return statistics.shape_test(reference, current), moved_share(reference, current, ordered=True)


def _values(reference: Counts, current: Counts, _: Safe) -> tuple[Test, Floats]:
    return statistics.cell_test(reference, current), moved_share(reference, current, ordered=True)


def _categories(reference: Counts, current: Counts, safe: Safe) -> tuple[Test, Floats]:
    """Categories that may be listed by luck count among the others."""
    together = []
    for sample in (reference, current):
        kept = np.where(safe, sample, 0)
        kept[..., -1] += np.where(safe, 0, sample).sum(axis=-1)
        together.append(kept)
    return statistics.cell_test(*together), moved_share(*statistics.merged(*together), ordered=False)


# A share of the error of a number is kept back, because p-values are approximate.
_RANK = ColumnTest("rank", 0.75, _rank)
_OF_CATEGORIES = 0.8
TESTS: dict[str, tuple[ColumnTest, ...]] = {
    "number": (_RANK, ColumnTest("shape", 0.2, _shape)),
    "few values": (_RANK, ColumnTest("cells", 0.2, _values)),  # a bin is one value: neighbours can be told apart
    "category": (
        ColumnTest("cells", _OF_CATEGORIES, _categories),
        ColumnTest("rare", 1 - _OF_CATEGORIES, statistics.rare_test),
    ),
}


def run_tests(kind: str, reference: Counts, current: Counts, safe: Safe | None = None) -> list[Tested]:
    """Run the tests of a kind: name, test with its p-value divided by its share of the error, and effect of each.

    Counts are of shape (..., cells): bins in rising order, or categories of which the last one are all others. `safe` are
    categories that are not listed by luck; all of them where it is left out.
    """
    which = np.ones(reference.shape, dtype=np.bool_) if safe is None else safe
    tested = []
    for each in TESTS[kind]:
        test, effect = each.run(reference, current, which)
        tested.append((each.name, Test(test.statistic, test.p / each.share), effect))
    return tested
