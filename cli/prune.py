"""`prune`: a store without what nothing needs."""

import click

from champion.terminal import echo
from cli.common import config_option, json_option, open_store, open_use_case, print_json, where


@click.command("prune")
@config_option
@click.option("--yes", is_flag=True, help="Do it; without it the command only says what would go.")
@click.option(
    "--unnamed", is_flag=True, help="Also objects of a bucket that no record names; be sure that they are yours."
)
@json_option
def command(config: str, yes: bool, unnamed: bool, as_json: bool) -> None:
    """Free the store of runs and artifacts that no model version needs."""
    workspace = open_use_case(config)
    client = open_store()
    from champion.registry.prune import prune

    done = prune(client, workspace, really=yes, unnamed=unnamed)
    if as_json:
        facts = {
            "runs": done.runs,
            "artifacts": done.artifacts,
            "snapshots": done.snapshots,
            "logs": done.logs,
            "metadata": done.metadata,
            "bytes": done.bytes,
            "unfinished": done.unfinished,
            "freed": done.freed,
            "unnamed": done.unnamed,
            "stays": done.stays,
            "done": yes,
        }
        print_json(facts)
        return
    verb = "Freed" if yes else "Would free"
    what = f"{done.runs} runs and {done.artifacts} artifacts, {done.snapshots} snapshots, {done.logs} logs"
    echo(f"{verb} {what} and {done.metadata} entries of metadata, {done.bytes / 1e6:.1f} MB.")
    if done.freed:
        echo(f"The database is {done.freed / 1e6:.1f} MB shorter.")
    for sentence in done.stays:
        echo(sentence)
    if done.unfinished:
        echo(f"{done.unfinished} runs have not ended and stay. Here, killed ones go once no other run goes on.")
    if not yes and any((done.runs, done.artifacts, done.snapshots, done.logs, done.metadata, unnamed and done.unnamed)):
        echo("Nothing was removed; `--yes` does it.")
    echo(where(client))
