"""`predict`: a table scored by the champion."""

from pathlib import Path
from typing import Any

import click

from champion.terminal import echo
from cli.common import (
    config_option,
    json_option,
    open_use_case,
    path_type,
    print_json,
    running,
    stack_option,
    trust_code_option,
)

REJECTS = "Where rows go that cannot be scored, as CSV; OUT with .rejected.csv if left out."
FORMULAS = "In a CSV, put an apostrophe before each text that a spreadsheet would take for a formula."


@click.command("predict")
@click.argument("table", type=path_type)
@click.argument("out", type=path_type)
@config_option
@stack_option
@click.option("--keep", multiple=True, metavar="COLUMN", help="Let a column of the table through; may be repeated.")
@click.option("--keep-all", is_flag=True, help="Let every column of the table through.")
@click.option("--quote-formulas", is_flag=True, help=FORMULAS)
@click.option("--rejects", type=path_type, metavar="FILE", help=REJECTS)
@click.option("--no-cache", is_flag=True, help="Score the table also where this champion has scored it before.")
@trust_code_option
@json_option
def command(
    table: Path,
    out: Path,
    config: str,
    stack: str | None,
    no_cache: bool,
    trust_code: bool,
    as_json: bool,
    **files: Any,
) -> None:
    """Score a table with the champion: read as its own was, and written as the ending of OUT says.

    The table may be longer than the memory. OUT appears whole or not at all; rows that cannot be scored go to a file of
    their own, with the reason.
    """
    workspace = open_use_case(config)
    from pipelines.batch_files import checked_files

    checked = checked_files(table, out, how=workspace.use_case.data.read, **files)
    with running(stack, as_json) as (client, tell, used):
        from pipelines.batch_inference import predict

        done = predict(client, workspace, checked, not no_cache, tell, trust_code)
    rejected = str(done.rejects) if done.rejects else None
    if as_json:
        tally = {"use_case": workspace.use_case.name, **done.tally.model_dump(mode="json", exclude={"said_of_wrong"})}
        files = {"out": str(out), "rejects": rejected}
        print_json({**tally, **files, "warnings": done.warnings, "notes": done.notes, **used._asdict()})
        return
    from cli import console

    console.warn([*done.notes, *done.warnings])
    console.batch_summary(done.tally, str(out), rejected)
    echo(used)
