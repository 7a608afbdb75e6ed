"""`serve`: the champion over REST."""

from pathlib import Path
from typing import Any

import click

from champion.serving.options import Options, api_key, serve_options
from cli.common import config_option, open_use_case


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
    from champion.serving.server import serve

    serve(options)
