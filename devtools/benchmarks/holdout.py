"""``python -m devtools.benchmarks.holdout``: how often luck alone makes a champion when one holdout judges again and again.

Exit code 1 when a limit is broken. Everything is seeded; it takes some minutes on one core. The models are drawn, not trained:
all get the same share of rows right in the long run, and two of them differ on a share of the rows. So every promotion
after the first is a false one.
"""

import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import click
import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from champion.comparison.wear import allowed_p
from champion.errors import DONE, FAILED
from champion.terminal import echo

LEVEL = 0.05
ROWS = (100, 300, 2_000)
TRAININGS = (18, 100)
DIFFERING = (0.1, 1.0)  # share of the rows on which a model answers by a coin of its own
Allowed = Callable[[float, int], float]


class Policy(NamedTuple):
    """What a promotion asks for: the most that a p-value may be, by the challengers judged so far; None: any gain."""

    name: str
    allowed: Allowed | None


POLICIES = (
    Policy("any gain", None),
    Policy("max_p_value, each alone", lambda level, _: level),
    Policy("max_p_value, all together", allowed_p),
)


def promotions(
    policy: Policy, rows: int, trainings: int, differing: float, tables: int, seed: int, better: float = 0.0
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """How many challengers became the champion after the first, for many holdouts; and whether the last one did.

    `better` is by what share of rows the last challenger is truly better. Returns arrays of shape (tables,).
    """
    random = np.random.default_rng(seed)
    common = random.random((tables, rows)) < 0.5

    def model(gain: float = 0.0) -> NDArray[np.bool_]:
        own = random.random((tables, rows)) < differing
        return np.where(own, random.random((tables, rows)) < 0.5 + gain / differing, common)

    champion, count = model(), np.zeros(tables, dtype=np.int64)
    last = np.zeros(tables, dtype=np.bool_)
    for judged in range(2, trainings + 1):
        challenger = model(better if judged == trainings else 0.0)
        wins, losses = (challenger & ~champion).sum(axis=1), (champion & ~challenger).sum(axis=1)
        last = wins > losses
        if policy.allowed is not None:
            p = np.minimum(1.0, 2 * bdtr(np.minimum(wins, losses), wins + losses, 0.5))
            last &= p <= policy.allowed(LEVEL, judged)
        count += last
        champion = np.where(last[:, None], challenger, champion)
    return count, last


def measured(tables: int, seed: int) -> Iterator[tuple[str, str, int, int, float, float, float | None]]:
    """Simulate every claim: a row of the table that `main` prints, with its limit where it has one."""
    for rows in ROWS:
        for trainings in TRAININGS:
            for differing in DIFFERING:
                for policy in POLICIES:
                    count, _ = promotions(policy, rows, trainings, differing, tables, seed)
                    limit = LEVEL if policy.allowed is allowed_p else None
                    yield "false promotion", policy.name, rows, trainings, differing, float((count > 0).mean()), limit
    for trainings in (2, 5, 18, 50):
        for policy in POLICIES:
            _, last = promotions(policy, 2_000, trainings, 0.2, tables, seed, better=0.04)
            yield "better by 0.04, promoted", policy.name, 2_000, trainings, 0.2, float(last.mean()), None


@click.command()
@click.option("--tables", type=click.IntRange(min=1), default=1_000, help="Per row; fewer are less exact.")
@click.option("--seed", type=int, default=1)
def main(tables: int, seed: int) -> None:
    """Simulate a holdout that wears out."""
    echo("| claim | asked for | rows | trainings | differing | holdouts | limit |\n|---|---|--:|--:|--:|--:|--:|")
    good = True
    for claim, policy, rows, trainings, differing, share, limit in measured(tables, seed):
        ok = limit is None or share <= limit
        good = good and ok
        bound = "" if limit is None else f"at most {limit:.0%}"
        line = f"| {claim} | {policy} | {rows:,} | {trainings} | {differing:.0%} | {share:.1%} | {bound}"
        echo(f"{line}{'' if ok else ' BROKEN'} |")
    sys.exit(DONE if good else FAILED)


if __name__ == "__main__":
    main()
