"""Rows that come again. What a client asks again and again is no new evidence: new rows count no oftener than training repeats.

Most tables repeat hardly any row. One of a few categories does by nature, and there a row that comes again tells something.
So the profile keeps how often equal rows stood in the train set, and of new rows the second one, the next two, the next four
and so on count in full while there are no more of them than that lets expect, and else for as much less.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import pdtr, pdtrc

from champion.modeling.arrays import Block
from champion.modeling.profile import BINS, Profile
from champion.modeling.rows.repeats import Keys, number_keys, row_keys

MOST_ROWS = 500_000  # different rows that are remembered; beyond, those that came once are forgotten
LEVELS = 48  # doublings of how often a row came
TOLERATED = 2.0  # times what is expected: no sample is as another
SPARED = 0.95  # where so many rows or more count, all do
_NOTHING = "\x1f"  # stands for no value


def keys_of(block: Block) -> Keys:
    """A hash of each row."""
    texts = (pd.util.hash_array(np.where(column == column, column, _NOTHING)) for column in block.texts.T)
    return row_keys((*map(number_keys, block.numbers.T), *texts), len(block.numbers))


class Occurrences:
    """How often each row came so far, some hundred thousand rows at a time; memory does not grow with them."""

    def __init__(self) -> None:
        self._keys: Keys = np.empty(0, dtype=np.uint64)
        self._times = np.empty(0, dtype=np.int64)

    def levels(self, keys: Keys) -> NDArray[np.int64]:
        """Count some rows: 0 for one that comes first, 1 for the second and third time, 2 for the next four, and so on."""
        different, which, times = np.unique(keys, return_inverse=True, return_counts=True)
        place = np.searchsorted(self._keys, different)
        known = place < len(self._keys)
        known[known] = self._keys[place[known]] == different[known]
        before = np.zeros(len(different), dtype=np.int64)
        before[known] = self._times[place[known]]
        order = np.argsort(which, kind="stable")
        within = np.empty(len(keys), dtype=np.int64)
        within[order] = np.arange(len(keys)) - np.repeat(np.cumsum(times) - times, times)
        self._times[place[known]] += times[known]
        self._keys = np.insert(self._keys, place[~known], different[~known])
        self._times = np.insert(self._times, place[~known], times[~known])
        if len(self._keys) > MOST_ROWS:
            self._forget()
        levels: NDArray[np.int64] = np.frexp(before[which] + within + 1)[1].astype(np.int64) - 1
        return levels

    def _forget(self) -> None:
        keep = self._times > 1
        if keep.sum() > MOST_ROWS // 2:
            keep = self._times > np.partition(self._times, -MOST_ROWS // 2)[-MOST_ROWS // 2]
        self._keys, self._times = self._keys[keep], self._times[keep]


def weights(rows: NDArray[np.int64], profile: Profile) -> NDArray[np.float64]:
    """For how much the new rows of each level count, from 0 to 1; `rows` are how many there are, shape (LEVELS,).

    A train set is a sample as well: that it has a row once says little of how often it comes. By Good and Turing (1953) such
    rows come as often as the rows with two say. Where fewer rows differ than so many should have, what is expected is of fewer.
    A profile of version 0.1 tells no repeats: there a row counts as often as its most frequent row may come at most.
    """
    asked = float(rows.sum())
    if not profile.repeats:
        return np.where(2.0 ** np.arange(LEVELS) <= max(1.0, TOLERATED * asked * _most_frequent(profile)), 1.0, 0.0)
    times, different = np.array(profile.repeats, dtype=np.float64).T
    trained = float((times * different).sum())
    once, twice = (float(different[times == number].sum()) for number in (1, 2))
    again = np.where(times == 1, min(1.0, (2 * twice + 1) / (once + 1)), times) / trained  # the share of each row
    never = max(0.0, 1 - float((again * different).sum()))  # the share of rows that do not come again
    expected = float((different * -np.expm1(-asked * again)).sum()) + asked * never
    mean = asked * min(1.0, rows[0] / max(expected, 1.0)) * again[:, None]
    most = 2.0 ** np.arange(1, LEVELS + 1) - 1  # how often a row came, at the end of each level
    up_to = mean * pdtr(most - 1, mean) + most * pdtrc(most, mean)
    by_level = (different[:, None] * np.diff(up_to, axis=1, prepend=0.0)).sum(axis=0)
    share: NDArray[np.float64] = np.minimum(1.0, TOLERATED * by_level / np.maximum(rows, 1))
    share[0] = 1.0
    return share if (share * rows).sum() < SPARED * asked else np.ones(LEVELS)


def _most_frequent(profile: Profile) -> float:
    """The share of the most frequent row of a train set of version 0.1, at most: no row has more than any value in it has."""
    most = profile.rows
    for column in (each for each in profile.columns if each.counts):
        frequent = max([*(column.counts or []), column.missing])
        if column.edges is not None and column.distinct > BINS:
            frequent = min(frequent, profile.rows - column.distinct + 1)
        most = min(most, max(1, frequent))
    return most / max(profile.rows, 1)
