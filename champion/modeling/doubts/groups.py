"""Several rows of one thing: columns, and pairs of columns, whose values repeat with one label each.

Fifteen visits of a patient who is ill or not are no fifteen observations: a model that knows the patient by his number, or by
age and height, answers right in the holdout and knows nothing of a new one. That labels are constant is compared with what
chance has (labels shuffled among the rows; of a pair, among the rows with one value of either column), and with what
neighbours have: where values next to each other have one label too, the column measures something, and names nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from champion.modeling.columns import is_identifier_name
from champion.modeling.doubts.doubt import Doubt
from champion.modeling.doubts.sample import Codes, Sample, agreement, counts_of, ordered_codes, whole_groups
from champion.modeling.rows.train_rows import row_hashes

if TYPE_CHECKING:
    import pandas as pd

FEWEST_GROUPS = 20  # below, what a column has are classes rather than things
FEWEST_BY_CHANCE = 20  # rows that chance would have with another label than most of their group
FEW, FEW_TOGETHER = 0.05, 0.4  # of these, which may be there; two things may have both columns alike
PURE = 0.9  # share of the groups of two columns that must have one label
REPEATED = 0.5  # share of the rows that must stand in groups
SMOOTH = 0.5  # agreement of neighbours, from which on a column measures something
SMOOTH_TOGETHER, NEAREST = 0.25, 4  # the same of two columns, and how many of the nearest groups are asked
DENSE = 3.0  # times as many equal pairs as independent columns would have
MOST_COLUMNS, MOST_PAIRED = 60, 12
_SEED = 20_260_102


def look_for_groups(frame: pd.DataFrame, sample: Sample, features: Sequence[str], labels: Codes) -> Doubt | None:
    """Find columns that name the things of which a table has several rows each; None where there are none.

    `labels` are the whole numbers of the target, shape (rows,). One column is looked for first, then two together. Rows that
    are equal in all `features` count once: a split by hash keeps them together.
    """
    rows, names = sample.rows, list(sample.codes)[:MOST_COLUMNS]
    codes = {name: sample.codes[name] for name in names}
    single = {}
    for name, values in codes.items():
        wanted = whole_groups(frame[name], rows, values)
        if wanted is None:
            continue
        own = values if wanted is rows else ordered_codes(frame[name].iloc[wanted])
        if _constant(own, labels[wanted]):
            once = _once(frame, features, wanted)
            if groups := _constant(own[once], labels[wanted][once]):
                single[name] = groups
    if single:
        order = sorted(single, key=lambda name: (not is_identifier_name(name), single[name], names.index(name)))
        return Doubt(what="group", columns=(order[0],), others=tuple(order[1:]), count=single[order[0]])
    found = _pair(codes, labels[rows])
    if found is None:
        return None
    once = _once(frame, features, rows)
    return _pair({name: codes[name][once] for name in found.columns}, labels[rows][once])


def _once(frame: pd.DataFrame, features: Sequence[str], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each different row of some stands for the first time."""
    return np.unique(row_hashes(frame[list(features)].iloc[rows], features), return_index=True)[1]


def _constant(values: Codes, labels: Codes) -> int:
    """How many groups there are, where their labels are constant as neither chance nor neighbours have it; else 0."""
    values, labels = values[values >= 0], labels[values >= 0]
    if len(values) < 2 * FEWEST_GROUPS:
        return 0
    groups, values, labels = _repeating(values, labels, len(values))
    if groups < FEWEST_GROUPS:
        return 0
    odd = _odd(counts_of(values, labels))
    random = np.random.default_rng(_SEED)
    chance = np.mean([_odd(counts_of(values, random.permutation(labels))) for _ in range(3)])
    if chance < FEWEST_BY_CHANCE or odd > FEW * chance:
        return 0
    return groups if agreement(counts_of(values, labels).argmax(axis=1)) < SMOOTH else 0


def _repeating(values: Codes, labels: Codes, rows: int) -> tuple[int, Codes, Codes]:
    """The groups of more than one row, with their rows; no group where they have less than `REPEATED` of the rows."""
    _, values, counts = np.unique(values, return_inverse=True, return_counts=True)
    several = counts[values] > 1
    if several.sum() < REPEATED * rows:
        return 0, values, labels
    _, kept = np.unique(values[several], return_inverse=True)
    return int((counts > 1).sum()), kept, labels[several]


def _odd(counts: NDArray[np.int64]) -> int:
    """Rows with another label than most of their group."""
    return int(counts.sum() - counts.max(axis=1).sum())


def _pair(codes: dict[str, Codes], labels: Codes) -> Doubt | None:
    """The two columns whose values together repeat with one label each; of several pairs that with the fewest groups."""
    distinct = {name: len(np.unique(values[values >= 0])) for name, values in codes.items()}
    names = [name for name, count in distinct.items() if 2 <= count <= len(labels) // 3]
    names = sorted(names, key=lambda name: -distinct[name])[:MOST_PAIRED]
    best: tuple[int, tuple[str, str]] | None = None
    for one, other in combinations(names, 2):
        groups = _constant_together(codes[one], codes[other], labels)
        if groups and (best is None or groups < best[0]):
            best = groups, (one, other)
    return None if best is None else Doubt(what="group", columns=best[1], count=best[0])


def _constant_together(one: Codes, other: Codes, labels: Codes) -> int:
    known = (one >= 0) & (other >= 0)
    one, other, labels = one[known], other[known], labels[known]
    rows = len(labels)
    if rows < 2 * FEWEST_GROUPS:
        return 0
    both = one * (int(other.max()) + 1) + other
    _, counts = np.unique(both, return_counts=True)
    independent = (np.bincount(one) / rows) ** 2 @ np.ones(int(one.max()) + 1)
    independent *= float(((np.bincount(other) / rows) ** 2).sum()) * rows * (rows - 1)
    if (counts * (counts - 1)).sum() < DENSE * independent:
        return 0
    groups, values, kept = _repeating(both, np.arange(rows), rows)
    if groups < FEWEST_GROUPS:
        return 0
    one, other, labels = one[kept], other[kept], labels[kept]
    counts = counts_of(values, labels)
    odd = _odd(counts)
    if ((counts > 0).sum(axis=1) == 1).mean() < PURE:
        return 0
    random = np.random.default_rng(_SEED)
    for alone in (one, other):  # what one column alone explains is no matter of both
        shuffled = np.empty_like(labels)
        shuffled[np.argsort(alone, kind="stable")] = labels[np.lexsort((random.random(len(alone)), alone))]
        chance = _odd(counts_of(values, shuffled))
        if chance < FEWEST_BY_CHANCE or odd > FEW_TOGETHER * chance:
            return 0
    at = np.unique(values, return_index=True)[1]
    return 0 if _alike(np.stack([one[at], other[at]], axis=1), counts.argmax(axis=1)) >= SMOOTH_TOGETHER else groups


def _alike(places: NDArray[np.int64], winners: Codes) -> float:
    """How much more often the nearest groups of two columns have one label than chance has it, less a standard error.

    Near is meant along the columns and across them: by the distance of Mahalanobis, so that the difference of two columns
    that go together counts.
    """
    from scipy.spatial import KDTree

    centred = (places - places.mean(axis=0)) / np.maximum(places.std(axis=0), 1e-9)
    spread, axes = np.linalg.eigh(np.cov(centred.T))
    whitened = centred @ axes / np.sqrt(np.maximum(spread, 1e-9))
    near = KDTree(whitened).query(whitened, k=NEAREST + 1)[1][:, 1:]
    found = float((winners[near] == winners[:, None]).mean())
    chance = float(((np.bincount(winners) / len(winners)) ** 2).sum())
    return 0.0 if chance >= 1 else (found - chance) / (1 - chance) - float(len(winners)) ** -0.5


def shared(train: pd.DataFrame, holdout: pd.DataFrame, columns: Sequence[str]) -> float:
    """The share of the holdout's rows whose group, by some columns, has a row in the train set; rows without one do not count."""
    import pandas as pd

    names = list(columns)
    hashes = [
        pd.util.hash_pandas_object(part[names].astype(object), index=False).to_numpy() for part in (train, holdout)
    ]
    known = holdout[names].notna().all(axis=1).to_numpy()
    return float((np.isin(hashes[1], hashes[0]) & known).mean()) if len(holdout) else 0.0
