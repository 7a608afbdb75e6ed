"""True labels that come later, joined to what was asked by the request id; and how good the champion is by them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from champion.drift.report import LiveScore
from champion.errors import DataError, listed
from champion.modeling.tasks import part_of
from champion.tabular.tables import open_table
from champion.tabular.values import readable

if TYPE_CHECKING:
    from champion.bundle.manifest import Manifest


class Live(Protocol):
    """What a task counts of new rows whose truth is known, chunk by chunk.

    `names` are the classes as texts, none where the task knows none; `labelled` counts the answered rows with a label. `error` is
    how often the champion errs, None where nobody knows.
    """

    WORSE: str  # what is said where the champion has become worse
    names: list[str]
    labelled: int
    error: float | None

    def truth(self, column: pa.Array) -> NDArray[np.object_]:
        """Labels as `count` takes them, None where there is none."""

    def count(self, predicted: NDArray[np.object_], truth: NDArray[np.object_]) -> None:
        """Count rows: texts as the champion's form of answers has them, None where it did not answer; and their labels."""

    def score(self, min_rows: int) -> LiveScore | None:
        """How good the champion is beside how good it was when it was promoted; None where nothing tells."""

    def notes(self) -> list[str]:
        """What to know of the score, or why there is none."""


def live_of(manifest: Manifest, holdout_rows: int) -> Live:
    """What counts for the champion of a package, which so many rows of the holdout judged."""
    live: Live = part_of(__name__, manifest.task).live(manifest, holdout_rows)
    return live


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
    def read(cls, path: Path, target: str, live: Live) -> Labels:
        """Read a table that has the column ``request_id``, and the target or ``label``.

        Raises DataError when a column is missing, or no label is one that the champion knows.
        """
        table = open_table(path)
        table.require(["request_id", target, *(["label"] if target not in table.schema.names else [])])
        usable = [each.name for each in table.schema if readable(each.type)]
        names = [name for name in (target, "label") if name in usable]
        if "request_id" not in usable or not names:
            raise DataError(
                f"The labels {path.name} have the columns {listed(table.schema.names)}; expected 'request_id' and "
                f"{target!r} (or 'label'). Rename them."
            )
        chunks = list(table.chunks(["request_id", names[0]]))
        ids = pa.chunked_array([chunk.column(0).cast(pa.string()) for chunk in chunks]).combine_chunks()
        labels = np.concatenate([live.truth(chunk.column(1)) for chunk in chunks])
        if live.names and not set(labels.tolist()) & set(live.names):
            foreign = sorted({label for label in labels.tolist() if label is not None})
            raise DataError(
                f"The labels {path.name} hold {listed(foreign)}, none of which the champion knows: {listed(live.names)}. "
                "Name the table of this use case's labels."
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
