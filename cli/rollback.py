"""`rollback`: the former champion again."""

import click

from champion.terminal import echo
from cli.common import config_option, json_option, open_store, open_use_case, print_json, where


@click.command("rollback")
@config_option
@click.option("--to", "number", type=int, metavar="N", help="Back to this version instead of the former champion.")
@json_option
def command(config: str, number: int | None, as_json: bool) -> None:
    """Put the former champion back into production."""
    workspace = open_use_case(config)
    client = open_store()
    from champion.registry.rollback import roll_back

    done = roll_back(client, workspace, number)
    from cli import console

    if as_json:
        print_json({"champion": done.champion, "replaced": done.replaced, "reason": done.reason})
        return
    console.warn(done.notes)
    echo(f"{done.reason} {workspace.shown_package} is version {done.champion} again.")
    echo(where(client))
