"""The sketch of the rows that a model learned from: enough to find them among those that judge it, and no row itself.

It keeps the smallest of the rows' hashes (a bottom-k sketch, Cohen and Kaplan 2007): of a short train set all of them; of a
long one those below a threshold, so that of every row that hashes below it one knows whether it was learned. For the first of
these rows a short hash of each column is kept too: where a column is written in a way that no rule foresaw, the others still
tell the row.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from champion.modeling.rows.meaning import cell_hashes, mix, text_hash

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES = 65_536
MOST_HASHES = 4096
MOST_PARTS = 32  # of a row: of more columns some share a part
_PART_BYTES = MOST_BYTES - 8 * MOST_HASHES - 64

_MAGIC = b"train rows 1\n\0\0\0"
_HEAD = struct.Struct("<16sQQQQ")  # magic, distinct rows, hashes, rows with parts, parts of each


def row_hashes(
    frame: pd.DataFrame, columns: Sequence[str], more: NDArray[np.uint64] | None = None
) -> NDArray[np.uint64]:
    """One hash per row, shape (rows,), of what its cells in `columns` mean, whatever the order of the columns.

    `more`: a hash per row of what tells equal rows apart, such as which repeat it is.
    """
    total = np.zeros(len(frame), dtype=np.uint64) if more is None else mix(more)
    for name in columns:
        total += _placed(frame[name], name)
    return mix(total)


def row_parts(frame: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.uint16]:
    """Short hashes of the parts of each row, shape (rows, parts): a column each, or several where there are many."""
    parts = np.zeros((len(frame), min(len(columns), MOST_PARTS)), dtype=np.uint64)
    for position, name in enumerate(columns):
        parts[:, position % MOST_PARTS] += _placed(frame[name], name)
    return (mix(parts) >> np.uint64(48)).astype(np.uint16)


def _placed(column: pd.Series, name: str) -> NDArray[np.uint64]:
    return mix(cell_hashes(column) + np.uint64(text_hash(name)))


@dataclass(frozen=True)
class TrainRows:
    """A sketch: how many different `rows` there were, the smallest `hashes` (rising), and `parts` of the rows of the first ones.

    `parts` has the shape (rows, parts) of `row_parts`.
    """

    rows: int
    hashes: NDArray[np.uint64]
    parts: NDArray[np.uint16]

    @classmethod
    def of(cls, train: pd.DataFrame, columns: Sequence[str], hashes: NDArray[np.uint64]) -> TrainRows:
        """The sketch of a train set, by the hashes of its rows as `row_hashes` gives them."""
        distinct, first = np.unique(hashes, return_index=True)
        kept = distinct[:MOST_HASHES]
        most = min(len(kept), _PART_BYTES // (2 * max(1, min(len(columns), MOST_PARTS))))
        return cls(len(distinct), kept, row_parts(train.iloc[first[:most]], columns))

    @classmethod
    def from_bytes(cls, data: bytes) -> TrainRows:
        """Read what `as_bytes` wrote. Raises ValueError when it is something else."""
        if len(data) > MOST_BYTES or len(data) < _HEAD.size or not data.startswith(_MAGIC):
            raise ValueError("no sketch of train rows")
        _, rows, count, some, width = _HEAD.unpack_from(data)
        if len(data) != _HEAD.size + 8 * count + 2 * some * width or some > count or count > rows:
            raise ValueError("a sketch of train rows of another length than it says")
        hashes = np.frombuffer(data, dtype="<u8", count=count, offset=_HEAD.size)
        parts = np.frombuffer(data, dtype="<u2", offset=_HEAD.size + 8 * count)
        return cls(rows, hashes.astype(np.uint64), parts.astype(np.uint16).reshape(some, width))

    def as_bytes(self) -> bytes:
        """The same sketch as the same bytes, at most `MOST_BYTES`."""
        head = _HEAD.pack(_MAGIC, self.rows, len(self.hashes), *self.parts.shape)
        return head + self.hashes.astype("<u8").tobytes() + self.parts.astype("<u2").tobytes()

    @property
    def is_complete(self) -> bool:
        """Whether it has every row."""
        return len(self.hashes) == self.rows

    def learned(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which of some rows are in the sketch, shape (rows,)."""
        return _among(hashes, self.hashes)

    def known(self, hashes: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Of which of some rows it tells whether they were learned, shape (rows,)."""
        if self.is_complete:
            return np.ones(len(hashes), dtype=np.bool_)
        known: NDArray[np.bool_] = hashes <= self.hashes[-1]
        return known

    def gone(self, today: TrainRows, holdout: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Which of the rows with parts are neither in today's train set nor among rows of these hashes, shape (rows,).

        Of a row that hashes above the threshold of today's sketch nobody knows; it is left out.
        """
        asked = self.hashes[: len(self.parts)]
        gone: NDArray[np.bool_] = today.known(asked) & ~today.learned(asked) & ~_among(asked, np.sort(holdout))
        return gone


def _among(hashes: NDArray[np.uint64], rising: NDArray[np.uint64]) -> NDArray[np.bool_]:
    if not len(rising):
        return np.zeros(len(hashes), dtype=np.bool_)
    places = np.minimum(np.searchsorted(rising, hashes), len(rising) - 1)
    among: NDArray[np.bool_] = rising[places] == hashes
    return among


@dataclass(frozen=True)
class Respelled:
    """Rows that were learned, and stand among others with one part or more written in another way.

    `rows`: how many of the `asked` ones were found so; `chance`: the share that is found so of rows that were not learned;
    `parts`: which parts of a row differ.
    """

    rows: int
    asked: int
    chance: float
    parts: tuple[int, ...]


def respelled(
    sketch: TrainRows, today: TrainRows, holdout: NDArray[np.uint16], gone: NDArray[np.bool_], most_chance: float = 1e-6
) -> Respelled | None:
    """Look for learned rows among a holdout by a part of their columns; None where no more are found than by chance.

    `gone` are the sketch's rows that are found nowhere whole (`TrainRows.gone`), `holdout` the parts of the rows that judge,
    shape (rows, parts). Parts are taken in the order in which the values of the gone rows are still to be found, one more each
    time. What is found is held against what meets a row of the holdout by chance: so many of today's train rows, which are not in
    it; or so many gone rows as would, were the holdout more rows like them, however often a part of a row is the same in many (a
    column that is empty in old rows and in new ones, but in none of today's train rows).
    """
    from scipy.special import bdtrc

    lost, others = sketch.parts[gone], today.parts
    if len(lost) < FEWEST_GONE or not len(others) or holdout.shape[1] != lost.shape[1]:
        return None
    shares = [np.isin(lost[:, part], holdout[:, part]).mean() for part in range(lost.shape[1])]
    order = np.argsort(-np.array(shares), kind="stable")
    found: Respelled | None = None
    keys = [np.zeros(len(rows), dtype=np.uint64) for rows in (lost, others, holdout)]
    for count, part in enumerate(order[:-1], start=1):
        keys = [
            mix(key + mix(rows[:, part].astype(np.uint64) + np.uint64(count)))
            for key, rows in zip(keys, (lost, others, holdout), strict=True)
        ]
        rising = np.unique(keys[2])
        hits = int(_among(keys[0], rising).sum())
        by_chance = max(float(_among(keys[1], rising).mean()), _met_by_like_rows(keys[0], len(holdout)))
        share = hits / len(lost)
        if (
            share > max(2 * by_chance, by_chance + 0.03)
            and bdtrc(hits - 1, len(lost), max(by_chance, 1e-4)) < most_chance
        ):
            found = Respelled(hits, len(lost), by_chance, tuple(sorted(order[count:].tolist())))
    return found


def _met_by_like_rows(keys: NDArray[np.uint64], count: int) -> float:
    """The share of rows whose key some of `count` further rows of the same law would have, each judged by the others."""
    _, places, times = np.unique(keys, return_inverse=True, return_counts=True)
    shares = (times[places] - 1) / max(len(keys) - 1, 1)
    return float((1.0 - (1.0 - shares) ** count).mean())


FEWEST_GONE = 8  # rows that are found nowhere, from which on it is worth a look


def columns_of(parts: Sequence[int], columns: Sequence[Any]) -> list[str]:
    """The columns of some parts of a row."""
    return [str(name) for position, name in enumerate(columns) if position % MOST_PARTS in parts]
