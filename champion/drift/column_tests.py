"""Which tests a column takes, by its kind: a further test is a function here or in `statistics`, and its row."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from champion.drift import statistics
from champion.drift.statistics import Counts, Floats, Test, moved_share

Safe = NDArray[np.bool_]
Run = Callable[[Counts, Counts, Safe], tuple[Test, Floats]]


@dataclass(frozen=True)
class ColumnTest:
    """A test, and all that a report says of it.

    `name` stands in drift.json, `title` in tables. `says` is the sentence of a column that drifted by it, with the parts that
    `champion.drift.judge` fills in: `moved`, `means`, `unseen`, `unusable`. `share` is how much of a column's error it may spend.
    `run` takes both counts, shape (..., cells), and which cells are categories that are not listed by luck.
    """

    name: str
    title: str
    says: str
    share: float
    run: Run


Tested = tuple[ColumnTest, Test, Floats]


def _run(test: Callable[[Counts, Counts], Test], effect: Callable[[Counts, Counts], Floats]) -> Run:
    return lambda reference, current, _: (test(reference, current), effect(reference, current))


def _categories(reference: Counts, current: Counts, safe: Safe) -> tuple[Test, Floats]:
    """Categories that may be listed by luck count among the others."""
    together = []
    for sample in (reference, current):
        counts = np.where(safe, sample, 0)
        counts[..., -1] += np.where(safe, 0, sample).sum(axis=-1)
        together.append(counts)
    return statistics.cell_test(*together), moved_share(*statistics.merged(*together), ordered=False)


_ordered, _unordered = partial(moved_share, ordered=True), partial(moved_share, ordered=False)
_SPREAD = "{moved}: the values spread differently, {means}."
# A share of the error of a number is left over, because p-values are approximate.
_RANK = ColumnTest("rank", "rank sum", "{moved}: {means}.", 0.75, _run(statistics.rank_test, statistics.shifted_share))
_OF_CATEGORIES = 0.8
MISSING_SHARE = 0.2  # of a column's error, where any value is missing; the tests of its values share the rest
TESTS_BY_KIND: dict[str, tuple[ColumnTest, ...]] = {
    "number": (_RANK, ColumnTest("shape", "Kuiper", _SPREAD, 0.2, _run(statistics.shape_test, _ordered))),
    # A bin is one value: neighbours can be told apart.
    "few values": (_RANK, ColumnTest("cells", "chi-square", _SPREAD, 0.2, _run(statistics.cell_test, _ordered))),
    "category": (
        ColumnTest("cells", "chi-square", "{moved} between categories{unseen}.", _OF_CATEGORIES, _categories),
        ColumnTest(
            "rare",
            "rare category",
            "{moved} into or out of one rare category{unseen}.",
            1 - _OF_CATEGORIES,
            statistics.rare_test,
        ),
    ),
    "missing": (
        ColumnTest("missing", "missing share", "{unusable}.", MISSING_SHARE, _run(statistics.missing_test, _unordered)),
    ),
}
TITLES = {each.name: each.title for tests in TESTS_BY_KIND.values() for each in tests}


def run_tests(kind: str, reference: Counts, current: Counts, safe: Safe | None = None) -> list[Tested]:
    """Run the tests of a kind: row, test with its p-value divided by its share of the error, and effect of each.

    Counts are of shape (..., cells): bins in rising order, or categories of which the last one are all others, or rows
    without and with a value. `safe` are categories that are not listed by luck; all of them where it is left out.
    """
    which = np.ones(reference.shape, dtype=np.bool_) if safe is None else safe
    tested = []
    for each in TESTS_BY_KIND[kind]:
        test, effect = each.run(reference, current, which)
        tested.append((each, Test(test.statistic, test.p / each.share), effect))
    return tested
