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

# Rows of the smaller sample in a cell of the chi-square test; with fewer its small p-values are off.
LEAST_EXPECTED = 15.0
RARE = (1.0, 4.0)  # rows that the smaller sample is expected to hold of cells that are taken together
RAREST = (0.1, 0.5, 1.0, 2.0, 4.0)  # and, at most, of categories that are tested together by the binomial
BY_LUCK = 1e-4  # the chance to be left out of a profile, below which a category is one that is always listed
_ROUNDING = 1 + 1e-9  # of what is equal but for it
_TERMS = np.arange(1, 12, dtype=np.float64)  # of Kuiper's series; the rest is below 1e-15


class Test(NamedTuple):
    """A statistic and its two-sided p-value, each of the shape that the counts have before their last axis.

    `least` is the smallest p-value that any samples with the same rows together could have.
    """

    statistic: Floats
    p: Floats
    least: Floats | float = 0.0


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
    """Both samples with their rare cells together, in last cells that are added; what was merged counts 0.

    Cells that both samples together tell to be about as rare become one: those of which the smaller sample is expected to
    hold up to 1 row, up to 4, and the rest. What is too small still joins the next of them, or the smallest other cell.
    """
    expected = _expected(reference, current)
    place = np.where(expected < LEAST_EXPECTED, np.searchsorted(RARE, expected), -1)
    rare = [place == number for number in range(len(RARE) + 1)]
    before, after = (
        np.concatenate(
            [np.where(place < 0, each, 0), *((each * which).sum(axis=-1, keepdims=True) for which in rare)], axis=-1
        )
        for each in (reference, current)
    )
    for cell in range(reference.shape[-1], before.shape[-1] - 1):
        lacking = _expected(before, after)[..., cell] < LEAST_EXPECTED
        for counts in (before, after):
            moved = np.where(lacking, counts[..., cell], 0)
            counts[..., cell] -= moved
            counts[..., cell + 1] += moved
    pooled = before + after
    lacking = (pooled[..., -1:] > 0) & (_expected(before, after)[..., -1:] < LEAST_EXPECTED)
    candidates = np.where(pooled[..., :-1] > 0, pooled[..., :-1], np.iinfo(np.int64).max)
    smallest = np.arange(candidates.shape[-1]) == candidates.argmin(axis=-1)[..., None]
    joined = np.concatenate([smallest & lacking, np.zeros_like(lacking)], axis=-1)
    for counts in (before, after):
        moved = np.where(joined, counts, 0)
        counts -= moved
        counts[..., -1] += moved.sum(axis=-1)
    return before, after


def _expected(reference: Counts, current: Counts) -> Floats:
    """The rows that the smaller sample is expected to hold in each cell without drift."""
    n, m = _rows(reference)[..., None], _rows(current)[..., None]
    value: Floats = (reference + current) * np.minimum(n, m) / np.maximum(n + m, 1)
    return value


def rare_test(reference: Counts, current: Counts, unlisted: "Unlisted") -> tuple[Test, Floats]:
    """Test each category alone that is too rare for the chi-square test, and take the most conspicuous one.

    Given the rows of both samples together, those of the current one are binomial (Przyborowski and Wilenski 1940). The
    smallest p-value is multiplied by the number of categories that could have had it: one of few rows has no p-value so
    small, whatever happens (Tarone 1990). It is 1 where none is rare. The statistic is the change of that category's share, the
    effect the same with chance taken out.
    """
    alone = (reference + current > 0) & (_expected(reference, current) < LEAST_EXPECTED)
    alone[..., -1] = False  # all others are none
    return _most_conspicuous((reference, current), (_rows(reference), _rows(current)), alone, unlisted.categories)


def rarest_test(reference: Counts, current: Counts, unlisted: "Unlisted") -> tuple[Test, Floats]:
    """Test the rarest categories together: those of which the smaller sample is expected to hold few rows, by several limits.

    Which they are is told by both samples together, so that being rare in the reference by luck moves nothing. All others
    are among them. Limits that name the same categories are one test. Statistic and effect are as of `rare_test`.
    """
    frequent, expected = frequent_categories(reference, current, unlisted.most), _expected(reference, current)
    groups = [np.where(frequent, expected <= limit, True) for limit in RAREST]
    for group in groups:
        group[..., -1] = True
    ours, theirs = (
        np.stack([np.where(group, counts, 0).sum(axis=-1) for group in groups], axis=-1)
        for counts in (reference, current)
    )
    tested = np.diff(ours + theirs, axis=-1, prepend=0) > 0
    return _most_conspicuous((ours, theirs), (_rows(reference), _rows(current)), tested, 0)


def _most_conspicuous(
    both: tuple[Counts, Counts], rows: tuple[Any, Any], tested: NDArray[np.bool_], more_tests: Any
) -> tuple[Test, Floats]:
    """Test by the binomial whether one of some categories has another share.

    The smallest p-value is multiplied by the number of tests that could have had one as small: by the union bound that many
    times it is the chance that any has. `more_tests` are others that could.
    """
    ours, theirs = both
    n, m = (np.asarray(each)[..., None] for each in rows)
    pooled, share = ours + theirs, m / np.maximum(n + m, 1)
    more = np.where(theirs > 0, bdtrc(theirs - 1, pooled, share), 1.0)
    each = np.where(tested, 2 * np.minimum(more, bdtr(theirs, pooled, share)), np.inf)
    chosen = each.argmin(axis=-1)[..., None]
    smallest = np.take_along_axis(each, chosen, axis=-1)[..., 0]
    least = np.where(tested, 2 * np.minimum(share**pooled, (1 - share) ** pooled), np.inf)
    could = (least <= smallest[..., None] * _ROUNDING).sum(axis=-1) + more_tests
    p = np.where(tested.any(axis=-1), np.minimum(1.0, smallest * np.maximum(could, 1)), 1.0)
    of_it = [np.take_along_axis(counts, chosen, axis=-1) for counts in both]
    pairs = [np.concatenate([each, rows - each], axis=-1) for each, rows in zip(of_it, (n, m), strict=True)]
    change = (of_it[1] / np.maximum(m, 1) - of_it[0] / np.maximum(n, 1))[..., 0]
    return Test(change, p, np.minimum(least.min(axis=-1), 1.0)), moved_share(pairs[0], pairs[1], ordered=False)


def missing_test(reference: Counts, current: Counts) -> Test:
    """Test whether the share of rows without a value changed, by chi-square or, where that expects too few, by the binomial.

    Both are of shape (..., 2): the rows without a value, and those with one. The statistic is the difference of the shares,
    current less reference. A p of 1 where nothing is missing.
    """
    pooled = reference + current
    both = reference[..., :1], current[..., :1]
    rare, _ = _most_conspicuous(both, (_rows(reference), _rows(current)), pooled[..., :1] > 0, 1)
    few = (_expected(reference, current) < LEAST_EXPECTED).any(axis=-1)
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


class Unlisted(NamedTuple):
    """The categories of a column that its profile does not list, in numbers of the shape that counts have before their last axis.

    `most` is how many rows of the reference one of them can have at most, `categories` how many there are of them in both
    samples.
    """

    most: Any
    categories: Any


ALL_LISTED = Unlisted(-1, 0)


def frequent_categories(reference: Counts, current: Counts, most: Any) -> NDArray[np.bool_]:
    """Which listed categories would have been listed with any reference that is drawn from both samples.

    A profile lists the categories that happened to have more rows in the reference than those it does not list (`most`).
    In the next sample they have fewer, and the others have more, without any drift. What both samples tell together is
    free of that luck: given its rows in both, those of the reference are binomial without drift. A category that might
    then have been left out belongs to the others, in both samples. The last cell are the others.
    """
    n, m = _rows(reference)[..., None], _rows(current)[..., None]
    pooled = reference + current
    limit = np.broadcast_to(np.asarray(most, dtype=np.int64)[..., None], pooled.shape)
    by_luck = bdtr(np.clip(limit, 0, pooled), pooled, n / np.maximum(n + m, 1))
    frequent: NDArray[np.bool_] = (by_luck < BY_LUCK) | (limit < 0)
    frequent[..., -1] = True
    return frequent


def _with_others(counts: Counts, frequent: NDArray[np.bool_]) -> Counts:
    """The same with the categories that are not frequent among the others."""
    together = np.where(frequent, counts, 0)
    together[..., -1] += np.where(frequent, 0, counts).sum(axis=-1)
    return together


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


Run = Callable[[Counts, Counts, Unlisted], tuple[Test, Floats]]


@dataclass(frozen=True)
class ColumnTest:
    """A test, and all that a report says of it.

    `name` stands in drift.json, `title` in tables. `says` is the sentence of a column that drifted by it, with the parts that
    `champion.drift.judge` fills in: `moved`, `means`, `unseen`, `unusable`. `share` is how much of a column's error it may spend.
    `run` takes both counts, shape (..., cells), and what is known of categories that are not listed.
    """

    name: str
    title: str
    says: str
    share: float
    run: Run


Tested = tuple[ColumnTest, Test, Floats]


def _run(test: Callable[[Counts, Counts], Test], effect: Callable[[Counts, Counts], Floats]) -> Run:
    return lambda reference, current, _: (test(reference, current), effect(reference, current))


def _categories(reference: Counts, current: Counts, unlisted: Unlisted) -> tuple[Test, Floats]:
    """Categories that may be listed by luck count among the others; what moved is looked for with and without merging."""
    frequent = frequent_categories(reference, current, unlisted.most)
    before, now = (_with_others(sample, frequent) for sample in (reference, current))
    effect = np.maximum(moved_share(*merged(before, now), ordered=False), moved_share(before, now, ordered=False))
    return cell_test(before, now), effect


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
        ColumnTest("cells", "chi-square", "{moved} between categories{unseen}.", 0.7, _categories),
        ColumnTest("rare", "rare category", "{moved} into or out of one rare category{unseen}.", 0.2, rare_test),
        ColumnTest(
            "rarest", "rarest categories", "{moved} into or out of the rarest categories{unseen}.", 0.1, rarest_test
        ),
    ),
    "missing": (ColumnTest("missing", "missing share", "{unusable}.", MISSING_SHARE, _run(missing_test, _unordered)),),
}
TITLES = {each.name: each.title for tests in TESTS_BY_KIND.values() for each in tests}


def run_tests(kind: str, reference: Counts, current: Counts, unlisted: Unlisted = ALL_LISTED) -> list[Tested]:
    """Run the tests of a kind: row, test with its p-value divided by its share of the error, and effect of each.

    The share of a test that could not have a p-value as small, whatever happens, falls to the others.
    Counts are of shape (..., cells): bins in rising order, or categories of which the last one are all others, or rows
    without and with a value. `unlisted` is of categories alone.
    """
    rows = TESTS_BY_KIND[kind]
    done = [row.run(reference, current, unlisted) for row in rows]
    whole, tested = sum(row.share for row in rows), []
    for row, (test, effect) in zip(rows, done, strict=True):
        p = test.p / row.share
        spent = sum(
            other.share * (np.asarray(its.least) / other.share <= p * _ROUNDING)
            for other, (its, _) in zip(rows, done, strict=True)
        )
        tested.append((row, Test(test.statistic, p * (spent / whole)), effect))
    return tested
