"""The whole loop on one machine, told as a story: ``make demo``.

Train, serve, ask, notice drift, learn anew, swap under load, and take it back. Each command is run as its user would run
it, in a checkout of the demo's own, so that the user's data, store and champion stay as they are. Every figure is read
from what the commands and the service left; where one is not as the story says, the demo ends there with exit code 1.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import click

from champion import settings
from champion.errors import ProjectError
from devtools.checkout import UnexpectedError
from devtools.demo.story import Loop, make_checkout

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass
class Teller:
    """Prints the story as it goes, and keeps it for `--json`.

    Attributes
    ----------
    quiet : bool
        Whether nothing is printed.
    steps : list of dict
        Of each step its title, commands with exit code and seconds, and what came out.
    """

    quiet: bool
    steps: list[dict[str, Any]] = field(default_factory=list)

    @property
    def here(self) -> str:
        """The step that is being told."""
        return f"step {len(self.steps)} ({self.steps[-1]['title']})" if self.steps else "its start"

    def begin(self, title: str, why: str) -> None:
        """A new step: what is done, and why."""
        self.steps.append({"title": title, "commands": [], "found": []})
        self.say(f"\n{click.style(f'{len(self.steps)}. {title}', bold=True)} {why}")

    def command(self, shown: str) -> None:
        """What a person would type; told before it runs."""
        self.say(f"   {click.style('$ ' + shown, fg='cyan')}")
        self.steps[-1]["commands"].append({"command": shown})

    def ended(self, exit_code: int, seconds: float) -> None:
        """How the last command ended."""
        self.steps[-1]["commands"][-1].update(exit_code=exit_code, seconds=round(seconds, 1))

    def found(self, text: str) -> None:
        """What came out."""
        self.steps[-1]["found"].append(text)
        self.say(f"   {text}")

    def say(self, text: str) -> None:
        """A line."""
        if not self.quiet:
            click.echo(text)


@contextmanager
def folder_of_its_own(keep: bool) -> Iterator[Path]:
    """A new folder, which is removed at the end unless it is to be kept."""
    folder = Path(tempfile.mkdtemp(prefix=f"{settings.PROJECT}-demo-"))
    try:
        yield folder
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def tell(root: Path, folder: Path, teller: Teller) -> dict[str, Any]:
    """Tell the story from its first step to its last.

    Parameters
    ----------
    folder : Path
        Where everything happens.

    Returns
    -------
    dict
        What `--json` prints.

    Raises
    ------
    ProjectError
        When a step does not go as the story says.
    """
    begun = time.monotonic()
    try:
        loop = Loop(make_checkout(root, folder / "checkout"), folder, teller)
        loop.play()
    except UnexpectedError as error:
        raise ProjectError(
            f"The demo breaks off at {teller.here}: {error}. `make demo ARGS=--keep` leaves its folder to look into."
        ) from None
    return {**loop.facts(), "seconds": round(time.monotonic() - begun, 1), "steps": teller.steps}


def main(arguments: list[str] | None = None) -> int:
    """Run the demo from the command line.

    Parameters
    ----------
    arguments : list of str, optional
        Those of the process if left out.

    Returns
    -------
    int
        The exit code: 0 when the story went as told, 1 when it did not, 130 after Ctrl-C.
    """
    parser = argparse.ArgumentParser(prog="python -m devtools.demo", description="The whole loop on one machine.")
    parser.add_argument("--json", action="store_true", help="print JSON at the end instead of the story")
    parser.add_argument("--keep", action="store_true", help="leave the demo's folder to look into")
    options = parser.parse_args(arguments)
    for number in _ENDING:
        if signal.getsignal(number) != signal.SIG_IGN or number != signal.SIGHUP:  # nohup ignores it
            signal.signal(number, _interrupt)
    try:
        with folder_of_its_own(options.keep) as folder:
            teller = Teller(options.json)
            teller.say(f"In {folder}, which is {'kept' if options.keep else 'removed at the end'}.")
            found = tell(settings.root(), folder, teller)
    except ProjectError as error:
        click.echo(f"{click.style('Error:', fg='red', bold=True)} {error}", err=True)
        return error.exit_code
    except KeyboardInterrupt:
        click.echo("\nInterrupted. What the demo started has ended; nothing of yours was touched.", err=True)
        return 130
    if options.json:
        click.echo(json.dumps({**found, "folder": str(folder) if options.keep else None}, indent=2))
    teller.say(f"\nThe loop is closed, in {found['seconds']:.0f} seconds.")
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)  # what was started is being ended, within a minute
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
