"""One hash per cell, of what it means: the same whatever a table is written in.

Two cells that a reader would take for the same have one hash, also where nobody says which kind the column is; that a few
different ones have one too (``yes`` and 1, 2026-01-05 and 2026-05-01) only puts such rows on one side of a split.
`docs/data.md` has the table of what is equal to what. What is changed here moves the holdout of every champion: a change needs
another `VERSION`, and the former module stays beside it.

- Whole numbers are themselves, of any length, also as text, as 1.0, as a decimal or with a percent sign.
- Fractions are what a float32 of them keeps.
- Truth values are 1 and 0, by every word that the product reads.
- Moments are instants, in whole microseconds; without a zone they are taken for UTC. Of the date, day and month are hashed
  without their order, because 05/01/2026 does not tell it.
- Durations are their seconds.
- What is missing is one value: an empty field, and every word that readers take for it.
- All else is its text, without the spaces around it, in Unicode's composed form.
"""

from __future__ import annotations

import hashlib
import math
import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

VERSION = 2

_MISSING = 0x9E3779B97F4A7C15
_FRACTION = 0xA0761D6478BD642F  # keeps a fraction apart from the whole number of its bits
_MOMENT = 0xD1B54A32D192ED03
_LONGEST_NUMBER = 400  # digits
_WHOLE_BELOW = 2.0**63
_BLOCK = 50_000  # distinct values that are Python objects at a time

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?")
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:$|[T ])")
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})(?:$|[T ])")
_MONTH = re.compile(r"(\d{4})[-/](\d{2})")
_FINER = re.compile(r"(\.\d{6})\d+")  # than a microsecond
# Copies of what the readers know, on purpose: another word there must move no row.
_TRUTH = {"true": 1, "yes": 1, "y": 1, "t": 1, "on": 1, "false": 0, "no": 0, "n": 0, "f": 0, "off": 0}
_MISSING_WORDS = frozenset(
    {
        *("", "na", "n/a", "nan", "none", "null", "nat", "<na>", "#n/a", "#n/a n/a", "#na"),
        *("-nan", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"),
    }
)  # in any case of letters


def mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of splitmix64 (Steele, Lea and Flood 2014)."""
    mixed = state ^ (state >> np.uint64(30))
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def cell_hashes(column: pd.Series) -> NDArray[np.uint64]:
    """One 64-bit hash per cell, shape (rows,); none depends on what else the column holds."""
    import pandas as pd

    dtype: Any = column.dtype
    missing = column.isna().to_numpy()
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        hashes = _numbers(column.to_numpy())
    elif pd.api.types.is_datetime64_any_dtype(dtype):
        utc = pd.to_datetime(column, utc=True).astype("datetime64[us, UTC]")
        hashes = _instants(utc.dt.tz_localize(None).to_numpy())
    elif isinstance(dtype, np.dtype) and dtype.kind == "m":
        hashes = _numbers(column.dt.total_seconds().to_numpy(dtype=np.float64))
    else:
        codes, uniques = pd.factorize(column)
        blocks = [distinct_hashes(uniques[start : start + _BLOCK]) for start in range(0, len(uniques), _BLOCK)]
        hashes = np.concatenate([*blocks, np.array([_MISSING], dtype=np.uint64)])[codes]
    hashes[missing] = np.uint64(_MISSING)
    return hashes


def distinct_hashes(values: Iterable[object]) -> NDArray[np.uint64]:
    """The hashes of values of any type, one by one."""
    listed = list(values)
    hashes = np.full(len(listed), _MISSING, dtype=np.uint64)
    dated = {at: value for at, value in enumerate(listed) if isinstance(value, str) and value[4:5] in ("-", "/")}
    if dated:  # the usual spelling of moments, all at once
        moments = _iso_moments([*dated.values()])
        read = ~np.isnat(moments)
        hashes[np.array([*dated])[read]] = _instants(moments[read])
        seen = {at for at, is_read in zip(dated, read.tolist(), strict=True) if is_read}
        places = [at for at in range(len(listed)) if at not in seen]
    else:
        places = list(range(len(listed)))
    found = [(at, _meaning(listed[at])) for at in places]
    whole = [(at, value) for at, value in found if isinstance(value, int)]
    hashes[[at for at, _ in whole]] = _whole([value for _, value in whole])
    fractions = [(at, value) for at, value in found if isinstance(value, float)]
    hashes[[at for at, _ in fractions]] = _numbers(np.array([value for _, value in fractions], dtype=np.float64))
    instants = [(at, value) for at, value in found if isinstance(value, np.datetime64)]
    hashes[[at for at, _ in instants]] = _instants(np.array([value for _, value in instants], dtype="datetime64[us]"))
    for at, value in found:
        if isinstance(value, str):
            hashes[at] = text_hash(value)
    return hashes


def _iso_moments(texts: list[str]) -> NDArray[np.datetime64]:
    """ISO 8601 texts as moments in UTC, cut off below the microsecond; NaT for those that are none."""
    import pandas as pd

    if max(map(len, texts)) > len("2026-01-31T00:00:00.000000"):
        texts = [_FINER.sub(r"\1", text) for text in texts]
    read = pd.to_datetime(pd.Series(texts, dtype="str"), utc=True, errors="coerce", format="ISO8601")
    moments: NDArray[np.datetime64] = read.dt.tz_localize(None).to_numpy().astype("datetime64[us]")
    return moments


def text_hash(text: str) -> int:
    """The 64-bit hash of a text as it stands."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "little")


def _numbers(numbers: NDArray[Any]) -> NDArray[np.uint64]:
    """Hashes of an array of booleans, integers or floats."""
    if numbers.dtype.kind in "bi":
        return mix(numbers.astype(np.int64).view(np.uint64))
    if numbers.dtype.kind == "u":
        hashes = mix(numbers.astype(np.uint64))
        large = (
            np.flatnonzero(numbers >= np.uint64(2**63)) if numbers.dtype.itemsize == 8 else np.array([], dtype=np.intp)
        )
        hashes[large] = _whole(numbers[large].tolist())
        return hashes
    exact = numbers.astype(np.float64, copy=False)
    with np.errstate(invalid="ignore", over="ignore"):
        short = exact.astype(np.float32)
        is_whole = np.floor(short) == short  # a whole number stays one in a float32
    if is_whole.all():
        return _whole_floats(exact, short)
    hashes = mix(short.view(np.uint32).astype(np.uint64) ^ np.uint64(_FRACTION))
    places = np.flatnonzero(is_whole)
    hashes[places] = _whole_floats(exact[places], short[places])
    return hashes


def _whole_floats(exact: NDArray[np.float64], short: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Hashes of floats that are whole, or of which a float32 is; NaN is none of them."""
    value = np.where(np.floor(exact) == exact, exact, short.astype(np.float64))
    small = np.abs(value) < _WHOLE_BELOW
    hashes = mix(np.where(small, value, 0.0).astype(np.int64).view(np.uint64))
    large = np.flatnonzero(~small)
    if large.size:
        distinct, which = np.unique(value[large], return_inverse=True)
        finite = np.isfinite(distinct)
        each = np.array([text_hash(str(number)) for number in distinct], dtype=np.uint64)  # of inf and -inf
        each[finite] = _whole([int(number) for number in distinct[finite]])
        hashes[large] = each[which]
    return hashes


def _whole(numbers: Iterable[int]) -> NDArray[np.uint64]:
    """Hashes of whole numbers of any length."""
    listed = list(numbers)
    fits = np.array([-(2**63) <= each < 2**63 for each in listed], dtype=np.bool_)
    hashes = mix(
        np.array([each if fit else 0 for each, fit in zip(listed, fits, strict=True)], np.int64).view(np.uint64)
    )
    for at in np.flatnonzero(~fits):
        hashes[at] = text_hash(str(listed[at]))
    return hashes


def _instants(moments: NDArray[np.datetime64]) -> NDArray[np.uint64]:
    """Hashes of moments in UTC, of type datetime64[us]; NaT is whatever."""
    days = moments.astype("datetime64[D]")
    in_day = (moments - days).astype(np.int64)
    distinct, which = _distinct_days(days)
    months = distinct.astype("datetime64[M]")
    month, day = months.astype(np.int64) % 12 + 1, (distinct - months).astype(np.int64) + 1
    year = distinct.astype("datetime64[Y]").astype(np.int64)
    dates = (year * 64 + np.minimum(day, month)) * 64 + np.maximum(day, month)
    return mix(mix(dates.view(np.uint64) ^ np.uint64(_MOMENT))[which] + in_day.view(np.uint64))


def _distinct_days(days: NDArray[np.datetime64]) -> tuple[NDArray[np.datetime64], NDArray[np.int64]]:
    """Some days that hold all of those given, and where each is among them."""
    numbers = days.astype(np.int64)
    known = numbers[~np.isnat(days)]
    if not known.size:
        return np.zeros(1, dtype="datetime64[D]"), np.zeros(len(days), dtype=np.int64)
    first, last = known.min(), known.max()
    if last - first > max(len(days), 1000):
        distinct, which = np.unique(days, return_inverse=True)
        return distinct, which
    which = np.where(np.isnat(days), 0, numbers - first)
    return np.arange(first, last + 1).astype("datetime64[D]"), which


def _meaning(value: object) -> int | float | np.datetime64 | str | None:
    """A value as a whole number, a fraction, an instant, a text, or None where it is missing."""
    if isinstance(value, str):
        return _of_a_text(value)
    if isinstance(value, bool | int | np.integer | np.bool_):
        return int(value)
    if isinstance(value, float | np.floating):
        return None if math.isnan(value) else float(value)
    if isinstance(value, Decimal):
        exact = _exact(value) if value.is_finite() else None if value.is_nan() else float(value)
        return str(value) if exact is None and value.is_finite() else exact
    if isinstance(value, timedelta | np.timedelta64):
        return float(np.timedelta64(value, "us").astype(np.int64) / 1e6)
    return _of_a_text(str(value))


def _exact(number: Decimal) -> int | float | None:
    if number.adjusted() > _LONGEST_NUMBER:
        return None
    return int(number) if number == number.to_integral_value() else float(number)


def _of_a_text(text: str) -> int | float | np.datetime64 | str | None:
    text = text.strip()
    if not text.isascii():
        text = unicodedata.normalize("NFC", text).replace("\N{MINUS SIGN}", "-")
    folded = text.casefold()
    if folded in _MISSING_WORDS:
        return None
    if folded in _TRUTH:
        return _TRUTH[folded]
    if folded[-1] in "0123456789.%" and len(text) <= _LONGEST_NUMBER:
        number = text.removesuffix("%").rstrip()
        if text.isascii() and _NUMBER.fullmatch(number):
            value = _exact_of(number, percent=text.endswith("%"))
            return text if value is None else value
    instant = _instant_of(text)
    return text if instant is None else instant


def _exact_of(number: str, percent: bool) -> int | float | None:
    try:
        exact = Decimal(number)
        return _exact(exact / 100 if percent else exact)
    except (InvalidOperation, OverflowError):
        return None


def _instant_of(text: str) -> np.datetime64 | None:
    """The moment that a text of digits names, in UTC; None where it is none."""
    if len(text) < 7 or not text[0].isdigit():
        return None
    if match := _YEAR_FIRST.match(text):
        year, _, first, second = match.groups()
    elif match := _YEAR_LAST.match(text):
        first, _, second, year = match.groups()
    elif match := _MONTH.fullmatch(text):
        (year, first), second = match.groups(), "01"
    else:
        return None
    if int(first) > 12:  # the order of both is not hashed
        first, second = second, first
    clock = _FINER.sub(r"\1", text[match.end() :].replace(" ", "").replace("Z", "+00:00"))
    try:
        moment = datetime.fromisoformat(f"{year}-{int(first):02}-{int(second):02}" + (f"T{clock}" if clock else ""))
        if offset := moment.utcoffset():
            return np.datetime64(moment.replace(tzinfo=None), "us") - np.timedelta64(offset, "us")
        return np.datetime64(moment.replace(tzinfo=None), "us")
    except ValueError:
        return None
