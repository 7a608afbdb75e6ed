"""Answered requests as a table of the prediction log: the work that a request does not wait for.

The columns are those of `champion.bundle.predictions.columns`. Arrow arrays are made of their buffers: `pyarrow.array`
would do, but imports pandas where it is installed: half a second, 60 MB, and in a thread beside the requests.
scikit-learn asks every input whether it is a DataFrame, and fails on a pandas that is not imported yet. This module
imports Arrow, so it is imported with the first row that is logged; see `champion.serving.loaded.import_arrow`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from champion.bundle.predictions import Answered, columns, feature_type, schema
from champion.modeling.features import Feature, category_text
from champion.serving.loaded import Entry

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def table_of(entries: Sequence[Entry]) -> pa.Table:
    """Put answers of one champion into the log's columns.

    `entries` (sequence of Entry): of one champion; at least one. The table is of `champion.bundle.predictions.schema`; a row
    with a value that is not of its feature's kind is left out.
    """
    champion = entries[0].champion
    features, wrong = _features([row for entry in entries for row in entry.rows], champion.features)
    if wrong:
        return table_of(_without(entries, wrong))
    counts = np.array([len(entry.rows) for entry in entries])
    labels = [str(label) for label in champion.classes]
    codes = np.concatenate([np.asarray(entry.predictions.codes) for entry in entries]).tolist()
    answered = Answered(
        moments=np.repeat([round(entry.moment * 1e6) for entry in entries], counts),
        request_ids=[entry.request_id for entry in entries for _ in entry.rows],
        model_version=champion.model_version,
        data_version=champion.data_version,
        labels=[labels[code] for code in codes],
        probabilities=_probabilities(entries, counts, len(labels)),
        features=features,
    )
    arrays = [_array(column.type, column.fill(answered)) for column in columns(champion.features)]
    made = schema(champion.features, champion.classes, champion.model_version, champion.data_version)
    return pa.Table.from_arrays(arrays, schema=made)


def _without(entries: Sequence[Entry], wrong: set[int]) -> list[Entry]:
    """The entries without some rows, which are counted through all of them."""
    kept, start = [], 0
    for entry in entries:
        kept.append(entry.part([place for place in range(len(entry.rows)) if start + place not in wrong]))
        start += len(entry.rows)
    return kept


def _array(kind: pa.DataType, values: Any) -> pa.Array:
    """A column of what its row in the table of columns gives: an array already, texts, or values of eight bytes."""
    if isinstance(values, pa.Array):
        return values
    return _texts(values) if pa.types.is_string(kind) else _fixed(kind, values)


def _probabilities(entries: Sequence[Entry], counts: NDArray[np.int64], classes: int) -> pa.Array:
    """Lists of numbers, one for each row; null where the model has none."""
    shares = [entry.predictions.probabilities for entry in entries]
    flat = np.concatenate([each.ravel() for each in shares if each is not None] or [np.empty(0)])
    known = np.repeat([each is not None for each in shares], counts)
    ends = np.concatenate([[0], np.cumsum(known * classes)]).astype(np.int32)
    buffers = [_bits(known), pa.py_buffer(ends)]
    return pa.Array.from_buffers(pa.list_(pa.float64()), len(known), buffers, children=[_floats(flat)])


def _features(rows: Sequence[Sequence[Any]], features: Sequence[Feature]) -> tuple[pa.Array, set[int]]:
    """The struct of all features, and the rows in which a value is not of its kind."""
    wrong: set[int] = set()
    children = []
    for feature, values in zip(features, zip(*rows, strict=True) if rows else [()] * len(features), strict=True):
        make, typed = _KINDS[feature.kind]
        try:
            children.append(make(values))
        except (TypeError, ValueError, OverflowError, AttributeError):
            children.append(make(_each(values, typed, wrong)))
    return pa.Array.from_buffers(feature_type(features), len(rows), [None], children=children), wrong


def _each(values: Sequence[Any], typed: Callable[[Any], Any], wrong: set[int]) -> list[Any]:
    good: list[Any] = [None] * len(values)
    for place, value in enumerate(values):
        try:
            good[place] = None if value is None or value != value else typed(value)
        except (TypeError, ValueError, OverflowError):
            wrong.add(place)
    return good


def _fixed(kind: pa.DataType, values: NDArray[Any], known: NDArray[np.bool_] | None = None) -> pa.Array:
    """Values of eight bytes: float64, int64 or a timestamp; null where they are not known."""
    return pa.Array.from_buffers(kind, len(values), [_bits(known), pa.py_buffer(np.ascontiguousarray(values))])


def _floats(values: NDArray[np.float64]) -> pa.Array:
    """Numbers; null where one is NaN."""
    return _fixed(pa.float64(), values, ~np.isnan(values))


def _texts(values: Sequence[str | None]) -> pa.Array:
    """Texts; null where one is None. Refuses what is no text that can be written."""
    parts = [b"" if value is None else value.encode() for value in values]
    offsets = np.zeros(len(parts) + 1, dtype=np.int32)
    np.cumsum([len(part) for part in parts], out=offsets[1:])
    buffers = [_bits(_known(values)), pa.py_buffer(offsets), pa.py_buffer(b"".join(parts))]
    return pa.Array.from_buffers(pa.string(), len(parts), buffers)


def _numbers(values: Sequence[Any]) -> pa.Array:
    if str in set(map(type, values)):
        raise TypeError("a text is no number")
    return _floats(np.array(values, dtype=np.float64))


def _booleans(values: Sequence[Any]) -> pa.Array:
    if not set(map(type, values)) <= {bool, type(None)}:
        raise TypeError("no booleans")
    bits = [_bits(_known(values)), _bits(np.array(values, dtype=bool), always=True)]
    return pa.Array.from_buffers(pa.bool_(), len(values), bits)


def _moments(values: Sequence[Any]) -> pa.Array:
    ticks = [0 if value is None else (_moment(value) - _EPOCH) // _MICROSECOND for value in values]
    return _fixed(pa.timestamp("us", tz="UTC"), np.array(ticks, dtype=np.int64), _known(values))


def _known(values: Sequence[Any]) -> NDArray[np.bool_]:
    return np.array([value is not None for value in values], dtype=bool)


def _bits(known: NDArray[np.bool_] | None, always: bool = False) -> pa.Buffer | None:
    """A bit for each row; none where all are set, unless they are the values themselves."""
    if known is None or (not always and known.all()):
        return None
    return pa.py_buffer(np.packbits(known, bitorder="little"))


def _number(value: Any) -> float:
    if isinstance(value, str):
        raise TypeError("a text is no number")
    return float(value)


def _boolean(value: Any) -> bool:
    if value in (0, 1):
        return bool(value)
    raise ValueError("no boolean")


def _text(value: Any) -> str:
    return category_text(value).encode(errors="replace").decode()


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(moment, datetime):
        raise TypeError("no moment")
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


# By a feature's kind: what makes an array of good values, and what makes one value good, or refuses it.
_KINDS: dict[str, tuple[Callable[[Sequence[Any]], pa.Array], Callable[[Any], Any]]] = {
    "numeric": (_numbers, _number),
    "boolean": (_booleans, _boolean),
    "categorical": (_texts, _text),
    "datetime": (_moments, _moment),
}
