"""`init`: a use case for a table of one's own."""

from pathlib import Path

import click

from champion import settings
from champion.terminal import echo
from cli.common import json_option, path_type, print_json


@click.command("init")
@click.argument("table", type=path_type)
@click.option("--target", required=True, metavar="COL", help="The column to predict.")
@click.option("--name", metavar="NAME", help="The use case's name; the file's stem if left out.")
@click.option("--force", is_flag=True, help="Write the use case anew where it exists.")
@json_option
def command(table: Path, target: str, name: str | None, force: bool, as_json: bool) -> None:
    """Make a use case for a table of your own, with a column to predict: CSV, Excel, Parquet, JSON, Arrow."""
    from champion.onboarding.initialise import initialise
    from cli import console

    done = initialise(settings.root(), table, target, name, force=force)
    config, data = done.config.as_posix(), done.data.as_posix()
    if as_json:
        facts = {
            "name": done.name,
            "config": config,
            "data": data,
            "tracked": done.tracked,
            "columns": [vars(column) for column in done.columns],
            "classes": done.classes,
            "missing": done.missing,
            "warnings": list(done.warnings),
        }
        print_json(facts)
        return
    console.columns_table(done.columns, done.missing)
    console.class_counts(done.classes)
    console.warn(done.warnings)
    echo(f"Wrote {config} for {data}.\nTrain it: python run.py train --config {config}")
