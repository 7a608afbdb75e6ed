"""Batch inference beside the model's own `predict_proba` on arrays: the forest of 100 trees, twenty features."""

import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from devtools.benchmarks.measure import Command, Result, run
from devtools.benchmarks.sandbox import RIVALS, Sandbox
from devtools.checkout import UnexpectedError

ROWS = int(os.environ.get("BENCH_BATCH_ROWS", "10000000"))
TRAIN_ROWS, FEATURES, GROUP_ROWS = 20_000, 20, 500_000
_STEP = re.compile(r"^\s*predict\s+done\s+([\d.]+) s\s*$", re.MULTILINE)
_PLAIN = re.compile(r"^predict_proba ([\d.]+) s$", re.MULTILINE)


class BatchRows:
    """Makes a champion and two tables once, then runs either side as often as asked.

    Parameters
    ----------
    sandbox : Sandbox
        Where everything lies.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._folder = sandbox.checkout("batch")
        self._tables = {share: sandbox.root / f"rows_{share}.parquet" for share in (1, 2)}
        sandbox.say(f"writing {ROWS:,} rows, and half of them")
        write_rows(self._folder / "data/batch.parquet", TRAIN_ROWS, target=True)
        for share, path in self._tables.items():
            write_rows(path, ROWS // share)
        (self._folder / "configs/batch.yaml").write_text(use_case())
        run(sandbox.train(self._folder, "--config", "configs/batch.yaml"))

    def ours(self, number: int) -> tuple[Result, Result]:
        """Score the table with run.py: the step alone, then the whole command."""
        self._sandbox.say(f"batch, ours, {number + 1}")
        whole = run(self._command(1), sample_memory=True)
        return replace(whole, seconds=_told(_STEP, whole)), whole

    def half(self) -> Result:
        """The same for half of the rows, to see whether memory grows with them."""
        self._sandbox.say("batch, ours, half of the rows")
        return run(self._command(2), sample_memory=True)

    def rival(self, number: int) -> Result:
        """Ask the model about the same rows, which lie in memory."""
        self._sandbox.say(f"batch, plain script, {number + 1}")
        model = self._folder / "models/batch/model.skops"
        command = self._sandbox.command(
            self._sandbox.root, sys.executable, RIVALS / "batch_plain.py", model, self._tables[1]
        )
        done = run(command, sample_memory=True)
        return replace(done, seconds=_told(_PLAIN, done))

    def _command(self, share: int) -> Command:
        out = self._sandbox.root / "predictions.parquet"
        command = (sys.executable, "run.py", "predict", self._tables[share], out)
        return self._sandbox.command(self._folder, *command, "--config", "configs/batch.yaml", "--no-cache")


def _told(pattern: re.Pattern[str], result: Result) -> float:
    found = pattern.search(result.output)
    if not found:
        raise UnexpectedError(f"Nothing told how long it took. The run said:\n{result.output[-2000:]}")
    return float(found[1])


def write_rows(path: Path, rows: int, target: bool = False) -> None:
    """Write random rows, a group at a time.

    Parameters
    ----------
    target : bool
        Whether a column of classes goes with them, which depends on three features.
    """
    draw = np.random.default_rng(rows)
    names = [f"x{number:02d}" for number in range(FEATURES)]
    schema = pa.schema([(name, pa.float64()) for name in names] + ([("target", pa.int64())] if target else []))
    with parquet.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, GROUP_ROWS):
            numbers = draw.normal(size=(min(GROUP_ROWS, rows - start), FEATURES))
            columns = list(numbers.T)
            if target:
                noise = draw.normal(size=len(numbers))
                columns.append((numbers[:, 0] + numbers[:, 1] * numbers[:, 2] + noise > 0).astype(np.int64))
            writer.write_table(pa.table([pa.array(column) for column in columns], schema=schema))


def use_case() -> str:
    """The YAML (JSON, which is YAML too) of a use case with one forest."""
    forest = {
        "estimator": "sklearn.ensemble.RandomForestClassifier",
        "params": {"n_estimators": 100, "random_state": 0},
    }
    return json.dumps(
        {
            "name": "batch",
            "data": {"path": "data/batch.parquet", "target": "target"},
            "candidates": {"forest": forest},
            "promotion": {"metric": "accuracy"},
        }
    )
