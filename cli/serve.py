"""`serve`: the champion over REST."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from champion.errors import ProjectError
from champion.serving.options import Options, api_key, serve_options
from champion.terminal import echo
from cli.common import config_option, open_use_case

if TYPE_CHECKING:
    from champion.workspace.workspace import Workspace


@click.command("serve")
@config_option
@click.option("--log", envvar="SERVE_LOG", metavar="FOLDER", help="Log predictions here; predictions/NAME if left out.")
@click.option("--no-log", is_flag=True, help="Log no predictions.")
@serve_options
def command(config: str, log: str | None, no_log: bool, api_key_file: str | None, **given: Any) -> None:
    """Serve the champion over REST, and take over a new one without a pause."""
    workspace = open_use_case(config)
    folder = workspace.results / "predictions" / workspace.use_case.name if log is None else Path(log)
    options = Options(
        workspace.package,
        workspace.shown_package,
        use_case=workspace.use_case.name,
        log=None if no_log or log == "" else folder,
        key=api_key(api_key_file),
        **given,
    )
    for line in _out_of_step(workspace):
        echo(f"Note: {line}", err=True)
    from champion.serving.server import serve

    serve(options)


def _out_of_step(workspace: Workspace) -> list[str]:
    """Whether git names another package than the one that is served; the store is not opened for it."""
    from champion.datastore import index
    from champion.workspace.workspace import read_package, shown

    try:
        pointer, package = index.read_pointer(workspace.pointer), read_package(workspace)
    except ProjectError:  # what is wrong with a package the service says itself
        return []
    if pointer is None or package is None or pointer.md5 == package.md5:
        return []
    numbers = f"version {package.manifest.model_version} here, version {pointer.number} there"
    name = shown(workspace.pointer, workspace.root)
    return [f"{workspace.shown_package} is not the package that {name} names ({numbers}): `models` says more"]
