"""The hashes of cells as version 0.1 had them, under which its champions' holdouts were set aside: not to be changed.

Numbers are rounded to 44 bits, so that whole numbers of more digits may share a hash; 1, 1.0, True and "1" are the same, and so
are a date and its ISO text; a float32, ``yes``, an empty text and a whole number beyond 2^53 are others than what they stand for.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from champion.modeling.rows.meaning import mix

if TYPE_CHECKING:
    import pandas as pd

VERSION = 1

_MANTISSA_BITS = 44
_MISSING = 0x9E3779B97F4A7C15
_DATED = re.compile(r"\d{4}[-/]\d\d")
_FINER = re.compile(r"(\.\d{6})\d+")  # than a microsecond; without it the year 1 fits beside every other
_MOMENT = 0xD1B54A32D192ED03  # keeps a moment apart from the number of its seconds


def cell_hashes(column: pd.Series) -> NDArray[np.uint64]:
    """One 64-bit hash per cell, shape (rows,)."""
    import pandas as pd

    missing = column.isna().to_numpy()
    if pd.api.types.is_numeric_dtype(column.dtype):
        hashes = _number_hashes(column.to_numpy(dtype=np.float64, na_value=np.nan))
    elif pd.api.types.is_datetime64_any_dtype(column.dtype):
        hashes = _moment_hashes(_seconds_since_1970(column))
    else:
        codes, uniques = pd.factorize(column)
        hashes = np.append(_distinct_hashes(uniques), np.uint64(_MISSING))[codes]
    hashes[missing] = np.uint64(_MISSING)
    return hashes


def _number_hashes(numbers: NDArray[np.float64]) -> NDArray[np.uint64]:
    with np.errstate(invalid="ignore"):
        mantissa, exponent = np.frexp(numbers)
        rounded = np.ldexp(np.round(mantissa * 2.0**_MANTISSA_BITS), exponent - _MANTISSA_BITS)
    return mix((rounded + 0.0).view(np.uint64))


def _moment_hashes(seconds: NDArray[np.float64]) -> NDArray[np.uint64]:
    return mix((seconds + 0.0).view(np.uint64) ^ np.uint64(_MOMENT))


def _distinct_hashes(values: Iterable[object]) -> NDArray[np.uint64]:
    """The hashes of values that stand in no numeric column; none depends on what else is there."""
    read = [_read(value) for value in values]
    hashes = _number_hashes(np.array([value if isinstance(value, float) else np.nan for value in read]))
    texts = {at: value for at, value in enumerate(read) if isinstance(value, str)}
    for at, text in texts.items():
        hashes[at] = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
    dated = [at for at, text in texts.items() if _DATED.match(text)]
    seconds = _seconds_of([texts[at] for at in dated])
    moments = ~np.isnan(seconds)
    hashes[np.array(dated, dtype=np.int64)[moments]] = _moment_hashes(seconds[moments])
    return hashes


def _read(value: object) -> float | str:
    """A value as a number where it is one or says one, else as text; dates become ISO 8601."""
    text = str(value).strip()
    if text.casefold() in ("true", "false"):
        return float(text.casefold() == "true")
    try:
        number = float(text)
    except ValueError:
        return text
    return number if math.isfinite(number) else text


def _seconds_of(texts: list[str]) -> NDArray[np.float64]:
    """ISO 8601 texts as seconds since 1970, NaN for those that are none; parts of a microsecond are cut off."""
    import pandas as pd

    micros = pd.Series([_FINER.sub(r"\1", text) for text in texts], dtype="str")
    return _seconds_since_1970(pd.to_datetime(micros, utc=True, errors="coerce", format="ISO8601"))


def _seconds_since_1970(column: pd.Series) -> NDArray[np.float64]:
    """A datetime column as seconds since 1970, in whole microseconds; NaN where it is empty."""
    import pandas as pd

    micros = pd.to_datetime(column, utc=True).astype("datetime64[us, UTC]").astype(np.int64).to_numpy()
    return np.where(column.isna().to_numpy(), np.nan, micros / 1e6)
