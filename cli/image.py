"""`image`: an image of the Dockerfile."""

import click

from champion import settings
from champion.terminal import echo

TARGETS = click.Choice(["pipeline", "serving", "champion"])


@click.command("image")
@click.option("--target", type=TARGETS, default="pipeline", show_default=True, help="The stage of the Dockerfile.")
@click.option("--tag", "tags", multiple=True, metavar="IMAGE", help="Name of the image; may be repeated.")
@click.option("--use-case", metavar="NAME", help="Whose package it serves; with one package there, that one.")
def command(target: str, tags: tuple[str, ...], use_case: str | None) -> None:
    """Build an image: of the pipeline, of the service, or of the service with the champion inside."""
    from champion.orchestration.docker.image import build_named

    for name in build_named(target, list(tags) or [f"{settings.PROJECT}-{target}:latest"], use_case):
        echo(name)
