"""``python -m devtools.benchmarks.drift``: how often the drift gate cries wolf, and what it finds.

Exit code 1 when a limit is broken. Everything is seeded; it takes some ten minutes on one core.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import click

from champion.errors import DONE, FAILED
from devtools.benchmarks.drift_tables import KINDS, alarms

REFERENCES = (120, 10_000, 1_000_000)
ROWS = (100, 1_000, 100_000)
COLUMNS = (4, 20, 100)
_SLOWER = {"categories": 4, "rare categories": 40}  # kinds of which fewer tables are drawn


@dataclass(frozen=True)
class Row:
    """One measured share of tables, with its limit."""

    claim: str
    kind: str
    columns: int
    reference: int
    rows: int
    share: float
    limit: float
    at_least: bool

    @property
    def ok(self) -> bool:
        """Whether the limit holds; there is none where it is 0."""
        return self.share >= self.limit if self.at_least else self.share <= self.limit


def measured(tables: int, seed: int) -> Iterator[Row]:
    """Simulate every claim."""
    for kind in KINDS:
        some = max(100, tables // _SLOWER.get(kind, 1))
        for columns in COLUMNS:
            for reference in REFERENCES:
                for rows in ROWS:
                    share = float(alarms(kind, columns, reference, rows, some, seed).any(axis=1).mean())
                    yield Row("false alarm", kind, columns, reference, rows, share, 0.05, at_least=False)
    for reference in REFERENCES:
        for columns in (1, *COLUMNS):
            share = float(alarms("numbers", columns, reference, 300, tables, seed, shift=0.5)[:, 0].mean())
            limit = 0.95 if reference > 120 or columns <= 4 else 0.0
            yield Row("half a deviation found", "numbers", columns, reference, 300, share, limit, at_least=True)
    for columns in COLUMNS:
        share = float(alarms("numbers", columns, 1_000_000, 1_000_000, tables, seed, shift=0.02)[:, 0].mean())
        yield Row("0.02 deviations reported", "numbers", columns, 1_000_000, 1_000_000, share, 0.0, at_least=False)


@click.command()
@click.option(
    "--tables", type=click.IntRange(min=1), default=12_000, help="Simulated tables per row; fewer are less exact."
)
@click.option("--seed", type=int, default=1)
def main(tables: int, seed: int) -> None:
    """Simulate the drift gate."""
    click.echo("| claim | columns of | columns | reference | rows | tables | limit |\n|---|---|--:|--:|--:|--:|--:|")
    good = True
    for row in measured(tables, seed):
        good = good and row.ok
        limit = f"{'at least' if row.at_least else 'at most'} {row.limit:.0%}" if row.limit or not row.at_least else ""
        click.echo(
            f"| {row.claim} | {row.kind} | {row.columns} | {row.reference:,} | {row.rows:,} | {row.share:.1%} | "
            f"{limit}{'' if row.ok else ' BROKEN'} |"
        )
    sys.exit(DONE if good else FAILED)


if __name__ == "__main__":
    main()
