"""The units of numbers: which one stands in a text, and whether numbers without one are fractions of what a percent sign had."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

PERCENT = 100
_AROUND = re.compile(r"([^\d(+\u2212-]*)([\d.,'\u2019\s\u00a0\u202f]*\d[.,]?)([^\d)]*)")
_SIGNS = re.compile(r"[()+\u2212-]")
_NO_UNIT = " ~<>=\u2264\u2265\u00a0\u202f"


def unit_in(text: str) -> str:
    """What stands before or behind a number, without blanks and signs; nothing where there is none, or something on both sides.

    >>> unit_in("73 USD"), unit_in("-$1,658.00"), unit_in("12 and 13"), unit_in("0.5")
    ('USD', '$', '', '')
    """
    match = _AROUND.fullmatch(_SIGNS.sub("", text))
    before, behind = (match[1].strip(_NO_UNIT), match[3].strip(_NO_UNIT)) if match else ("", "")
    return "" if before and behind else before or behind


def other_units(texts: Mapping[str, int]) -> Counter[str]:
    """The units of texts, and in how many cells each stands; a text is given with how often it is there."""
    found: Counter[str] = Counter()
    for text, count in texts.items():
        if unit := unit_in(text):
            found[unit] += count
    return found


def are_fractions(numbers: NDArray[np.float64], unit: str | None, least: float | None, most: float | None) -> bool:
    """Whether numbers without a percent sign are 0.1234 where `12.34 %` was: a hundred times as large, more fit the range."""
    if unit != "%" or least is None or most is None or not len(numbers):
        return False
    as_they_are = ((numbers >= least) & (numbers <= most)).sum()
    times = numbers * PERCENT
    return bool(((times >= least) & (times <= most)).sum() > as_they_are and np.nanmax(np.abs(numbers)) <= 1)
