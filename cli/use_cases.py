"""`use-cases`: which there are, who is champion of each, and the removal of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from champion import settings
from champion.errors import ProjectError
from champion.terminal import echo
from cli.common import json_option, open_store, open_use_case, print_json, where

if TYPE_CHECKING:
    from pathlib import Path

    from zenml.client import Client


@click.group("use-cases", invoke_without_command=True)
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List the use cases: the champion of each and its score; or remove one."""
    if context.invoked_subcommand is not None:
        return
    root = settings.root()
    client = open_store()
    rows = [_row(client, config) for config in settings.configurations(root)]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        if row["wrong"]:
            echo(f"{row['config']}: {row['wrong']}")
            continue
        champion = "no champion yet"
        if row["champion"] is not None:
            score = "" if row["score"] is None else f", {row['metric']} {row['score']:.4f}"
            champion = f"version {row['champion']}{score}"
        echo(f"{row['name']}: {champion}  ({row['config']}, {row['data']}, target {row['target']})")
    if not rows:
        echo("No use case yet: `python run.py init TABLE --target COL` writes one.")
    echo(where(client))


def _row(client: Client, config: Path) -> dict[str, Any]:
    """What is to be said of a use case; `wrong` is why it cannot be used."""
    from champion.registry.sides import read_sides, versions_in_truth
    from champion.registry.versions import PRODUCTION
    from champion.workspace.workspace import open_workspace, shown

    row: dict[str, Any] = dict.fromkeys(("name", "data", "target", "metric", "champion", "score", "wrong"))
    row["config"] = shown(config, settings.root())
    try:
        workspace = open_workspace(str(config))
        use_case = workspace.use_case
        row |= {"name": use_case.name, "data": use_case.data.path, "target": use_case.data.target}
        row["metric"] = metric = use_case.promotion.metric
        sides = read_sides(client, workspace)
        champion = next((each for each in versions_in_truth(sides) if each.stage == PRODUCTION), None)
        if champion is not None:
            row |= {"champion": champion.number, "score": champion.record.metrics.get(metric)}
        elif sides.pointer is not None:
            row |= {"champion": sides.pointer.number, "score": sides.pointer.metrics.get(metric)}
    except ProjectError as error:
        row["wrong"] = str(error).splitlines()[0]
    return row


@command.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do it; without it the command only says what would go.")
@json_option
def remove(name: str, yes: bool, as_json: bool) -> None:
    """Remove a use case from this checkout and this machine's store, and say what goes, what stays, and what is lost.

    What git, DVC's cache and a remote have stays there.
    """
    from champion.onboarding.forget import forget, look

    workspace, client = open_use_case(name), open_store()
    plan = forget(client, workspace) if yes else look(client, workspace)
    if as_json:
        print_json(
            {"name": workspace.use_case.name, "goes": plan.goes, "stays": plan.stays, "lost": plan.lost, "done": yes}
        )
        return
    for sentence in plan.goes:
        echo(f"{'Removed' if yes else 'Would go'}: {sentence}.")
    for sentence in plan.stays:
        echo(f"Stays: {sentence}.")
    for sentence in plan.lost:
        echo(f"{'Lost' if yes else 'Would be lost'}, since nothing else has it: {sentence}.")
    if not yes:
        echo("Nothing was removed; `--yes` does it.")
    echo(where(client))
