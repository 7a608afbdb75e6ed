"""Columns that know the answer: the target renamed, a column that alone decides it, an identifier whose order tells it.

A column is asked for a rule as short as that of a tree of depth three: at most `SEGMENTS` stretches of its values in their
order, or, of categories, the most frequent label of each. The rule is judged by leaving one row out: a value that one row
has knows nothing, so that identifiers do not win. What a strong and honest column gives is less than `DECIDES`, or others
give nearly as much.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from champion.modeling.columns import Column, is_identifier_name
from champion.modeling.doubts.doubt import Doubt
from champion.modeling.doubts.sample import Codes, Sample, agreement, counts_of

DECIDES = 0.999  # share of right answers from which on a column alone decides
FEWEST_ROWS, FEWEST_OTHERS = 200, 30  # rows, and those of them with another label than most
SEGMENTS = 8
EASY = 0.1  # share of the rows with another label than most, which the next best column gets wrong where the target is easy
FEWEST_RENAMED = 10  # rows of each label of a target that is renamed, on average, and of all but the largest
TELLING, SURE = (
    0.3,
    6.0,
)  # agreement of neighbours in an identifier's order, and its distance from chance in standard errors


def look_for_leaks(sample: Sample, columns: Sequence[Column], labels: Codes) -> list[Doubt]:
    """Find the columns that know the answer, one doubt of each sort; `labels` are those of the target, shape (rows,)."""
    labels = np.unique(labels[sample.rows], return_inverse=True)[1]
    largest = int(np.bincount(labels).max())
    others = len(labels) - largest
    renamed: list[str] = []
    telling: dict[str, float] = {}
    right: dict[str, float] = {}
    for column in columns:
        codes = sample.codes[column.name]
        is_identifier = column.kind == "identifier" or is_identifier_name(column.name)
        if is_identifier and (found := _order_tells(codes, labels)):
            telling[column.name] = found
            continue
        if not column.used:
            continue
        values = np.unique(codes, return_inverse=True)[1]  # missing is a value of its own
        if others >= FEWEST_RENAMED and _one_to_one(values, labels):
            renamed.append(column.name)
        else:
            right[column.name] = _right(values, labels, ordered=column.kind in ("numeric", "datetime"))
    doubts = [Doubt(what="renamed", columns=tuple(renamed), share=1.0)] if renamed else []
    decides = [name for name, share in right.items() if share >= DECIDES and 1 - share <= 0.02 * others / len(labels)]
    next_best = max((share for name, share in right.items() if name not in decides), default=largest / len(labels))
    easy = 1 - next_best <= EASY * others / len(labels)
    if decides and not easy and len(labels) >= FEWEST_ROWS and others >= FEWEST_OTHERS:
        share = min(right[name] for name in decides)
        doubts.append(
            Doubt(what="decides", columns=tuple(decides), share=share, next_best=max(next_best, largest / len(labels)))
        )
    if telling:
        doubts.append(Doubt(what="order", columns=tuple(telling), share=min(telling.values())))
    return doubts


def _one_to_one(values: Codes, labels: Codes) -> bool:
    if values.max() != labels.max() or len(labels) < FEWEST_RENAMED * (int(labels.max()) + 1):
        return False
    filled = counts_of(values, labels) > 0
    return bool((filled.sum(axis=0) == 1).all() and (filled.sum(axis=1) == 1).all())


def _right(values: Codes, labels: Codes, *, ordered: bool) -> float:
    """The share of labels that a short rule of one column gives, each row left out in its turn."""
    counts = counts_of(values, labels)
    if not ordered:
        return _left_out(counts)
    winners = counts.argmax(axis=1)
    runs = np.concatenate([[0], np.cumsum(winners[1:] != winners[:-1])])
    segments = np.zeros((int(runs[-1]) + 1, counts.shape[1]), dtype=np.int64)
    np.add.at(segments, runs, counts)
    longest = np.argsort(-segments.sum(axis=1), kind="stable")[:SEGMENTS]  # what no stretch holds is wrong
    return _left_out(segments[longest]) * float(segments[longest].sum()) / len(labels)


def _left_out(counts: NDArray[np.int64]) -> float:
    """How often the most frequent label of the other rows with a value is the row's own; `counts` as of `counts_of`."""
    if counts.shape[1] < 2:
        return 1.0
    second, best = np.sort(counts, axis=1)[:, -2:].T
    return float(best[best - 1 > second].sum()) / float(counts.sum())


def _order_tells(codes: Codes, labels: Codes) -> float:
    """How much neighbours in the order of an identifier's values agree beyond chance; 0 where that may be luck."""
    labels, codes = labels[codes >= 0], codes[codes >= 0]
    if not len(codes):
        return 0.0
    winners = counts_of(np.unique(codes, return_inverse=True)[1], labels).argmax(axis=1)
    found = agreement(winners)
    return found if len(winners) >= FEWEST_OTHERS and found >= max(TELLING, SURE / len(winners) ** 0.5) else 0.0
