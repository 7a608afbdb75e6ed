"""True labels that come later, joined to what was asked by the request id."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from champion.bundle.parsing import readable
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
