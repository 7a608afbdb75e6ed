"""`new`: a beginning of own code."""

import click

from champion import settings
from champion.terminal import echo
from cli.common import json_option, print_json


@click.group("new")
def command() -> None:
    """Write a beginning of code of your own, with its test."""


@command.command("transformer")
@click.argument("name")
@json_option
def transformer(name: str, as_json: bool) -> None:
    """Write features/NAME.py, a step before the model, and its test; both run as they stand."""
    from champion.onboarding.new_code import new_transformer

    made = new_transformer(settings.root(), name)
    module, test = made.module.as_posix(), made.test.as_posix()
    if as_json:
        print_json({"module": module, "test": test, "transformer": made.path})
        return
    echo(f"Wrote {module}, and {test}: python -m pytest {test}")
    echo("Name it in the use case (docs/own-code.md):")
    echo(f"  code: [{module}]")
    echo(f"  features:\n    - transformer: {made.path}\n      columns: [ONE, ANOTHER]  # of numbers")
