"""`models`: the version history of a use case."""

import click

from champion.terminal import echo
from cli.common import config_option, json_option, open_store, open_use_case, print_json, where


@click.command("models")
@config_option
@json_option
def command(config: str, as_json: bool) -> None:
    """List the model versions: number, stage, scores, data version, commit, when, why."""
    workspace = open_use_case(config)
    client = open_store()
    from champion.registry.sides import Situation, out_of_step, read_sides, versions_in_truth
    from champion.registry.versions import PRODUCTION
    from cli import console

    sides = read_sides(client, workspace)
    versions = versions_in_truth(sides)
    is_elsewhere = sides.situation is Situation.MOVED and all(each.stage != PRODUCTION for each in versions)
    elsewhere = sides.pointer if is_elsewhere else None
    if as_json:
        facts = [console.version_facts(version) for version in versions]
        print_json([*facts, *([console.pointer_facts(elsewhere)] if elsewhere else [])])
        return
    console.warn(out_of_step(sides, workspace))
    console.versions_list(workspace.use_case.name, versions, elsewhere, workspace.use_case.promotion.metric)
    echo(where(client))
