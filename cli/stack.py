"""`stack`: the active stack."""

import click

from champion.terminal import echo
from cli.common import open_store


@click.command("stack")
@click.argument("name")
def command(name: str) -> None:
    """Register a stack of stacks/ where it is missing, and make it the active one."""
    client = open_store()
    from champion.orchestration.stacks import activate
    from champion.orchestration.store import described

    activate(client, name)
    echo(f"The stack {name} is active.   Store: {described(client)}")
