"""``python -m devtools.benchmarks.serving``: measures all servers in one run; exit code 1 when a limit is broken."""

import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

import click

from champion.errors import DONE, FAILED
from devtools.benchmarks.measure import describe_machine, say
from devtools.benchmarks.sandbox import Sandbox
from devtools.benchmarks.serving.figures import Figures, as_tables, limits, measure
from devtools.benchmarks.serving.rivals import ESTIMATORS, SERVERS, trained
from devtools.benchmarks.serving.server import cores
from devtools.checkout import UnexpectedError


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(SERVERS)), help="This server; may be repeated.")
@click.option("--models", multiple=True, type=click.Choice(list(ESTIMATORS)), help="This model; may be repeated.")
@click.option("--seconds", type=click.FloatRange(0.1, 3600), default=8.0, show_default=True, help="Of each load.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
def main(only: tuple[str, ...], models: tuple[str, ...], seconds: float, as_json: bool) -> None:
    """Measure the service and its rivals."""
    figures: list[Figures] = []
    failures = 0
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as root:
        sandbox = Sandbox(Path(root))
        champions = [trained(sandbox, name) for name in models or ESTIMATORS]
        pinned = cores()
        if pinned:
            os.sched_setaffinity(0, {pinned[1]})
        for champion in champions:
            for name in [name for name in SERVERS if not only or name in only]:
                say(f"{name} with the {champion.name}")
                try:
                    figures.append(measure(sandbox, champion, name, seconds))
                except (UnexpectedError, OSError) as error:
                    failures += 1
                    click.echo(f"{name} could not be measured: {error}", err=True)
    held = limits(figures)
    if as_json:
        rows = [asdict(limit) | {"kept": limit.kept} for limit in held]
        facts = {"machine": describe_machine(), "figures": [asdict(each) for each in figures], "limits": rows}
        click.echo(json.dumps(facts, indent=2))
    else:
        alone = "Servers on one core, the load on another."
        shared = "Nothing is pinned: the load shares the servers' cores."
        click.echo(as_tables(figures, held))
        click.echo(f"\n{seconds:g} s each. {describe_machine()}. {alone if pinned else shared}")
    sys.exit(FAILED if failures or not all(limit.kept for limit in held) else DONE)


if __name__ == "__main__":
    main()
