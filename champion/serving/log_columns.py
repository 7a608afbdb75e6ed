"""Arrow columns from Python values, made of their buffers.

`pyarrow.array` would do, but imports pandas where it is installed: half a second, 60 MB, and in a thread beside the
requests. scikit-learn asks every input whether it is a DataFrame, and fails on a pandas that is not imported yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from champion.modeling.features import category_text

if TYPE_CHECKING:
    import pyarrow as pa

_EPOCH, _MICROSECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(microseconds=1)


def fixed(kind: pa.DataType, values: NDArray[Any], known: NDArray[np.bool_] | None = None) -> pa.Array:
    """A column of eight bytes a value: float64, int64 or a timestamp; null where it is not known."""
    import pyarrow as pa

    return pa.Array.from_buffers(kind, len(values), [_bits(known), pa.py_buffer(np.ascontiguousarray(values))])


def fixed_floats(values: NDArray[np.float64]) -> pa.Array:
    """A column of numbers; null where it is NaN."""
    import pyarrow as pa

    exact = values.astype(np.float64, copy=False)
    return fixed(pa.float64(), exact, ~np.isnan(exact))


def texts(values: Sequence[str | None]) -> pa.Array:
    """A column of texts; null where it is None.

    Raises
    ------
    TypeError, AttributeError, UnicodeEncodeError
        When a value is no text that can be written.
    """
    import pyarrow as pa

    parts = [b"" if value is None else value.encode() for value in values]
    offsets = np.zeros(len(parts) + 1, dtype=np.int32)
    np.cumsum([len(part) for part in parts], out=offsets[1:])
    known = np.array([value is not None for value in values], dtype=bool)
    buffers = [_bits(known), pa.py_buffer(offsets), pa.py_buffer(b"".join(parts))]
    return pa.Array.from_buffers(pa.string(), len(parts), buffers)


def lists(values: pa.Array, ends: NDArray[np.int64], known: NDArray[np.bool_]) -> pa.Array:
    """A column of lists of numbers; null where it is not known.

    Parameters
    ----------
    ends : ndarray of int, shape (rows + 1,)
        Where each list ends, after a 0.
    known : ndarray of bool, shape (rows,)
        Where there is a list.
    """
    import pyarrow as pa

    buffers = [_bits(known), pa.py_buffer(ends.astype(np.int32))]
    return pa.Array.from_buffers(pa.list_(pa.float64()), len(known), buffers, children=[values])


def struct_of(fields: Sequence[tuple[str, pa.DataType]], columns: Sequence[pa.Array]) -> pa.Array:
    """One column of several."""
    import pyarrow as pa

    return pa.Array.from_buffers(pa.struct(list(fields)), len(columns[0]), [None], children=list(columns))


def _numbers(values: Sequence[Any]) -> pa.Array:
    if str in set(map(type, values)):
        raise TypeError("a text is no number")
    return fixed_floats(np.array(values, dtype=np.float64))


def _booleans(values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    if not set(map(type, values)) <= {bool, type(None)}:
        raise TypeError("no booleans")
    known = np.array([value is not None for value in values], dtype=bool)
    return pa.Array.from_buffers(pa.bool_(), len(values), [_bits(known), _bits(np.array(values, dtype=bool), True)])


def _moments(values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    known = np.array([value is not None for value in values], dtype=bool)
    ticks = [0 if value is None else (_moment(value) - _EPOCH) // _MICROSECOND for value in values]
    return fixed(pa.timestamp("us", tz="UTC"), np.array(ticks, dtype=np.int64), known)


def _bits(known: NDArray[np.bool_] | None, always: bool = False) -> pa.Buffer | None:
    """A bit for each row; none where all are set, unless they are the values themselves."""
    import pyarrow as pa

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
    found = datetime.fromisoformat(value) if isinstance(value, str) else value
    if not isinstance(found, datetime):
        raise TypeError("no moment")
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


COLUMNS: dict[str, tuple[Callable[[Sequence[Any]], pa.Array], Callable[[Any], Any]]] = {
    "numeric": (_numbers, _number),
    "boolean": (_booleans, _boolean),
    "categorical": (texts, _text),
    "datetime": (_moments, _moment),
}
"""By a feature's kind: what makes a column of good values, and what makes one value good, or refuses it."""
