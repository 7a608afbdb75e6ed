"""`models`: the version history of a use case."""

import click

from cli.common import config_option, json_option, open_store, open_use_case, print_json, where


@click.command("models")
@config_option
@json_option
def command(config: str, as_json: bool) -> None:
    """List the model versions: number, stage, scores, data version, commit, when, why."""
    workspace = open_use_case(config)
    client = open_store()
    from champion.registry.reconcile import reconcile
    from cli import console

    reconciled = reconcile(client, workspace)
    versions = reconciled.version_history.versions
    if as_json:
        print_json([console.version_facts(version) for version in versions])
        return
    console.warn([reconciled.done] if reconciled.done else [])
    console.versions_list(workspace.use_case.name, versions)
    click.echo(where(client))
