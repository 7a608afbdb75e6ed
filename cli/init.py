"""`init`: a use case for a table of one's own."""

from pathlib import Path

import click

from champion import settings
from champion.terminal import echo
from cli.common import json_option, print_json


@click.command("init")
@click.argument("table")
@click.option("--target", required=True, metavar="COL", help="The column to predict.")
@click.option("--name", metavar="NAME", help="The use case's name; the file's stem if left out.")
@click.option("--force", is_flag=True, help="Write the use case anew where it exists.")
@json_option
def command(table: str, target: str, name: str | None, force: bool, as_json: bool) -> None:
    """Make a use case for a table of your own, with a column to predict: CSV, Excel, Parquet, JSON, Arrow.

    TABLE is a file, or an object of a store: s3://BUCKET/KEY.
    """
    from champion.onboarding.initialise import initialise
    from champion.use_case.addresses import is_address
    from cli import console

    address = table if is_address(table) else None
    path, told = _fetched(address) if address else (Path(table), [])
    done = initialise(settings.root(), path, target, name, force=force, address=address)
    config, data = done.config.as_posix(), done.address or done.data.as_posix()
    if as_json:
        facts = {
            "name": done.name,
            "config": config,
            "data": data,
            "tracked": done.tracked,
            "columns": [vars(column) for column in done.columns],
            "classes": done.classes,
            "missing": done.missing,
            "warnings": [*told, *done.warnings],
        }
        print_json(facts)
        return
    console.columns_table(done.columns, done.missing)
    console.class_counts(done.classes)
    console.warn([*told, *done.warnings])
    echo(f"Wrote {config} for {data}.\nTrain it: python run.py train --config {config}")


def _fetched(address: str) -> tuple[Path, list[str]]:
    """The file that an object was fetched to, and what is to be said of it."""
    from champion.errors import ConfigurationError
    from champion.orchestration.object_access import object_access
    from champion.use_case.addresses import parts
    from champion.workspace.fetched import fetch_object
    from champion.workspace.workspace import fetched_to

    try:
        parts(address)
    except ValueError as error:
        raise ConfigurationError(f"The table cannot be used: {error}.") from None
    path = fetched_to(settings.results(), address)
    return path, [fetch_object(address, object_access(), path)]
