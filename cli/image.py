"""`image`: an image of the Dockerfile."""

import click

from champion import settings
from champion.terminal import echo

TARGETS = click.Choice(["pipeline", "serving", "champion"])


@click.command("image")
@click.option("--target", type=TARGETS, default="pipeline", show_default=True, help="The stage of the Dockerfile.")
@click.option("--tag", "tags", multiple=True, metavar="IMAGE", help="Name of the image; may be repeated.")
@click.option("--use-case", metavar="NAME", help="Whose package it serves; with one package there, that one.")
@click.option(
    "--trust-code", is_flag=True, help="Let the own code in the package run, though this checkout never had it."
)
def command(target: str, tags: tuple[str, ...], use_case: str | None, trust_code: bool) -> None:
    """Build an image: of the pipeline, of the service, or of the service with the champion inside.

    It has the libraries that its use cases need: that of the pipeline for all of configs/, that of the service for the package
    inside, or for `--use-case`.
    """
    from champion.orchestration.docker.image import build_named
    from champion.registry import image_contents

    if target == "pipeline":
        inside = image_contents.of_pipeline()
    elif target == "champion":
        inside = image_contents.of_champion(use_case, trust_code)
    else:
        inside = image_contents.of_service(use_case)
    for note in inside.notes:
        echo(f"  {note}", err=True)
    names = list(tags) or [f"{settings.PROJECT}-{target}:latest"]
    for name in build_named(target, names, inside.extras, **inside.arguments):
        echo(name)
