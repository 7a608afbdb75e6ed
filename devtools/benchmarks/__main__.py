"""``python -m devtools.benchmarks``: measures the claims and prints them; exit code 1 when a limit is broken."""

import json
import sys
import tempfile
from pathlib import Path

import click

from champion.errors import DONE, FAILED
from devtools.benchmarks.claims import CLAIMS, Row
from devtools.benchmarks.measure import describe_machine, say
from devtools.benchmarks.sandbox import Sandbox
from devtools.checkout import UnexpectedError


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(CLAIMS)), help="This claim alone; may be repeated.")
@click.option("--repeat", type=click.IntRange(min=1), help="Runs of each side; else the claim's own number.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, with every single run, instead of a table.")
def main(only: tuple[str, ...], repeat: int | None, as_json: bool) -> None:
    """Measure the speed claims."""
    rows: list[Row] = []
    failures = 0
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as root:
        sandbox = Sandbox(Path(root))
        for name in only or CLAIMS:
            measure, repeats = CLAIMS[name]
            say(f"claim {name}")
            try:
                rows += measure(sandbox, repeat or repeats)
            except UnexpectedError as error:
                failures += 1
                click.echo(f"claim {name} could not be measured: {error}", err=True)
    if as_json:
        document = {"machine": describe_machine(), "rows": [row.as_json() for row in rows]}
        click.echo(json.dumps(document, indent=2))
    else:
        lines = [("claim", "ours", "rival", "ratio", "limit", "ok"), *(row.cells() for row in rows)]
        first, *others = (max(map(len, column)) for column in zip(*lines, strict=True))
        lines.insert(1, tuple("-" * width for width in (first, *others)))
        for claim, *cells in lines:
            padded = (cell.rjust(width) for cell, width in zip(cells, others, strict=True))
            click.echo("  ".join([claim.ljust(first), *padded]))
        click.echo(f"\nMedians. {describe_machine()}.")
    sys.exit(FAILED if failures or not all(row.ok for row in rows) else DONE)


if __name__ == "__main__":
    main()
