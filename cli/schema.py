"""`schema`: the JSON schema of a use case."""

import click

from cli.common import print_json


@click.command("schema")
def command() -> None:
    """Print the JSON schema of a use case, for editors that complete YAML."""
    from champion.use_case.whole import UseCase

    print_json(UseCase.model_json_schema())
