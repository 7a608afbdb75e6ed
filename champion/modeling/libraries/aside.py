"""Which train rows early stopping sets aside to stop by.

Rows of one group are not told apart, and neither are rows of one moment from later ones: where the use case splits by a group
or by time, so does early stopping, else it would stop too late. What is learned keeps a row of every class.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ASIDE = 0.1  # of the rows
_TOO_FEW = "there are too few {what} to set some aside for early stopping, and keep every class among the others"


def set_aside(
    codes: NDArray[np.int64],
    seed: int,
    share: float = ASIDE,
    *,
    groups: NDArray[np.int64] | None = None,
    moments: NDArray[np.float64] | None = None,
) -> NDArray[np.bool_]:
    """About a share of the rows, shape (rows,): whole groups, the latest rows, or without either some of each class.

    `codes` are the classes, 0, 1, ..., each of which is there. Raises ValueError where none can be set aside.
    """
    if groups is not None:
        return _whole_groups(codes, groups, seed, share)
    return _latest(codes, moments, share) if moments is not None else _of_each_class(codes, seed, share)


def _of_each_class(codes: NDArray[np.int64], seed: int, share: float) -> NDArray[np.bool_]:
    random, aside = np.random.default_rng(seed), np.zeros(len(codes), dtype=np.bool_)
    for code in range(int(codes.max()) + 1):
        own = random.permutation(np.flatnonzero(codes == code))
        aside[own[: min(round(share * len(own)), len(own) - 1)]] = True
    if not aside.any():
        raise ValueError(_TOO_FEW.format(what="rows"))
    return aside


def _latest(codes: NDArray[np.int64], moments: NDArray[np.float64], share: float) -> NDArray[np.bool_]:
    known = max(float(moments[codes == code].min()) for code in range(int(codes.max()) + 1))  # by then every class is
    cuts, counts = np.unique(moments, return_counts=True)
    from_then_on = counts[::-1].cumsum()[::-1]
    later = cuts > known
    if not later.any():
        raise ValueError(_TOO_FEW.format(what="moments"))
    nearest = np.abs(from_then_on[later] - share * len(moments)).argmin()
    aside: NDArray[np.bool_] = moments >= cuts[later][nearest]
    return aside


def _whole_groups(codes: NDArray[np.int64], groups: NDArray[np.int64], seed: int, share: float) -> NDArray[np.bool_]:
    """Of the groups in which a class is the most frequent one, some: so each class has its part."""
    names, group_of = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), int(codes.max()) + 1), dtype=np.int64)
    np.add.at(counts, (group_of, codes), 1)
    sizes, most, left = counts.sum(axis=1), counts.argmax(axis=1), counts.sum(axis=0)
    random, chosen = np.random.default_rng(seed), np.zeros(len(names), dtype=np.bool_)
    for code in range(counts.shape[1]):
        own = random.permutation(np.flatnonzero(most == code))
        wanted, taken = share * sizes[own].sum(), 0
        for group in own:
            if taken + sizes[group] / 2 <= wanted and (left > counts[group]).all():
                chosen[group], left, taken = True, left - counts[group], taken + sizes[group]
    if not chosen.any():
        spare = np.flatnonzero((left > counts).all(axis=1))
        if not len(spare):
            raise ValueError(_TOO_FEW.format(what="groups"))
        chosen[spare[sizes[spare].argmin()]] = True
    return chosen[group_of]
