"""``python -m devtools.benchmarks.serving``: measures all servers in one run; exit code 1 when a limit is broken."""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from champion.errors import DONE, FAILED
from devtools.benchmarks.sandbox import Sandbox
from devtools.benchmarks.serving.figures import Figures, as_rows, as_tables, limits, measure
from devtools.benchmarks.serving.models import ESTIMATORS, trained
from devtools.benchmarks.serving.rivals import SERVERS_BY_NAME
from devtools.benchmarks.serving.server import cores
from devtools.benchmarks.table import describe_machine
from devtools.checkout import UnexpectedError


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what was asked for.

    Parameters
    ----------
    arguments : sequence of str, optional
        The command line; that of the process if left out.

    Returns
    -------
    int
        0 when every limit held, 1 when one is broken or a server could not be measured, 2 (by argparse) for wrong
        usage.
    """
    options = _parser().parse_args(arguments)
    names = [name for name in SERVERS_BY_NAME if not options.only or name in options.only]
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as root:
        found, failures = _measured(
            Sandbox(Path(root), _say), options.models or list(ESTIMATORS), names, options.seconds
        )
    held = limits(found)
    if options.json:
        print(json.dumps({"machine": describe_machine(), **as_rows(found, held)}, indent=2))
    else:
        print(f"{as_tables(found, held)}\n\n{options.seconds:g} s each. {describe_machine()}. {_pinning()}")
    return FAILED if failures or not all(limit.kept for limit in held) else DONE


def _measured(
    sandbox: Sandbox, models: Sequence[str], names: Sequence[str], seconds: float
) -> tuple[list[Figures], int]:
    found: list[Figures] = []
    failures = 0
    champions = [trained(sandbox, model) for model in models]
    pinned = cores()
    if pinned:
        os.sched_setaffinity(0, {pinned[1]})
    for champion in champions:
        for name in names:
            _say(f"{name} with the {champion.name}")
            try:
                found.append(measure(sandbox, champion, name, seconds))
            except (UnexpectedError, OSError) as error:
                failures += 1
                print(f"{name} could not be measured: {error}", file=sys.stderr)
    return found, failures


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m devtools.benchmarks.serving", description="Measure the service and its rivals."
    )
    parser.add_argument("--only", action="append", choices=list(SERVERS_BY_NAME), help="this server; may be repeated")
    parser.add_argument("--models", action="append", choices=list(ESTIMATORS), help="this model; may be repeated")
    parser.add_argument("--seconds", type=_seconds, default=8.0, help="of each load (8)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return parser


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0.1 <= found <= 3600:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected seconds from 0.1 to 3600")
    return found


def _pinning() -> str:
    return (
        "Servers on one core, the load on another."
        if cores()
        else "Nothing is pinned: the load shares the servers' cores."
    )


def _say(line: str) -> None:
    print(f"... {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
