"""The parity gate: whether the fast way of a model gives the model's own answers.

Asked when a package is made, on the rows where the two could differ: on the holdout, on a grid over the ranges of
training and a little beyond, and on rows at the split thresholds, with the neighbouring numbers on either side. One
label that differs, or a probability that differs by more than `TOLERANCE`, and the model itself answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from champion.modeling.arrays import ArrayClassifier, Block, block_of, number_columns
from champion.modeling.classifier import Predictions, ask
from champion.modeling.equivalence import TOLERANCE, EquivalenceReport
from champion.modeling.evaluation import Label
from champion.modeling.features import Feature, model_frame
from champion.modeling.forest import Forest

if TYPE_CHECKING:
    import pandas as pd

_HOLDOUT_ROWS, _GRID_ROWS, _THRESHOLDS = 1000, 1000, 500
_BEYOND = 0.1  # of a column's range, on either side


def check_equivalence(
    pipeline: Any, features: Sequence[Feature], classes: Sequence[Label], holdout: pd.DataFrame, seed: int
) -> EquivalenceReport:
    """Ask a model and its fast way the same rows.

    Parameters
    ----------
    holdout : DataFrame, shape (rows, columns)
        Has the features' columns; at most 1,000 rows of it are asked.
    """
    random = np.random.default_rng(seed)
    rows = len(holdout)
    some = holdout.iloc[np.sort(random.permutation(rows)[:_HOLDOUT_ROWS])] if rows > _HOLDOUT_ROWS else holdout
    frame = model_frame(some, features)
    own = ask(pipeline, frame, len(classes))
    fast = ArrayClassifier(features, classes, pipeline, packed=True)
    if fast.forest is None:
        return EquivalenceReport(way="native", reason="The estimator has no faster way; it answers itself.")
    base = block_of(frame, features)
    grid = _grid(base, random)
    edges = _at_thresholds(base, fast.forest, len(number_columns(features)), random)
    native = ArrayClassifier(features, classes, pipeline, packed=False)
    pairs = [(own, _packed(fast, base)), *((native.predict(block), _packed(fast, block)) for block in (grid, edges))]
    differ = sum(int((one.codes != other.codes).sum()) for one, other in pairs)
    largest = max(_difference(one, other) for one, other in pairs)
    same = differ == 0 and largest <= TOLERANCE
    return EquivalenceReport(
        way="packed" if same else "native",
        reason="The packed walk gave the model's own answers." if same
        else "The packed walk differed from the model; the model itself answers.",
        holdout_rows=len(base), grid_rows=len(grid), threshold_rows=len(edges), labels_differ=differ,
        largest_difference=largest,
    )  # fmt: skip


def _packed(fast: ArrayClassifier, block: Block) -> Predictions:
    assert fast.forest is not None
    found = fast.forest.probabilities(fast.columns(block))
    return Predictions(found.argmax(axis=1), found)


def _difference(one: Predictions, other: Predictions) -> float:
    if one.probabilities is None or other.probabilities is None or not len(one.codes):
        return 0.0
    return float(np.abs(one.probabilities - other.probabilities).max())


def _grid(base: Block, random: np.random.Generator) -> Block:
    """Rows of evenly spaced values, each column's drawn by itself; a missing value stays one."""
    drawn = base.numbers[random.integers(len(base), size=_GRID_ROWS)]
    texts = np.empty((_GRID_ROWS, base.texts.shape[1]), dtype=object)
    for place in range(texts.shape[1]):
        texts[:, place] = base.texts[random.integers(len(base), size=_GRID_ROWS), place]
    for place in range(base.numbers.shape[1]):
        column = base.numbers[:, place]
        seen = column[np.isfinite(column)]
        if len(seen):
            margin = _BEYOND * (seen.max() - seen.min())
            steps = np.linspace(seen.min() - margin, seen.max() + margin, 101)
            kept = np.isnan(drawn[:, place])
            drawn[:, place] = np.where(kept, np.nan, steps[random.integers(len(steps), size=_GRID_ROWS)])
    return Block(drawn, texts)


def _at_thresholds(base: Block, forest: Forest, numbers: int, random: np.random.Generator) -> Block:
    """Rows of the holdout with one number put to a split threshold, and to float32's neighbours of it."""
    inner = np.flatnonzero(np.isfinite(forest.thresholds) & (forest.features < numbers))
    chosen = random.permutation(inner)[:_THRESHOLDS]
    exact = forest.thresholds[chosen]
    near = exact.astype(np.float32)
    values = np.stack([exact, near, np.nextafter(near, np.float32(-np.inf)), np.nextafter(near, np.float32(np.inf))])
    rows = np.tile(random.integers(len(base), size=len(chosen)), len(values))
    made = base.numbers[rows]
    made[np.arange(len(made)), np.tile(forest.features[chosen], len(values))] = values.ravel()
    return Block(made, base.texts[rows])
