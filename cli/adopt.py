"""`adopt`: decide which of two champions stays."""

from typing import Literal

import click

from champion.terminal import echo
from cli.common import config_option, open_store, open_use_case, where


@click.command("adopt")
@click.argument("side", type=click.Choice(["pointer", "store"]))
@config_option
def command(side: Literal["pointer", "store"], config: str) -> None:
    """Decide between the champion that git names and that of this machine's store, where both changed."""
    workspace = open_use_case(config)
    client = open_store()
    from champion.registry.reconcile import adopt, who

    echo(f"Adopted: {adopt(client, workspace, side, who(client, workspace))}.")
    echo(where(client))
