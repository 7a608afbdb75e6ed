"""``python -m champion.serving``: the service without the rest of the project, as its image starts it."""

import sys
from pathlib import Path
from typing import Any

from champion.errors import ConfigurationError, ProjectError

try:
    import click

    from champion.serving.options import Options, api_key, serve_options
    from champion.terminal import complain, guard_process, refuse
except ModuleNotFoundError as error:
    sys.exit(f"Error: {error}. `make serve` installs what the service needs, and starts it.")


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--package",
    envvar="SERVE_PACKAGE",
    metavar="FOLDER",
    help="The production package; by default the only one in models/.",
)
@click.option("--log", envvar="SERVE_LOG", metavar="FOLDER", help="Log predictions into this folder.")
@click.option("--no-log", is_flag=True, help="Log none, also where SERVE_LOG names a folder.")
@serve_options
def main(package: str | None, log: str | None, no_log: bool, api_key_file: str | None, **given: Any) -> None:
    """Serve a production package over REST."""
    from champion.serving.server import serve

    folder = Path(package) if package else _only_package(Path("models"))
    where = None if no_log or not log else Path(log)
    serve(Options(folder, str(folder), log=where, key=api_key(api_key_file), **given))


def _only_package(folder: Path) -> Path:
    """The one package below a folder."""
    packages = [path.parent for path in sorted(folder.glob("*/manifest.json")) if not path.parent.name.startswith(".")]
    if len(packages) == 1:
        return packages[0]
    names = ", ".join(map(str, packages)) or "none"
    raise ConfigurationError(
        f"There is not exactly one production package in {folder} (found {names}). Name one with --package or "
        "SERVE_PACKAGE; it may come later."
    )


def run() -> int:
    """Run the command, and return its exit code; a mistake in its settings ends in a sentence."""
    guard_process()
    try:
        main.main(standalone_mode=False, prog_name="python -m champion.serving")
    except ProjectError as error:
        complain(error)
        return error.exit_code
    except click.ClickException as error:
        refuse(error)
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(run())
