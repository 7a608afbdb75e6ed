"""Moments as a model sees them: the instant for differences, the clock of where it was written for hour, weekday and month.

A text with an offset has a clock of its own; one without is of a zone that nobody named, and stands for itself. `data.zone` names
the zone of the latter, and turns the clock of those that came in UTC. A far value that stands for "never" or "unknown" is a flag.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Micros = NDArray[np.datetime64]

MOMENT_PARTS = ("days", "month", "weekday", "hour")
FAR = "far"  # the part that says a moment is a sentinel
OWN = "own"  # the clock of a moment's own offset
OFFSET = r"^(.*\d\d:\d\d.*?) ?(?:Z|[+-]\d{2}(?::?\d{2})?)$"  # of a text, after its first group
FINER = r"(\.\d{6})\d+"  # than a microsecond: of what is cut off nothing is learned, and far years need the room
BLOCK = 65_536  # texts at a time: as Python's objects those of a long column take several times its memory
_EARLIEST, _LATEST = (np.datetime64(text, "us").astype(np.int64) / 86_400e6 for text in ("1800-01-01", "2200-01-01"))
_USUAL = ("1900-01-01", "1899-12-30", "1899-12-31", "1970-01-01", "1753-01-01", "1601-01-01")
_BULK, _YEARS = 0.01, 10 * 365.25  # of the moments; days to the others
_QUARTER = 15 * 60 * 1_000_000  # microseconds, within which no zone changes its offset


class Moments(NamedTuple):
    """Some moments, shape (rows,) each: the instants in UTC, what the clock showed, and whether an offset stood there."""

    instants: Micros
    clock: Micros
    zoned: NDArray[np.bool_]


def are_iso(texts: Sequence[Any]) -> bool:
    """Whether all of some texts are moments in ISO 8601; what is missing does not count."""
    import pandas as pd

    for start in range(0, len(texts), BLOCK):
        block = pd.Series(texts[start : start + BLOCK])
        if pd.to_datetime(block, utc=True, errors="coerce", format="ISO8601").count() < block.count():
            return False
    return True


def moment_parts(moments: Micros, clock: Micros | None = None) -> NDArray[np.float64]:
    """Days since 1970, month, weekday (Monday is 0) and hour: shape (rows, 4), NaN for NaT; the last three of the clock."""
    exact = moments.astype("datetime64[us]")
    shown = exact if clock is None else clock.astype("datetime64[us]")
    days = shown.astype("datetime64[D]")
    parts = np.column_stack(
        [
            exact.astype(np.int64) / 86_400e6,
            days.astype("datetime64[M]").astype(np.int64) % 12 + 1,
            (days.astype(np.int64) + 3) % 7,  # 1970 began on a Thursday
            shown.astype("datetime64[h]").astype(np.int64) % 24,
        ]
    ).astype(np.float64)
    parts[np.isnat(moments)] = np.nan
    return parts


def model_parts(moments: Moments, clock: str | None, sentinels: Sequence[float]) -> NDArray[np.float64]:
    """The columns of a feature: `MOMENT_PARTS`, and `FAR` where it has sentinels, which have no other part."""
    if clock is None:  # version 0.1
        return moment_parts(moments.instants)
    placed = moments if clock == OWN else _placed(moments, clock)
    parts = moment_parts(placed.instants, placed.clock)
    if not sentinels:
        return parts
    far = _is_far(parts[:, 0], sentinels)
    parts[far] = np.nan
    return np.column_stack([parts, far])


def sentinels_of(days: NDArray[np.float64]) -> tuple[float, ...]:
    """Which of some days since 1970 stand for no moment.

    Those before 1800 or from 2200 on; and days that programs fill in (1900-01-01, 1970-01-01, ...), where a hundredth of all are
    one of them, and it lies further from all others than they lie from each other, by ten years at least.
    """
    known = np.unique(days[np.isfinite(days)])
    far = known[(known < _EARLIEST) | (known >= _LATEST)]
    near = np.setdiff1d(known, far)
    found = []
    for day in (np.datetime64(text, "D").astype(np.int64) for text in _USUAL):
        others = near[near != day]
        if len(others) < 2 or (days == day).mean() < _BULK:
            continue
        if np.abs(others - day).min() > max(others[-1] - others[0], _YEARS):
            found.append(float(day))
    return tuple(sorted([*far[:20].tolist(), *found]))


def without_sentinels(days: NDArray[np.float64], sentinels: Sequence[float]) -> NDArray[np.float64]:
    """Days of which those that stand for no moment are NaN."""
    return np.where(_is_far(days, sentinels), np.nan, days) if sentinels else days


def _is_far(days: NDArray[np.float64], sentinels: Sequence[float]) -> NDArray[np.bool_]:
    far: NDArray[np.bool_] = np.isin(days, sentinels) | (days < _EARLIEST) | (days >= _LATEST)
    return far


def _placed(moments: Moments, zone: str) -> Moments:
    """Moments in a zone: what had no offset is of that zone, what had one is turned to it."""
    turned = moments.instants + _offsets(moments.instants, zone, shown=False)
    meant = moments.clock - _offsets(moments.clock, zone, shown=True)
    instants = np.where(moments.zoned, moments.instants, meant)
    return Moments(instants, np.where(moments.zoned, turned, moments.clock), moments.zoned)


def _offsets(moments: Micros, zone: str, shown: bool) -> NDArray[np.timedelta64]:
    """How far a zone's clock is ahead of UTC: at instants, or where it shows something (the earlier, if that is twice)."""
    exact = moments.astype("datetime64[us]")
    within = (exact.astype(np.int64) % _QUARTER).astype("timedelta64[us]")
    quarters, which = np.unique(exact - within, return_inverse=True)
    place = ZoneInfo(zone)
    each = np.zeros(len(quarters), dtype="timedelta64[us]")
    for at, quarter in enumerate(quarters.tolist()):
        if isinstance(quarter, datetime) and 1 < quarter.year < 9999:
            at_place = quarter.replace(tzinfo=place) if shown else quarter.replace(tzinfo=UTC).astimezone(place)
            each[at] = np.timedelta64(at_place.utcoffset(), "us")
    offsets: NDArray[np.timedelta64] = each[which]
    return offsets
