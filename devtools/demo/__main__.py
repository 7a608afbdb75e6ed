"""The whole loop on one machine, told as a story: ``make demo``.

Train, serve, ask, notice drift, learn anew, swap under load, and take it back. Each command is run as its user would run
it, in a checkout of the demo's own, so that the user's data, store and champion stay as they are. Every figure is read
from what the commands and the service left; where one is not as the story says, the demo ends there with exit code 1.
"""

import json
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

import click

from champion import settings
from champion.errors import ProjectError
from champion.terminal import complain, echo
from devtools.checkout import UnexpectedError
from devtools.demo.story import Loop, make_checkout
from devtools.demo.traffic import INTERRUPTED

_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON at the end instead of the story.")
@click.option("--keep", is_flag=True, help="Leave the demo's folder to look into.")
def main(as_json: bool, keep: bool) -> None:
    """The whole loop on one machine.

    The exit code is 0 when the story went as told, 1 when it did not, 130 after Ctrl-C.
    """
    for number in _ENDING:
        if signal.getsignal(number) != signal.SIG_IGN or number != signal.SIGHUP:  # nohup ignores it
            signal.signal(number, _interrupt)
    begun, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix=f"{settings.PROJECT}-demo-"))
    loop = Loop(folder, quiet=as_json)
    try:
        loop.say(f"In {folder}, which is {'kept' if keep else 'removed at the end'}.")
        loop.play(make_checkout(settings.root(), folder / "checkout"))
    except (UnexpectedError, KeyboardInterrupt) as error:
        if INTERRUPTED.is_set() or isinstance(error, KeyboardInterrupt):
            echo("\nInterrupted. What the demo started has ended; nothing of yours was touched.", err=True)
            sys.exit(130)
        broken = ProjectError(
            f"The demo breaks off at {loop.here}: {error}. `make demo ARGS=--keep` leaves its folder to look into."
        )
        complain(broken)
        sys.exit(broken.exit_code)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    seconds = time.monotonic() - begun
    if as_json:
        about = {"seconds": round(seconds, 1), "steps": loop.steps, "folder": str(folder) if keep else None}
        echo(json.dumps({**loop.facts, **about}, indent=2))
    loop.say(f"\nThe loop is closed, in {seconds:.0f} seconds.")


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)  # what was started is being ended, within a minute
    INTERRUPTED.set()
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
