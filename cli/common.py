"""What several commands share: options, the use case, the store, and a run that shows how far it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from champion import settings
from champion.harmless import as_json
from champion.terminal import echo

if TYPE_CHECKING:
    from zenml.client import Client

    from champion.workspace.workspace import Workspace


def _named(_: click.Context, __: click.Parameter, config: str) -> str:
    """The file of a use case that was given by its name."""
    file = settings.root() / "configs" / f"{config}.yaml"
    return f"configs/{config}.yaml" if config == Path(config).name and file.exists() else config


path_type = click.Path(path_type=Path)
CONFIG = "The use case: its file, or its name."
config_option = click.option(
    "--config", default=settings.DEFAULT_CONFIG, show_default=True, metavar="FILE", callback=_named, help=CONFIG
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
TRUST_CODE = "Run the own code that the champion's package brings, though this checkout never had it."
trust_code_option = click.option("--trust-code", is_flag=True, help=TRUST_CODE)
stack_option = click.option("--stack", metavar="NAME", help="Run on this stack instead of the active one.")


def open_use_case(config: str) -> Workspace:
    """Read and check the use case of `--config`."""
    from champion.workspace.workspace import open_workspace

    return open_workspace(config)


def open_store() -> Client:
    """Open the ZenML store; this imports ZenML, which takes a second."""
    from champion.orchestration.store import open_store

    return open_store()


class Where(NamedTuple):
    """The store and the stack that a command used."""

    store: str
    stack: str

    def __str__(self) -> str:
        return f"Store: {self.store}   Stack: {self.stack}"


def where(client: Client) -> Where:
    """The store, and the stack that is active now."""
    from champion.orchestration.store import described

    return Where(described(client), client.active_stack_model.name)


@contextmanager
def running(stack: str | None, quiet: bool) -> Iterator[tuple[Client, Callable[[str, str], None], Where]]:
    """Open the store for a run on a stack, whose steps and rows are shown as they go.

    Raises StoreError where the stack's artifact store cannot be used.
    """
    client = open_store()
    from champion.orchestration.artifact_files import require_store
    from champion.orchestration.stacks import activated
    from cli import console

    with activated(client, stack), console.progress(quiet) as tell:
        require_store(client)
        yield client, tell, where(client)


def print_json(value: Any) -> None:
    """The one JSON value that `--json` prints."""
    echo(as_json(value))
