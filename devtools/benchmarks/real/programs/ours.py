"""Runs commands of the product one after the other, in its environment: ``python ours.py``, in a checkout.

Each line of stdin is the arguments of a command as a JSON list; a line of stdout answers with its exit code and what it said.
The arguments ``sides CONFIG FOLDER`` write the two sides of a use case's table, with all columns, as Parquet.
"""

import contextlib
import io
import json
import sys
import traceback
from pathlib import Path

from champion.errors import FAILED
from champion.modeling.checks.wrong_cells import mended
from champion.modeling.preparation import labelled, prepare_table
from champion.modeling.split import rule_for
from champion.workspace.workspace import open_workspace
from cli.main import main
from pipelines.table_check import whole_table


def write_sides(config: str, folder: str) -> int:
    """As the first run splits the table."""
    use_case = open_workspace(config).use_case
    data, split = use_case.data, use_case.split
    table = whole_table(Path(data.path), data.path, use_case, [name for name in data.drop if name != split.column])
    with_label, _ = labelled(mended(table, data, split.column)[0], data)
    made = prepare_table(table, data, rule_for(with_label, data, split))
    for name, side in (("train", made.train), ("holdout", made.holdout)):
        side.to_parquet(Path(folder) / f"{name}.parquet")
    return 0


def answer(arguments: list[str]) -> dict[str, object]:
    """Run one command; what is no user's mistake leaves its traceback in what it said."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = write_sides(*arguments[1:]) if arguments[0] == "sides" else main(arguments)
        except Exception:  # counted as a traceback, and the next table goes on
            code = FAILED
            traceback.print_exc()
    return {"code": code, "out": out.getvalue(), "err": err.getvalue()}


if __name__ == "__main__":
    answers = sys.stdout
    for line in sys.stdin:
        answers.write(f"{json.dumps(answer(json.loads(line)))}\n")
        answers.flush()
