"""The bounded part of a table in which doubts are looked for: labels and columns as whole numbers.

A group of rows that a sample of rows would tear apart is kept whole by sampling its values instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

ROWS = 20_000  # of a table that are looked at
_CELLS, _FEWEST = 1_200_000, 1000  # cells in all, and rows in any case
MOST_LABELS = 50  # of a target; of more nothing here tells
_FEW_IN_A_GROUP = 5  # rows of a sample, on average, below which values are sampled instead of rows
_SEED = 20_260_101

Codes = NDArray[np.int64]


def sampled_rows(rows: int, columns: int = 1) -> NDArray[np.int64]:
    """Positions of at most `ROWS` rows, fewer of very wide tables; the same for every table of that size."""
    most = min(ROWS, max(_FEWEST, _CELLS // max(columns, 1)))
    if rows <= most:
        return np.arange(rows)
    return np.sort(np.random.default_rng(_SEED).choice(rows, most, replace=False))


class Sample(NamedTuple):
    """The positions of the sampled `rows`, and by column its `codes` on them."""

    rows: NDArray[np.int64]
    codes: dict[str, Codes]


def sample_of(frame: pd.DataFrame, names: Sequence[str]) -> Sample:
    """The sample of some columns of a table."""
    rows = sampled_rows(len(frame), len(names))
    return Sample(rows, {name: ordered_codes(frame[name].iloc[rows]) for name in names})


def whole_groups(column: pd.Series, rows: NDArray[np.int64], codes: Codes) -> NDArray[np.int64] | None:
    """Positions in which rows with one value of a column stand together; None where hardly a value repeats.

    `codes` are those of the sampled `rows`; they are enough where the sample has several rows of each value. That few
    values repeat is seen by the pairs in the sample (the birthday problem), so that a column of names is not read whole.
    """
    import pandas as pd

    counts = np.bincount(codes[codes >= 0])
    counts = counts[counts > 0]
    if not len(counts) or len(column) == len(rows) or counts.mean() >= _FEW_IN_A_GROUP:
        return rows
    pairs = int((counts * (counts - 1) // 2).sum())
    if pairs < 0.25 * len(rows) ** 2 / len(column):
        return None
    hashes = pd.util.hash_pandas_object(column, index=False).to_numpy()
    return np.flatnonzero(hashes < np.uint64(2**64 * len(rows) / len(column)))[: 2 * ROWS]


def ordered_codes(column: pd.Series) -> Codes:
    """Each value as its place among the distinct ones in their order, -1 where it is missing; shape (rows,).

    Texts are ordered as numbers where all are some, else by length first, as codes such as P9 and P10 are.
    """
    import pandas as pd
    import pyarrow as pa

    from champion.modeling.cells.numbers import text_numbers

    places, distinct = pd.factorize(column)
    values = np.asarray(distinct)
    if values.dtype.kind in "OUSTV" or not isinstance(values.dtype, np.dtype):
        texts = [str(value).strip() for value in values]
        numbers = text_numbers(pa.array(texts, pa.string()))
        if numbers.null_count:
            order = np.array(sorted(range(len(texts)), key=lambda at: (len(texts[at]), texts[at])), dtype=np.int64)
        else:
            order = np.argsort(numbers.to_numpy(zero_copy_only=False), kind="stable")
    else:
        order = np.argsort(values, kind="stable")
    rank = np.empty(len(order) + 1, dtype=np.int64)
    rank[order], rank[-1] = np.arange(len(order)), -1
    return rank[np.asarray(places)]


def counts_of(groups: Codes, labels: Codes) -> NDArray[np.int64]:
    """Rows of each group and label, shape (groups, labels)."""
    wide = int(labels.max()) + 1
    return np.bincount(groups * wide + labels, minlength=(int(groups.max()) + 1) * wide).reshape(-1, wide)


def agreement(winners: Codes) -> float:
    """How much more often neighbours have one label than chance has it, less a standard error: 0 for none, 1 for always.

    `winners` are the labels in order.
    """
    if len(winners) < 10:
        return 0.0
    equal = winners[1:] == winners[:-1]
    chance = float(((np.bincount(winners) / len(winners)) ** 2).sum())
    return 0.0 if chance >= 1 else (float(equal.mean()) - chance) / (1 - chance) - float(len(equal)) ** -0.5
