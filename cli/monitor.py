"""`monitor`: new data beside those that the champion was trained on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from champion.errors import DONE
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

if TYPE_CHECKING:
    from champion.workspace.workspace import Workspace

LABELS = "True labels by request_id: how good is the champion?"
FAIL_ON = "Exit 3 at drift; or 0 at drift and 1 at other columns alone; or 0 whatever is found."


@click.command("monitor")
@click.argument("source", metavar="TABLE|LOGFOLDER", required=False, type=path_type)
@config_option
@stack_option
@click.option("--since", metavar="WHEN", help="Of a log: from 2026-03-01, or 7d, 12h, 30m ago on.")
@click.option("--labels", type=path_type, metavar="TABLE", help=LABELS)
@click.option("--history", "past", is_flag=True, help="Show what was found so far, and draw it.")
@click.option(
    "--fail-on", type=click.Choice(["drift", "schema", "never"]), default="drift", show_default=True, help=FAIL_ON
)
@trust_code_option
@json_option
def command(
    source: Path | None,
    config: str,
    stack: str | None,
    past: bool,
    fail_on: str,
    trust_code: bool,
    as_json: bool,
    **of_source: Any,
) -> int:
    """Compare new data, or what a service logged, with what the champion was trained on.

    A folder of Parquet files is one table, unless a service logs to it.

    Exit codes: 0 no drift, 3 drift, 4 not enough data, 1 other columns than in training.
    """
    workspace = open_use_case(config)
    if past == (source is not None):
        raise click.UsageError("Name a table or a folder of logs; or ask for --history, and nothing else.")
    if source is None:
        return _history(workspace, as_json)
    from champion.drift.judge import exit_code
    from pipelines.drift_files import checked_input

    given = checked_input(source, how=workspace.use_case.data.read, **of_source)
    with running(stack, as_json) as (client, tell, used):
        from pipelines.drift_monitoring import monitor

        done = monitor(client, workspace, given, tell, trust_code)
    if as_json:
        report = done.report.model_dump(mode="json")
        print_json({**report, "log": done.notes, **used._asdict()})
    else:
        from cli import console

        console.warn([*done.notes, *done.report.notes])
        console.drift_summary(done.report)
        echo(f"Report: reports/{workspace.use_case.name}/drift.html   {used}")
    return exit_code(done.report.verdict, fail_on)


def _history(workspace: Workspace, as_json: bool) -> int:
    from cli import console
    from pipelines.drift_files import HISTORY_PAGE, write_history

    moments = write_history(workspace)
    if as_json:
        print_json([moment.model_dump(mode="json") for moment in moments])
    else:
        console.history_summary(moments)
        echo(f"Drawn: reports/{workspace.use_case.name}/{HISTORY_PAGE}")
    return DONE
