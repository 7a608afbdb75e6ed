"""``python -m devtools.benchmarks.drift``: how often the drift gate cries wolf, and what it finds.

Exit code 1 when a limit is broken. Everything is seeded; it takes some ten minutes on one core. Counts in the bins of a
profile are drawn instead of rows, so that a million cost no more than a hundred: for a continuous number the edges are order
statistics of the reference, and its bins' true shares random; for few values or categories its counts are random.
"""

import itertools
import sys
from collections.abc import Callable, Iterator

import click
import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc, ndtr, ndtri

from champion.drift.judge import drifting
from champion.drift.statistics import Counts, Tested, Unlisted, run_tests
from champion.errors import DONE, FAILED
from champion.modeling.profile import BINS, CATEGORIES
from champion.terminal import echo
from champion.use_case.policy import Drift

REFERENCES = (120, 10_000, 1_000_000)
ROWS = (100, 1_000, 100_000)
COLUMNS = (4, 20, 100)
MANY = 1_000_000
BATCH = 40_000  # features at a time
# A single column of categories: how many there are, rows of the reference, new rows.
GRID = ((2, 5, 12, 30, 40, 150, 500), (60, 120, 1_000, 10_000), (100, 5_000, 100_000))
LAWS = ("even", "zipf", "steep")
ALLOWED = 1.3  # times alpha, and what so many draws explain
Draw = Callable[[np.random.Generator, int, int, int, float], list[Tested]]


def numbers(random: np.random.Generator, features: int, reference: int, rows: int, shift: float) -> list[Tested]:
    """Normal numbers, the new ones shifted by some standard deviations; what is tested looks at ranks alone."""
    ranks = np.linspace(0, reference - 1, BINS + 1).round().astype(np.int64)
    spaces = random.gamma([ranks[0] + 1, *np.diff(ranks), reference - ranks[-1]], size=(features, BINS + 2))
    below = np.cumsum(spaces, axis=1)[:, :-1] / spaces.sum(axis=1, keepdims=True)
    if shift:
        below = ndtr(ndtri(below) - shift)
    shares = np.diff(below, axis=1, prepend=0.0, append=1.0)
    counts = np.diff(ranks)
    counts[-1] += 1
    ours = np.broadcast_to(np.concatenate([[0], counts, [0]]), shares.shape)
    return run_tests("number", ours, random.multinomial(rows, shares))


def few_values(random: np.random.Generator, features: int, reference: int, rows: int, shift: float) -> list[Tested]:
    """Whole numbers from 0 to 5: a normal number, cut at whole standard deviations."""
    cuts = np.arange(-2.0, 3.0)
    shares = np.diff(ndtr(cuts), prepend=0.0, append=1.0)
    moved = np.diff(ndtr(cuts - shift), prepend=0.0, append=1.0)
    ours, theirs = random.multinomial(reference, shares, features), random.multinomial(rows, moved, features)
    return run_tests("few values", ours, theirs)


def categories(random: np.random.Generator, features: int, reference: int, rows: int, shift: float) -> list[Tested]:
    """Twelve categories, the most frequent with a third of the rows; a shift takes that share of rows from it."""
    shares = 1 / np.arange(1, 13)
    shares /= shares.sum()
    moved = shares + shift * (np.eye(12)[1] - np.eye(12)[0])
    return _in_cells(random.multinomial(reference, shares, features), random.multinomial(rows, moved, features))


def rare_categories(random: np.random.Generator, features: int, reference: int, rows: int, _: float) -> list[Tested]:
    """Five hundred categories, none with more than a hundredth of the rows, of which a profile lists thirty; unshifted."""
    shares = 1 / np.sqrt(np.arange(1, 501) + 20)
    shares /= shares.sum()
    return _in_cells(random.multinomial(reference, shares, features), random.multinomial(rows, shares, features))


def _in_cells(ours: Counts, theirs: Counts) -> list[Tested]:
    """The tests of categories as a profile keeps them: the rows of each, and nothing else."""
    before, now = (np.pad(each, [(0, 0), (0, 1)]) for each in (ours, theirs))  # nothing is left for all others
    return run_tests("category", before, now)


def shares_of(count: int, law: str) -> NDArray[np.float64]:
    """The shares of so many categories: all alike, as 1/rank (Zipf), or as 1/rank squared."""
    weights = np.arange(1.0, count + 1) ** -{"even": 0.0, "zipf": 1.0, "steep": 2.0}[law]
    shares: NDArray[np.float64] = weights / weights.sum()
    return shares


def moved_between(shares: NDArray[np.float64], moved: float) -> NDArray[np.float64]:
    """The same shares with some of the rows moved from the most frequent third of the categories to the next third."""
    givers = max(1, len(shares) // 3)
    others = shares.copy()
    others[:givers] *= 1 - moved / shares[:givers].sum()
    others[givers : 2 * givers] += moved / givers
    return others


def as_in_0_1(ours: Counts, theirs: Counts) -> list[Tested]:
    """The tests of a profile of version 0.1, which lists thirty categories that more than a single row has, and no more."""
    order = np.argsort(-ours, axis=1, kind="stable")
    ours, theirs = (np.take_along_axis(each, order, axis=1) for each in (ours, theirs))
    listed = (ours > 1) & (np.arange(ours.shape[1]) < CATEGORIES)
    rest = np.where(listed, 0, ours)
    categories = (rest > 0).sum(axis=1)
    known = rest.sum(axis=1) == categories  # each had one row
    last = np.where(listed, ours, np.iinfo(np.int64).max).min(axis=1)
    most = np.where(known, -1, np.minimum(rest.sum(axis=1) - categories + 1, last))
    hidden = (rest > 0) & ~known[:, None]
    before, now = (
        np.concatenate([np.where(hidden, 0, each), np.where(hidden, each, 0).sum(axis=1)[:, None]], axis=1)
        for each in (ours, theirs)
    )
    return run_tests("category", before, now, Unlisted(most, np.where(known, 0, categories)))


def column_alarms(
    sizes: tuple[int, int, int], law: str, tables: int, seed: int, *, moved: float = 0.0, effect: float | None = None,
    tests: Callable[[Counts, Counts], list[Tested]] = _in_cells,
) -> float:  # fmt: skip
    """The share of tables of one column of categories that the gate reports.

    `sizes` are how many categories there are, rows of the reference, and new rows; `effect` is the share that matters, the
    usual one unless given.
    """
    count, reference, rows = sizes
    random, rules, shares = np.random.default_rng(seed), Drift(), shares_of(count, law)
    others = moved_between(shares, moved) if moved else shares
    parts = tests(random.multinomial(reference, shares, tables), random.multinomial(rows, others, tables))
    p, effects = (
        np.stack(each, axis=-1)[:, None] for each in ([test.p for _, test, _ in parts], [e for *_, e in parts])
    )
    drift, _ = drifting(p, effects, np.array([rules.min_effect if effect is None else effect]), rules.alpha)
    return float(drift.any(axis=(1, 2)).mean())


def most(tables: int, rate: float) -> float:
    """The share of alarms that such a true rate stays below in all but one case of ten thousand."""
    counts = np.arange(tables + 1)
    return float(counts[bdtrc(counts, tables, rate) < 1e-4][0] / tables)


KINDS: dict[str, Draw] = {
    "numbers": numbers,
    "few values": few_values,
    "categories": categories,
    "rare categories": rare_categories,
}


def alarms(
    kind: str, columns: int, reference: int, rows: int, tables: int, seed: int, shift: float = 0.0
) -> NDArray[np.bool_]:
    """Which features the gate reports, for many tables with a reference of their own each.

    `kind`: one of `KINDS`. `shift`: of the first column alone, in standard deviations. Returns ndarray of bool, shape
    (tables, columns).
    """
    draw = KINDS[kind]
    random = np.random.default_rng(seed)
    rules = Drift()

    def drawn(features: int, shift: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        parts = draw(random, features, reference, rows, shift)
        return np.stack([test.p for _, test, _ in parts], axis=-1), np.stack([each for _, _, each in parts], axis=-1)

    reported = []
    most = max(1, BATCH // columns)
    for start in range(0, tables, most):
        size = min(most, tables - start)
        p, effects = (each.reshape(size, columns, -1) for each in drawn(size * columns, 0.0))
        if shift:
            p[:, 0], effects[:, 0] = drawn(size, shift)
        drift, _ = drifting(p, effects, np.full(columns, rules.min_effect), rules.alpha)
        reported.append(drift.any(axis=-1))
    return np.concatenate(reported)


def measured(tables: int, seed: int) -> Iterator[tuple[str, str, int, int, int, float, float, bool]]:
    """Simulate every claim: a row of the table that `main` prints, and whether its limit is the least."""
    for kind in KINDS:
        some = max(100, tables // {"categories": 4, "rare categories": 40}.get(kind, 1))  # the slower, the fewer
        for columns, reference, rows in itertools.product(COLUMNS, REFERENCES, ROWS):
            share = alarms(kind, columns, reference, rows, some, seed).any(axis=1).mean()
            yield "false alarm", kind, columns, reference, rows, share, 0.05, False
    some = max(100, tables // 6)
    for law, sizes in itertools.product(LAWS, itertools.product(*GRID)):
        for effect, what in ((None, "false alarm"), (0.0, "whatever moved")):
            share = column_alarms(sizes, law, some, seed, effect=effect)
            yield what, f"{sizes[0]} {law}", 1, *sizes[1:], share, most(some, ALLOWED * Drift().alpha), False
    for law, sizes in itertools.product(LAWS[:2], itertools.product((2, 5, 12, 30), (1_000, 10_000), (1_000, 100_000))):
        share = column_alarms(sizes, law, some, seed, moved=0.2)
        yield "a fifth moved found", f"{sizes[0]} {law}", 1, *sizes[1:], share, 0.95, True
    for reference, columns in itertools.product(REFERENCES, (1, *COLUMNS)):
        share = alarms("numbers", columns, reference, 300, tables, seed, shift=0.5)[:, 0].mean()
        limit = 0.95 if reference > 120 or columns <= 4 else 0.0
        yield "half a deviation found", "numbers", columns, reference, 300, share, limit, True
    for columns in COLUMNS:
        share = alarms("numbers", columns, MANY, MANY, tables, seed, shift=0.02)[:, 0].mean()
        yield "0.02 deviations reported", "numbers", columns, MANY, MANY, share, 0.0, False


@click.command()
@click.option("--tables", type=click.IntRange(min=1), default=12_000, help="Per row; fewer are less exact.")
@click.option("--seed", type=int, default=1)
def main(tables: int, seed: int) -> None:
    """Simulate the drift gate."""
    echo("| claim | columns of | columns | reference | rows | tables | limit |\n|---|---|--:|--:|--:|--:|--:|")
    good = True
    for claim, kind, columns, reference, rows, share, limit, at_least in measured(tables, seed):
        ok = share >= limit if at_least else share <= limit
        good = good and ok
        bound = f"{'at least' if at_least else 'at most'} {limit:.0%}" if limit or not at_least else ""
        line = f"| {claim} | {kind} | {columns} | {reference:,} | {rows:,} | {share:.1%} | {bound}"
        echo(f"{line}{'' if ok else ' BROKEN'} |")
    sys.exit(DONE if good else FAILED)


if __name__ == "__main__":
    main()
