"""The two sides of the million-row claim: our use case in a fresh checkout, and the plain script."""

import json
import shutil
import sys
from pathlib import Path

from devtools.benchmarks.measure import Command, Result, run
from devtools.benchmarks.sandbox import RIVALS, Sandbox

ROWS = 1_000_000
WARM_UP_ROWS = 10_000
USE_CASES = {"million": ROWS, "million_warm_up": WARM_UP_ROWS}


class MillionRows:
    """Makes the tables once, then runs either side as often as asked.

    Parameters
    ----------
    sandbox : Sandbox
        Where everything lies.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._tables = sandbox.root / "tables"
        self._tables.mkdir()
        for name, rows in USE_CASES.items():
            sandbox.say(f"writing {rows:,} rows")
            run(self._script("generate.py", self._table(name), "--rows", str(rows)))
        run(self._script("plain.py", self._table("million_warm_up")))

    def ours(self, number: int) -> Result:
        """Train on the table in a checkout of its own, where no champion and no cached step is left from before.

        The store of that checkout is warm: a small table of the same columns has run through a use case of its own.
        """
        self._sandbox.say(f"million rows, ours, {number + 1}")
        folder = self._sandbox.checkout(f"million-{number}")
        for name in USE_CASES:
            shutil.copyfile(self._table(name), folder / "data" / f"{name}.parquet")
            (folder / "configs" / f"{name}.yaml").write_text(use_case(name))
        data = [f"data/{name}.parquet" for name in USE_CASES]
        run(self._sandbox.command(folder, "dvc", "add", "--quiet", *data))
        self._sandbox.commit(folder)
        run(self._sandbox.train(folder, "--config", "configs/million_warm_up.yaml", "--no-cache"))
        timed = self._sandbox.train(folder, "--config", "configs/million.yaml", "--no-cache")
        result = run(timed, sample_memory=True)
        shutil.rmtree(folder)
        return result

    def rival(self, number: int) -> Result:
        """Run the plain script on the same file."""
        self._sandbox.say(f"million rows, plain script, {number + 1}")
        return run(self._script("plain.py", self._table("million")), sample_memory=True)

    def _table(self, name: str) -> Path:
        return self._tables / f"{name}.parquet"

    def _script(self, name: str, *arguments: str | Path) -> Command:
        return self._sandbox.command(self._sandbox.root, sys.executable, RIVALS / "million" / name, *arguments)


def use_case(name: str) -> str:
    """Write the YAML (JSON, which is YAML too) of a use case with the plain script's estimator and share.

    Parameters
    ----------
    name : str
        Of the use case, and of its table under ``data/``.
    """
    return json.dumps(
        {
            "name": name,
            "data": {"path": f"data/{name}.parquet", "target": "target"},
            "split": {"share": 0.2},
            "candidates": {
                "boosting": {
                    "estimator": "sklearn.ensemble.HistGradientBoostingClassifier",
                    "params": {"max_iter": 500, "random_state": 42},
                }
            },
        },
        indent=2,
    )
