"""What several commands share: options, the use case, the store, and a run that shows how far it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from champion import settings

if TYPE_CHECKING:
    from zenml.client import Client

    from champion.workspace.workspace import Workspace


def _named(ctx: click.Context, parameter: click.Parameter, config: str) -> str:
    """The file of a use case that was given by its name."""
    del ctx, parameter
    file = settings.root() / "configs" / f"{config}.yaml"
    return f"configs/{config}.yaml" if config == Path(config).name and file.exists() else config


path_type = click.Path(path_type=Path)
CONFIG = "The use case: its file, or its name."
config_option = click.option(
    "--config", default=settings.DEFAULT_CONFIG, show_default=True, metavar="FILE", callback=_named, help=CONFIG
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
stack_option = click.option("--stack", metavar="NAME", help="Run on this stack instead of the active one.")


def open_use_case(config: str) -> Workspace:
    """Read and check the use case of `--config`."""
    from champion.workspace.workspace import open_workspace

    return open_workspace(config)


def open_store() -> Client:
    """Open the ZenML store; this imports ZenML, which takes a second."""
    from champion.orchestration.store import open_store

    return open_store()


@contextmanager
def running(stack: str | None, quiet: bool) -> Iterator[tuple[Client, Callable[[str, str], None]]]:
    """Open the store for a run on a stack; steps, told to what is yielded, and rows are shown as they go."""
    client = open_store()
    from champion.orchestration.stacks import activated
    from champion.progress import watched
    from cli import console

    with (
        activated(client, stack),
        console.steps(quiet) as tell_step,
        console.rows(quiet) as tell_rows,
        watched(tell_rows),
    ):
        yield client, tell_step


def print_json(value: Any) -> None:
    """The one JSON value that `--json` prints."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_store(client: Client) -> None:
    """The line that names store and stack."""
    from champion.orchestration.store import described

    click.echo(f"Store: {described(client)}   Stack: {client.active_stack_model.name}")
