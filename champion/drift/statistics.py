"""The statistics of drift, for two samples that are known by their counts alone; and which tests a column takes, by its kind.

Every function takes counts of shape (..., cells) and answers in the shape (...), so that a thousand simulated tables
cost one call. Cells are the bins of one feature in rising order where a test is of a number, else categories in any
order. The reference may be small and the current sample huge, or the other way round. Effects are shares from 0 to 1.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, bdtrc, chdtrc, ndtr, ndtri, xlogy

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Safe = NDArray[np.bool_]

# Rows of the smaller sample in a cell of the chi-square test; with fewer its small p-values are off.
LEAST_EXPECTED = 15.0
_TERMS = np.arange(1, 12, dtype=np.float64)  # of Kuiper's series; the rest is below 1e-15


class Test(NamedTuple):
    """A statistic and its two-sided p-value, each of the shape that the counts have before their last axis."""

    statistic: Floats
    p: Floats


def rank_test(reference: Counts, current: Counts) -> Test:
    """Wilcoxon's rank sum test (Mann-Whitney) over ordered bins, which finds a moved location.

    Rows of one bin are tied and share its middle rank; the variance is corrected for ties (Lehmann 1975, 1.4). The statistic
    is standard normal without drift, and above 0 where current values are larger.

    >>> rank_test(np.array([10, 10]), np.array([5, 15])).statistic.round(2)
    np.float64(1.61)
    """
    n, m, surplus = _rank_sum(reference, current)
    pooled = (reference + current).astype(np.float64)
    total = n + m
    ties = (pooled**3 - pooled).sum(axis=-1) / np.maximum(total * (total - 1), 1)
    variance = n * m / 12 * (total + 1 - ties)
    statistic = np.divide(surplus, np.sqrt(variance), out=np.zeros_like(surplus), where=variance > 0)
    return Test(statistic, 2 * ndtr(-np.abs(statistic)))


def _rank_sum(reference: Counts, current: Counts) -> tuple[Any, Any, Floats]:
    """Rows of both samples, and how far the number of pairs in which the current value is larger is above half."""
    n, m = _rows(reference), _rows(current)
    pooled = reference + current
    middle = np.cumsum(pooled, axis=-1) - pooled / 2
    return n, m, (current * middle).sum(axis=-1) - m * (n + m) / 2


def shifted_share(reference: Counts, current: Counts) -> Floats:
    """The effect size of a moved location: the share of rows that a shift moves which explains the ranks.

    The probability that a new value is larger than one of the reference is Phi(d / sqrt 2) for normal values that are
    shifted by d standard deviations, and such a shift moves a share of 2 Phi(d / 2) - 1 of the rows.
    """
    n, m, surplus = _rank_sum(reference, current)
    larger = np.clip(0.5 + np.abs(surplus) / np.maximum(n * m, 1), 0.5, 1.0)
    share: Floats = 2 * ndtr(ndtri(larger) / np.sqrt(2)) - 1
    return share


def shape_test(reference: Counts, current: Counts) -> Test:
    """Kuiper's test over ordered bins, which finds a changed spread, shape or location.

    Between bins both distribution functions are known exactly, within bins they are not looked at. So the statistic is
    at most that of the whole samples, and the test keeps its level for any distribution, ties included, and wherever the
    edges come from. Source: Stephens (1970), J. R. Statist. Soc. B 32; the effective number of rows is n m / (n + m).
    """
    moved = kuiper(reference, current)
    n, m = _rows(reference), _rows(current)
    effective = np.sqrt(n * m / np.maximum(n + m, 1))
    scaled = (effective + 0.155 + 0.24 / np.maximum(effective, 1)) * moved
    squared = 2 * (_TERMS * scaled[..., None]) ** 2
    p = 2 * ((2 * squared - 1) * np.exp(-squared)).sum(axis=-1)
    return Test(moved, np.where(scaled < 0.5, 1.0, np.clip(p, 0.0, 1.0)))


def kuiper(reference: Counts, current: Counts) -> Floats:
    """Kuiper's distance over ordered bins, from 0 to 1: the largest share of rows that left a range of values."""
    difference = np.cumsum(_shares(current) - _shares(reference), axis=-1)
    highest, lowest = difference.max(axis=-1), difference.min(axis=-1)
    value: Floats = np.maximum(highest, 0.0) - np.minimum(lowest, 0.0)
    return value


def cell_test(reference: Counts, current: Counts) -> Test:
    """The chi-square test of homogeneity over categories, those merged that are too rare for it.

    Cells of which the smaller sample is expected to hold fewer than `LEAST_EXPECTED` rows become one; where that one is
    too small still, it joins the smallest of the others. The p-value is the larger one of Pearson's statistic, which is
    given, and of the likelihood ratio: each alone is too small by half where cells are small, and at different places.
    """
    before, after = merged(reference, current)
    pooled = (before + after).astype(np.float64)
    n, m = _rows(before), _rows(after)
    whole = np.maximum(n + m, 1)[..., None]
    squares, logs = np.zeros_like(pooled), np.zeros_like(pooled)
    for counts, rows in ((before, n), (after, m)):
        expected = np.maximum(pooled * rows[..., None] / whole, np.finfo(np.float64).tiny)
        squares += np.where(pooled > 0, (counts - expected) ** 2 / expected, 0.0)
        logs += 2 * xlogy(counts, counts / expected)
    statistic = squares.sum(axis=-1)
    freedom = (pooled > 0).sum(axis=-1) - 1
    smaller = np.minimum(statistic, logs.sum(axis=-1))
    return Test(statistic, np.where(freedom > 0, chdtrc(np.maximum(freedom, 1), smaller), 1.0))


def merged(reference: Counts, current: Counts) -> tuple[Counts, Counts]:
    """Both samples with their rare cells as one, in a last cell that is added; what was merged counts 0."""
    before, after = (np.concatenate([each, np.zeros_like(each[..., :1])], axis=-1) for each in (reference, current))
    pooled = before + after
    needed = _needed(before, after)
    _join(before, after, pooled < needed)
    pooled = before + after
    lacking = (pooled[..., -1:] > 0) & (pooled[..., -1:] < needed)
    candidates = np.where(pooled[..., :-1] > 0, pooled[..., :-1], np.iinfo(np.int64).max)
    smallest = np.arange(candidates.shape[-1]) == candidates.argmin(axis=-1)[..., None]
    _join(before, after, np.concatenate([smallest & lacking, np.zeros_like(lacking)], axis=-1))
    return before, after


def _needed(reference: Counts, current: Counts) -> Floats:
    """The rows that both samples must have in a cell for the chi-square test, shape (..., 1)."""
    n, m = _rows(reference)[..., None], _rows(current)[..., None]
    value: Floats = LEAST_EXPECTED * (n + m) / np.maximum(np.minimum(n, m), 1)
    return value


def _join(before: Counts, after: Counts, which: NDArray[np.bool_]) -> None:
    """Move cells into the last one, in place."""
    for counts in (before, after):
        moved = np.where(which, counts, 0)
        moved[..., -1] = 0
        counts -= moved
        counts[..., -1] += moved.sum(axis=-1)


def rare_test(reference: Counts, current: Counts, safe: NDArray[np.bool_]) -> tuple[Test, Floats]:
    """Test each category alone that is too rare for the chi-square test, and take the most conspicuous one.

    Given the rows of both samples together, those of the current one are binomial (Przyborowski and Wilenski 1940). The
    smallest p-value is multiplied by the number of categories (Bonferroni), and is 1 where none is rare. Of categories that
    are not `safe`, frequent in the reference by luck, only more rows are taken for a change; the last cell are all others.
    The statistic is the change of that category's share, the effect the same with chance taken out.
    """
    n, m = _rows(reference)[..., None], _rows(current)[..., None]
    pooled = reference + current
    tested = ((pooled < _needed(reference, current)) | ~safe) & (pooled > 0)
    share = m / np.maximum(n + m, 1)
    more, fewer = bdtrc(current - 1, pooled, share), bdtr(current, pooled, share)
    each = np.where(safe, 2 * np.minimum(more, fewer), more)
    each = np.where(tested, np.where(current > 0, each, np.where(safe, 2 * fewer, 1.0)), np.inf)
    chosen = each.argmin(axis=-1)[..., None]
    count = tested.sum(axis=-1)
    smallest = np.take_along_axis(each, chosen, axis=-1)[..., 0]
    p = np.where(count > 0, np.minimum(1.0, smallest * np.maximum(count, 1)), 1.0)
    of_it = [np.take_along_axis(counts, chosen, axis=-1) for counts in (reference, current)]
    pairs = [np.concatenate([each, rows - each], axis=-1) for each, rows in zip(of_it, (n, m), strict=True)]
    change = (of_it[1] / np.maximum(m, 1) - of_it[0] / np.maximum(n, 1))[..., 0]
    return Test(change, p), moved_share(pairs[0], pairs[1], ordered=False)


def missing_test(reference: Counts, current: Counts) -> Test:
    """Test whether the share of rows without a value changed, by chi-square or, where that expects too few, by the binomial.

    Both are of shape (..., 2): the rows without a value, and those with one. The statistic is the difference of the shares,
    current less reference. A p of 1 where nothing is missing.
    """
    rare, _ = rare_test(reference, current, np.ones(reference.shape, dtype=np.bool_))
    pooled = reference + current
    few = (pooled < _needed(reference, current)).any(axis=-1)
    nothing = (pooled == 0).any(axis=-1)
    p = np.where(nothing, 1.0, np.where(few, rare.p, cell_test(reference, current).p))
    return Test((_shares(current) - _shares(reference))[..., 0], p)


def moved_share(reference: Counts, current: Counts, ordered: bool) -> Floats:
    """The effect size: the share of rows that would have to move for the samples to be alike, chance taken out.

    For categories it is the total variation distance. For numbers it is Kuiper's distance, which equals it where the
    densities cross at most twice. What two samples of these sizes differ by without any drift, on average, is taken out
    in quadrature.
    """
    distance = kuiper(reference, current) if ordered else total_variation(reference, current)
    n, m = _rows(reference), _rows(current)
    pooled = _shares(reference + current)
    scale = np.sqrt(1 / np.maximum(n, 1) + 1 / np.maximum(m, 1))
    by_chance = np.sqrt(pooled * (1 - pooled)).sum(axis=-1) / np.sqrt(2 * np.pi)  # half the mean of |normal|
    if ordered:
        by_chance = np.minimum(by_chance, np.sqrt(np.pi / 2))  # the mean of Kuiper's limit
    left: Floats = np.sqrt(np.maximum(distance**2 - (scale * by_chance) ** 2, 0.0))
    return left


def total_variation(reference: Counts, current: Counts) -> Floats:
    """Half the sum of the differences of shares, from 0 to 1."""
    value: Floats = np.abs(_shares(current) - _shares(reference)).sum(axis=-1) / 2
    return value


def safe_categories(counts: Counts, distinct: int, most: int) -> NDArray[np.bool_]:
    """Which listed categories of a reference are frequent by right, and not by the luck of having been listed.

    Where there are more categories than a profile lists, those at the end of the list are there because they had
    more rows than their share; in the next sample they have fewer, without any drift. They are left to the others
    unless they stand above the last one by more than chance explains.
    """
    if distinct <= most or not len(counts):
        return np.ones(len(counts), dtype=np.bool_)
    last = counts[-1]
    safe: NDArray[np.bool_] = counts > last + 3 * np.sqrt(counts + last)
    return safe


def corrected(p: Floats) -> Floats:
    """Adjust p-values for the false discovery rate (Benjamini and Hochberg 1995).

    Where all hypotheses are true, the smallest is below a level with at most that probability.

    >>> corrected(np.array([0.01, 0.04, 0.03])).round(3)
    array([0.03, 0.04, 0.04])
    """
    tests = p.shape[-1]
    order = np.argsort(p, axis=-1)
    scaled = np.take_along_axis(p, order, axis=-1) * tests / np.arange(1, tests + 1)
    falling = np.minimum.accumulate(scaled[..., ::-1], axis=-1)[..., ::-1]
    adjusted = np.empty_like(falling)
    np.put_along_axis(adjusted, order, np.minimum(falling, 1.0), axis=-1)
    return adjusted


def _rows(counts: Counts) -> Any:
    return counts.sum(axis=-1).astype(np.float64)


def _shares(counts: Counts) -> Floats:
    value: Floats = counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1)
    return value


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
    return cell_test(*together), moved_share(*merged(*together), ordered=False)


_ordered, _unordered = partial(moved_share, ordered=True), partial(moved_share, ordered=False)
_SPREAD = "{moved}: the values spread differently, {means}."
# A share of the error of a number is left over, because p-values are approximate.
_RANK = ColumnTest("rank", "rank sum", "{moved}: {means}.", 0.75, _run(rank_test, shifted_share))
MISSING_SHARE = 0.2  # of a column's error, where any value is missing; the tests of its values share the rest
TESTS_BY_KIND: dict[str, tuple[ColumnTest, ...]] = {
    "number": (_RANK, ColumnTest("shape", "Kuiper", _SPREAD, 0.2, _run(shape_test, _ordered))),
    # A bin is one value: neighbours can be told apart.
    "few values": (_RANK, ColumnTest("cells", "chi-square", _SPREAD, 0.2, _run(cell_test, _ordered))),
    "category": (
        ColumnTest("cells", "chi-square", "{moved} between categories{unseen}.", 0.8, _categories),
        ColumnTest("rare", "rare category", "{moved} into or out of one rare category{unseen}.", 0.2, rare_test),
    ),
    "missing": (ColumnTest("missing", "missing share", "{unusable}.", MISSING_SHARE, _run(missing_test, _unordered)),),
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
