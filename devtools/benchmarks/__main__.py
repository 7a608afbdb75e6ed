"""``python -m devtools.benchmarks``: measures the claims and prints them; exit code 1 when a limit is broken."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from champion.errors import DONE, FAILED
from devtools.benchmarks.claims import CLAIMS, Row
from devtools.benchmarks.sandbox import Sandbox
from devtools.benchmarks.table import as_json, as_table
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
        0 when every limit held, 1 when one is broken or a command failed, 2 (by argparse) for wrong usage.
    """
    options = _parser().parse_args(arguments)
    rows: list[Row] = []
    failures = 0
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as root:
        sandbox = Sandbox(Path(root), _say)
        for name in options.only or CLAIMS:
            claim = CLAIMS[name]
            _say(f"claim {name}")
            try:
                rows += claim.measure(sandbox, options.repeat or claim.repeats)
            except UnexpectedError as error:
                failures += 1
                print(f"claim {name} could not be measured: {error}", file=sys.stderr)
    print(as_json(rows) if options.json else as_table(rows))
    return FAILED if failures or not all(row.ok for row in rows) else DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m devtools.benchmarks", description="Measure the speed claims.")
    parser.add_argument("--only", action="append", choices=list(CLAIMS), help="this claim alone; may be repeated")
    parser.add_argument("--repeat", type=_count, help="runs of each side; else the claim's own number")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"found {text!r}, expected a whole number from 1 on")
    return int(text)


def _say(line: str) -> None:
    print(f"... {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
