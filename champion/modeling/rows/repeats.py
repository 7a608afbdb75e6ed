"""How often equal rows stand in a table: some do by nature, such as those of a few categories, others do not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from champion.modeling.rows.meaning import mix

if TYPE_CHECKING:
    import pandas as pd

Keys = NDArray[np.uint64]
_EXACT = 16  # so many rows and fewer are told exactly
_STEPS = 4  # of a doubling: of more rows as many numbers are told


def row_keys(columns: Iterable[Keys], rows: int) -> Keys:
    """A hash of each row from its cells as 64 bits: as they are, not what they mean, since both rows are of one reader."""
    keys = np.zeros(rows, dtype=np.uint64)
    for bits in columns:
        keys = mix(keys ^ bits)
    return keys


def number_keys(numbers: NDArray[np.float64]) -> Keys:
    """Numbers as bits; zero has no sign, and all that is no number is alike."""
    bits: Keys = np.where(np.isnan(numbers), np.nan, numbers + 0.0).view(np.uint64)
    return bits


def frequencies(table: pd.DataFrame) -> list[tuple[int, int]]:
    """How many different rows stand how often in a table: pairs of how often, and how many; a hundred at most.

    Of more than sixteen rows, numbers that are near each other are one, their mean.
    """
    import pandas as pd

    def keys(column: pd.Series) -> Keys:
        if column.dtype == np.float64:
            return number_keys(column.to_numpy())
        return pd.factorize(column)[0].astype(np.int64).view(np.uint64)

    _, times = np.unique(row_keys((keys(table[name]) for name in table), len(table)), return_counts=True)
    place = np.where(times <= _EXACT, times, _EXACT + np.ceil(_STEPS * np.log2(np.maximum(times / _EXACT, 1)))).astype(
        int
    )
    rows, different = np.bincount(place, weights=times), np.bincount(place)
    return [(round(rows[each] / different[each]), int(different[each])) for each in np.flatnonzero(different).tolist()]
