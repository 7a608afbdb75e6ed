"""`dashboard`: ZenML's own over the local store."""

import click

PORT = click.IntRange(0, 65535)


@click.command("dashboard")
@click.option("--port", type=PORT, default=8237, show_default=True, help="The first port to try; 0 takes a free one.")
def command(port: int) -> None:
    """Show runs, reports and models of the local store in ZenML's dashboard, until Ctrl-C."""
    from champion.orchestration.dashboard import run

    run(port)
