"""True labels that come later: joined to what was asked by the request id, and how good the champion is by them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.special import ndtri

from champion.bundle.parsing import readable
from champion.drift.report import LiveScore
from champion.errors import DataError, listed
from champion.modeling.evaluation import Label
from champion.modeling.features import category_text
from champion.tabular.stream import MISSING_WORDS
from champion.tabular.tables import open_table

if TYPE_CHECKING:
    from champion.bundle.manifest import Manifest

_BOOLEANS = {"true": "True", "false": "False"}


def as_labels(column: pa.Array, classes: Sequence[Label]) -> NDArray[np.object_]:
    """Labels as the champion writes its answers: texts, shape (rows,), None where there is no label."""
    encoded = column.dictionary_encode()
    known = {str(label) for label in classes}
    each = np.array([*(_text(value, known) for value in encoded.dictionary.to_pylist()), None], dtype=object)
    codes = encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy()
    labels: NDArray[np.object_] = each[codes]
    return labels


def _text(value: Any, known: set[str]) -> str | None:
    text = category_text(value).strip()
    if text in known:
        return text
    if text in MISSING_WORDS:
        return None
    for other in (_BOOLEANS.get(text.casefold()), text.removesuffix(".0")):
        if other in known:
            return other
    return text


class Labels:
    """Labels by request id; the second label of an id is that of the second row of the request."""

    def __init__(self, keys: pa.Array, labels: NDArray[np.object_]) -> None:
        self._keys, self._labels = keys, labels
        self._last: tuple[str | None, int] = (None, 0)

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self._labels)

    @classmethod
    def read(cls, path: Path, manifest: Manifest) -> Labels:
        """Read a table that has the column ``request_id``, and the target or ``label``.

        Raises DataError when a column is missing, or no label is one that the champion knows.
        """
        table = open_table(path)
        usable = [each.name for each in table.schema if readable(each.type)]
        names = [name for name in (manifest.target, "label") if name in usable]
        if "request_id" not in usable or not names:
            raise DataError(
                f"The labels {path.name} have the columns {listed(table.schema.names)}; expected 'request_id' and "
                f"{manifest.target!r} (or 'label'). Rename them."
            )
        chunks = list(table.chunks(["request_id", names[0]]))
        ids = pa.chunked_array([chunk.column(0).cast(pa.string()) for chunk in chunks]).combine_chunks()
        labels = np.concatenate([as_labels(chunk.column(1), manifest.classes) for chunk in chunks])
        classes = [str(label) for label in manifest.classes]
        if not set(labels.tolist()) & set(classes):
            foreign = sorted({label for label in labels.tolist() if label is not None})
            raise DataError(
                f"The labels {path.name} hold {listed(foreign)}, none of which the champion knows: {listed(classes)}. Name the "
                "table of this use case's labels."
            )
        return cls(_keys(ids, (None, 0))[0], labels)

    def of(self, ids: pa.Array | None) -> NDArray[np.object_]:
        """The labels of some requests, in the order in which they were asked, chunk after chunk; None where there is none."""
        keys, self._last = _keys(ids, self._last)
        number = pc.index_in(keys, value_set=self._keys).fill_null(-1).to_numpy()
        labels: NDArray[np.object_] = np.append(self._labels, [None])[number]
        return labels


def _keys(ids: pa.Array, last: tuple[str | None, int]) -> tuple[pa.Array, tuple[str | None, int]]:
    """Each id with how often it stood before; a request that began in the chunk before goes on."""
    import pandas as pd

    series = ids.to_pandas()
    count = series.groupby(series, dropna=False).cumcount().to_numpy()
    if last[0] is not None:
        count = count + np.where((series == last[0]).to_numpy(), last[1], 0)
    texts = pd.Series(count).astype("str")
    keys = pc.binary_join_element_wise(ids, pa.array(texts, pa.string()), "\x1f")
    end = (None, 0) if not len(series) else (ids[-1].as_py(), int(count[-1]) + 1)
    return keys, end


def live_score(right: int, rows: int, unmatched: int, promoted: float, promoted_rows: int, min_rows: int) -> LiveScore:
    """Set the champion's live accuracy on so many labelled rows against the one it was promoted with; rows of both at least 1."""
    low, high = wilson(right, rows)
    down, up = difference(right, rows, promoted, promoted_rows)
    enough = rows >= min_rows
    worse = enough and up < 0
    score = right / rows
    words = "worse than it was promoted with" if worse else "no worse than chance explains"
    if not enough:
        words = "too few rows to say more"
    return LiveScore(
        rows=rows, unmatched=unmatched, right=right, score=score, low=low, high=high, promoted=promoted,
        promoted_rows=promoted_rows, change_low=down, change_high=up, worse=worse, enough=enough,
        text=f"{score:.1%} of {rows:,} labelled rows are right (95 % interval {low:.1%} to {high:.1%}), beside {promoted:.1%} "
        f"of {promoted_rows:,} when it was promoted: {words}.",
    )  # fmt: skip


def wilson(right: int, rows: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share (Wilson 1927).

    Examples
    --------
    >>> [round(end, 3) for end in wilson(9, 10)]
    [0.596, 0.982]
    """
    z = float(ndtri((1 + level) / 2))
    share = right / rows
    centre = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    return max(0.0, centre - float(half)), min(1.0, centre + float(half))


def difference(right: int, rows: int, before: float, rows_before: int) -> tuple[float, float]:
    """The interval of a share less another one, from both Wilson intervals (Newcombe 1998, method 10)."""
    low, high = wilson(right, rows)
    low_before, high_before = wilson(round(before * rows_before), rows_before)
    share = right / rows
    down = float(np.hypot(share - low, high_before - before))
    up = float(np.hypot(high - share, before - low_before))
    return share - before - down, share - before + up
