"""The equivalence check: whether a faster backend of a model gives the model's own answers.

Asked when a package is made, on the rows where the two could differ: on the holdout, on a grid over the ranges of
training and a little beyond, and on rows at the backend's boundaries (the splits of trees), with the neighbouring
numbers on either side. One label that differs, or a probability or number that differs by more than `TOLERANCE`, and the model
itself answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from champion.modeling.arrays import BACKENDS, NATIVE, ArrayPredictor, Backend, Block, block_of, number_columns
from champion.modeling.contract import Contract
from champion.modeling.evaluation import TOLERANCE, EquivalenceReport
from champion.modeling.features import model_frame
from champion.modeling.own.code import OWN_STEP
from champion.modeling.predictor import Predictions, ask

if TYPE_CHECKING:
    import pandas as pd

_HOLDOUT_ROWS, _GRID_ROWS, _THRESHOLDS = 1000, 1000, 500
_BEYOND = 0.1  # of a column's range, on either side


def check_equivalence(pipeline: Any, contract: Contract, holdout: pd.DataFrame, seed: int) -> EquivalenceReport:
    """Ask a model and each backend that can answer for it the same rows; the first that is equivalent is taken.

    At most 1,000 rows of the holdout are asked.
    """
    report = EquivalenceReport(backend=NATIVE, reason="The estimator has no faster way; it answers itself.")
    if any(name.startswith(OWN_STEP) for name, *_ in getattr(pipeline[0], "transformers_", ())):
        return EquivalenceReport(backend=NATIVE, reason="Own steps stand before the model, which answers itself.")
    for name, kind in BACKENDS.items():
        if kind.can(pipeline[-1]):
            report = _checked(name, pipeline, contract, holdout, np.random.default_rng(seed))
            if report.backend == name:
                break
    return report


def _checked(
    name: str, pipeline: Any, contract: Contract, holdout: pd.DataFrame, random: np.random.Generator
) -> EquivalenceReport:
    rows = len(holdout)
    some = holdout.iloc[np.sort(random.permutation(rows)[:_HOLDOUT_ROWS])] if rows > _HOLDOUT_ROWS else holdout
    frame = model_frame(some, contract.features)
    own = ask(pipeline, frame, len(contract.classes))
    fast = ArrayPredictor(contract, pipeline, backend=name)
    assert fast.fast is not None
    base = block_of(frame, contract.features)
    grid = _grid(base, random)
    edges = _at_boundaries(base, fast.fast, len(number_columns(contract.features)), random)
    native = ArrayPredictor(contract, pipeline, backend=NATIVE)
    pairs = [(own, fast.fast_answer(base))]
    pairs += [(native.predict(block), fast.fast_answer(block)) for block in (grid, edges) if len(block)]
    differ = sum(int((one.values != other.values).sum()) for one, other in pairs) if contract.classes else 0
    largest = max(_difference(one, other) for one, other in pairs)
    same = differ == 0 and largest <= TOLERANCE
    outcome = "gave the model's own answers." if same else "differed from the model; the model itself answers."
    asked = {"holdout_rows": len(base), "grid_rows": len(grid), "threshold_rows": len(edges)}
    verdict = {"backend": name if same else NATIVE, "reason": f"The {name} walk {outcome}"}
    return EquivalenceReport(**verdict, **asked, labels_differ=differ, largest_difference=largest)


def _difference(one: Predictions, other: Predictions) -> float:
    """Of probabilities, or of the answers themselves where they are numbers."""
    if not len(one.values):
        return 0.0
    if one.probabilities is None or other.probabilities is None:
        return float(np.abs(one.values - other.values).max()) if one.values.dtype == np.float64 else 0.0
    return float(np.abs(one.probabilities - other.probabilities).max())


def _grid(base: Block, random: np.random.Generator) -> Block:
    """Rows of evenly spaced values, each column's drawn by itself; a missing value stays one."""
    drawn = base.numbers[random.integers(len(base), size=_GRID_ROWS)]
    texts = np.empty((_GRID_ROWS, base.texts.shape[1]), dtype=object)
    for column in range(texts.shape[1]):
        texts[:, column] = base.texts[random.integers(len(base), size=_GRID_ROWS), column]
    for column in range(base.numbers.shape[1]):
        values = base.numbers[:, column]
        seen = values[np.isfinite(values)]
        if len(seen):
            margin = _BEYOND * (seen.max() - seen.min())
            steps = np.linspace(seen.min() - margin, seen.max() + margin, 101)
            kept = np.isnan(drawn[:, column])
            drawn[:, column] = np.where(kept, np.nan, steps[random.integers(len(steps), size=_GRID_ROWS)])
    return Block(drawn, texts)


def _at_boundaries(base: Block, backend: Backend, numbers: int, random: np.random.Generator) -> Block:
    """Rows of the holdout with one number put to a boundary, and to float32's neighbours of it."""
    columns, values = backend.boundaries()
    inner = np.flatnonzero(columns < numbers)
    chosen = random.permutation(inner)[:_THRESHOLDS]
    exact = values[chosen]
    near = exact.astype(np.float32)
    around = np.stack([exact, near, np.nextafter(near, np.float32(-np.inf)), np.nextafter(near, np.float32(np.inf))])
    rows = np.tile(random.integers(len(base), size=len(chosen)), len(around))
    made = base.numbers[rows]
    made[np.arange(len(made)), np.tile(columns[chosen], len(around))] = around.ravel()
    return Block(made, base.texts[rows])
