"""Numbers that are none: those that stand for no value (-999), days written as 20240131, seconds since 1970, and codes."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from champion.modeling.cells.found import FEWEST, Found, is_code_name, words_of
from champion.modeling.cells.writing import reader_of
from champion.use_case.cells import CellRule

_TIME_NAME = re.compile(
    r"(?:^|[\W_])(?:time|date|ts|timestamp|epoch|created|updated|modified|at|on|since|when)(?:$|[\W_])", re.IGNORECASE
)
_EPOCHS = (("epoch_s", 1), ("epoch_ms", 1_000), ("epoch_us", 1_000_000))
_EPOCH_FROM, _EPOCH_TO = 631_152_000, 4_102_444_800  # 1990 and 2100, in seconds
_SENTINELS = (
    *(sign * float("9" * digits) for digits in range(2, 7) for sign in (-1, 1)),
    -1.0,
    -9.0,
    -99.9,
    -999.9,
    -32768.0,
)
_OUTSIDE = 1.0  # how far a sentinel lies from all other numbers, as a multiple of their own range


def of_numbers(name: str, numbers: NDArray[np.float64]) -> Found:
    """The rule of a column of numbers, given without the missing ones; nothing where it needs none."""
    distinct, counts = np.unique(numbers, return_counts=True)
    if len(distinct) < FEWEST or not np.isfinite(distinct).all():
        return Found()
    if (distinct % 1 == 0).all():
        if is_code_name(name):
            return Found(kind="categorical", why="By its name it holds codes, and no numbers.")
        if found := _day_numbers(name, distinct):
            return found
    gone, asked = _sentinels(name, distinct, counts)
    if not gone:
        return Found(asked=asked)
    missing = {f"{number:g}": int(count) for number, count in gone.items()}
    rule = CellRule(missing=tuple(int(number) if number % 1 == 0 else number for number in gone))
    return Found(rule, why=_missing_numbers(missing), asked=asked, missing=missing)


def _missing_numbers(numbers: Mapping[str, int]) -> str:
    listed = ", ".join(f"{number} ({count:,} rows)" for number, count in numbers.items())
    return f"{listed} lies far from all others, and stands for no value"


def _day_numbers(name: str, distinct: NDArray[np.float64]) -> Found | None:
    """Whole numbers that are days written as 20240131, or count from 1970."""
    least, most = distinct[0], distinct[-1]
    is_time = bool(_TIME_NAME.search(words_of(name)))
    if least >= 19_000_101 and most <= 21_001_231 and (is_time or len(distinct) > 2 * FEWEST):
        rule = CellRule(dates="%Y%m%d")
        if not any(reader_of(rule).read(number).wrong for number in distinct):
            return Found(rule, why=f"days such as {least:.0f}: every one is there in a calendar")
    for dates, scale in _EPOCHS:
        if _EPOCH_FROM * scale <= least and most <= _EPOCH_TO * scale and least < most:
            text = reader_of(CellRule(dates=dates)).read(least).value
            if is_time:
                return Found(CellRule(dates=dates), why=f"moments that count from 1970: {least:.0f} is {text}")
            return Found(asked=f"{name!r} may count from 1970 ({least:.0f} is {text}). If it does: dates: {dates}")
    return None


def _sentinels(name: str, distinct: NDArray[np.float64], counts: NDArray[np.int64]) -> tuple[dict[float, int], str]:
    """Numbers that stand for no value, as they lie far from all others; and what to ask of one that may."""
    gone: dict[float, int] = {}
    asked = ""
    for number in sorted(_SENTINELS, key=lambda each: -abs(each)):
        at = np.flatnonzero(distinct == number)
        others = distinct[(distinct != number) & ~np.isin(distinct, [*gone])]
        if not at.size or counts[at[0]] < 2 or len(others) < FEWEST:
            continue
        least, most = float(others[0]), float(others[-1])
        gap = least - number if number < least else number - most
        alone = number < 0 <= least  # the only negative one
        if gap <= 0 or not (gap > _OUTSIDE * (most - least) or alone):
            continue
        if abs(number) >= 999 and (alone or gap > _OUTSIDE * (most - least)):
            gone[number] = int(counts[at[0]])
        elif not gone:
            where = f"{number:g} stands in {counts[at[0]]:,} rows of {name!r}, apart from all others"
            asked = f"{where}. If it is no value: missing: [{number:g}]"
    return gone, asked
