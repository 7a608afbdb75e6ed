"""Which rows are the holdout, for ever.

A row belongs to the train set or to the holdout by what it is, not by where it stands: by a salted hash of its
features, by a group, or by a moment. So old rows stay where they were when the table grows, duplicates stay together,
and a larger share contains the rows of a smaller one. Hashes are of what a cell means, whatever its type: 1, 1.0, True and
"1" are the same, and so are a date and its ISO text. A further rule is a class here, its row in `_RULES`, and its name
in `champion.use_case.learning.Split`.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from champion.errors import ConfigurationError, DataError
from champion.modeling.evaluation import Frozen
from champion.use_case.learning import Data, Split

if TYPE_CHECKING:
    import pandas as pd

Cutoff = float | str

_MANTISSA_BITS = 44  # numbers that differ by rounding noise (CSV against Parquet) are one number
_MISSING = 0x9E3779B97F4A7C15
_DATED = re.compile(r"\d{4}[-/]\d\d")
_FINER = re.compile(r"(\.\d{6})\d+")  # than a microsecond; without it the year 1 fits beside every other
_MOMENT = 0xD1B54A32D192ED03  # keeps a moment apart from the number of its seconds


class SplitRule(Frozen):
    """The rule as it was applied, and as the manifest records it.

    `columns` are the hashed ones (empty for a group or a time split); `cutoff` is a number, or a moment in ISO 8601.
    """

    by: Literal["hash", "group", "time"]
    share: float
    salt: str
    column: str | None = None
    columns: tuple[str, ...] = ()
    cutoff: Cutoff | None = None

    def needs(self) -> tuple[str, ...]:
        """Name the columns without which nobody can tell which rows are holdout."""
        return self.columns if self.by == "hash" else (str(self.column),)

    def same_rows(self, other: SplitRule) -> bool:
        """Tell whether both rules set the same rows of any table aside."""
        return self.by == other.by and _RULES[self.by].key(self) == _RULES[self.by].key(other)

    def in_words(self) -> str:
        """Say the rule for a reader."""
        return _RULES[self.by].in_words(self)


class _Rule(Protocol):
    """What a kind of rule does."""

    def rule(self, frame: pd.DataFrame, data: Data, split: Split, recorded: SplitRule | None) -> SplitRule:
        """Today's rule; what is recorded is of the same kind."""

    def is_holdout(self, frame: pd.DataFrame, rule: SplitRule) -> NDArray[np.bool_]:
        """Which rows it sets aside."""

    def key(self, rule: SplitRule) -> tuple[Any, ...]:
        """Equal for rules that set the same rows aside."""

    def in_words(self, rule: SplitRule) -> str:
        """The rule for a reader."""


class _ByHash:
    """By a salted hash of some columns of a row."""

    what = "rows"
    complete = False  # whether every row must have a value

    def rule(self, frame: pd.DataFrame, data: Data, split: Split, recorded: SplitRule | None) -> SplitRule:
        present = {str(name) for name in frame.columns} - {data.target}
        columns = tuple(sorted(present - set(data.drop)))
        if recorded is not None and present.issuperset(recorded.columns):
            columns = recorded.columns
        return SplitRule(by="hash", share=split.share, salt=split.salt, columns=columns)

    def offset(self, name: str) -> bytes:
        return hashlib.sha256(name.encode()).digest()[:8]

    def is_holdout(self, frame: pd.DataFrame, rule: SplitRule) -> NDArray[np.bool_]:
        seed = int.from_bytes(hashlib.sha256(rule.salt.encode()).digest()[:8], "little")
        state = np.full(len(frame), seed, dtype=np.uint64)
        for name in rule.needs():
            offset = np.uint64(int.from_bytes(self.offset(name), "little"))
            state = _mix(state ^ _mix(_value_hashes(frame[name], self.complete) + offset))
        return (state >> np.uint64(11)).astype(np.float64) / 2.0**53 < rule.share

    def key(self, rule: SplitRule) -> tuple[Any, ...]:
        return rule.share, rule.salt, rule.column, rule.columns

    def in_words(self, rule: SplitRule) -> str:
        what = self.what.format(column=rule.column)
        return f"{100 * rule.share:.3g}% of {what}, by hash" + (f" with salt {rule.salt!r}" if rule.salt else "")


class _ByGroup(_ByHash):
    """By a salted hash of the row's group, so that a group stays together."""

    what = "the groups of {column}"
    complete = True

    def rule(self, frame: pd.DataFrame, data: Data, split: Split, recorded: SplitRule | None) -> SplitRule:  # noqa: ARG002 - as the protocol has it
        return SplitRule(by="group", share=split.share, salt=split.salt, column=str(split.column))

    def offset(self, name: str) -> bytes:  # noqa: ARG002 - a group column may be renamed
        return b"group"


class _ByTime:
    """Rows from a cutoff on."""

    def rule(self, frame: pd.DataFrame, data: Data, split: Split, recorded: SplitRule | None) -> SplitRule:  # noqa: ARG002 - as the protocol has it
        column = str(split.column)
        kept = recorded.cutoff if recorded is not None and recorded.column == column else None
        cutoff = _cutoff(frame[column], split, kept)
        return SplitRule(by="time", share=split.share, salt="", column=column, cutoff=cutoff)

    def is_holdout(self, frame: pd.DataFrame, rule: SplitRule) -> NDArray[np.bool_]:
        aside: NDArray[np.bool_] = _moments(frame[str(rule.column)], rule.cutoff) >= _moment(rule.cutoff)
        return aside

    def key(self, rule: SplitRule) -> tuple[Any, ...]:
        return rule.column, isinstance(rule.cutoff, str), _moment(rule.cutoff)

    def in_words(self, rule: SplitRule) -> str:
        return f"rows from {rule.cutoff} on, by {rule.column}"


_RULES: dict[str, _Rule] = {"hash": _ByHash(), "group": _ByGroup(), "time": _ByTime()}


def rule_for(frame: pd.DataFrame, data: Data, split: Split, recorded: SplitRule | None = None) -> SplitRule:
    """Today's rule for a whole table.

    What the champion's manifest records is kept, so that rows stay where they are: the hashed columns, as long as the
    table has them all (a feature that is dropped from the model, or a column that is new, moves no row), and the cutoff.

    Raises ConfigurationError when `split.cutoff` is earlier than the recorded one, DataError when the column of a time split
    has gaps or cannot be read.
    """
    same_kind = recorded if recorded is not None and recorded.by == split.by else None
    return _RULES[split.by].rule(frame, data, split, same_kind)


def is_holdout(frame: pd.DataFrame, rule: SplitRule) -> NDArray[np.bool_]:
    """Tell which rows of a table the rule sets aside, shape (rows,); the table has the columns of `SplitRule.needs`.

    Raises DataError when the column of a group or a time split has gaps or cannot be read.
    """
    return _RULES[rule.by].is_holdout(frame, rule)


def overlap(frame: pd.DataFrame, today: SplitRule, former: SplitRule) -> NDArray[np.bool_] | None:
    """Tell which rows of today's holdout the former rule set aside too, shape (rows,).

    None where a column that the former rule needs is gone, so that nobody can tell. Raises DataError when the column of a
    former group or time split has gaps or cannot be read.
    """
    if today.same_rows(former):
        return np.ones(len(frame), dtype=np.bool_)
    if missing_columns(frame, former.needs()):
        return None
    return is_holdout(frame, former)


def missing_columns(frame: pd.DataFrame, needed: Sequence[str]) -> list[str]:
    """Name the needed columns that a table lacks, in the order given."""
    return [name for name in needed if name not in frame.columns]


def _moments(column: pd.Series, cutoff: Cutoff | None = None) -> NDArray[np.float64]:
    """The column of a time split as float64: its numbers, or seconds since 1970 (UTC where no zone is given)."""
    import pandas as pd

    numeric = pd.api.types.is_numeric_dtype(column.dtype)
    if cutoff is not None and numeric == isinstance(cutoff, str):
        raise DataError(
            f"The time column {column.name!r} holds {'numbers' if numeric else 'times'}, but the holdout begins at "
            f"{cutoff!r}; expected values of the same sort."
        )
    if numeric:
        moments = column.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        moments = _seconds_since_1970(pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601"))
    unreadable = int(np.isnan(moments).sum())
    if unreadable:
        raise DataError(
            f"The time column {column.name!r} has {unreadable} values that are empty or no time; every row needs one, "
            "as ISO 8601 (2026-01-31 or 2026-01-31T12:00:00) or as a number."
        )
    return moments


def _moment(cutoff: Cutoff | None) -> float:
    """A cutoff as `_moments` has it."""
    import pandas as pd

    if isinstance(cutoff, int | float):
        return float(cutoff)
    stamp = pd.Timestamp(str(cutoff))
    stamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp
    return int(stamp.as_unit("us").asm8.astype("int64")) / 1e6


def _cutoff(column: pd.Series, split: Split, recorded: Cutoff | None) -> Cutoff:
    import pandas as pd

    numeric = pd.api.types.is_numeric_dtype(column.dtype)
    moments = _moments(column)
    if recorded is not None and numeric == isinstance(recorded, str):
        recorded = None  # another column's
    if split.cutoff is not None:
        return _asked_cutoff(split.cutoff, numeric, str(column.name), recorded)
    if recorded is not None:
        return recorded
    ordered = np.sort(moments)
    first = min(len(ordered) - 1, max(1, round(len(ordered) * (1 - split.share))))
    moment = float(ordered[first])
    if moment == float(ordered[0]):
        later = ordered[ordered > moment]
        moment = float(later[0]) if len(later) else moment
    return moment if numeric else pd.Timestamp(round(moment * 1e6), unit="us").isoformat()


def _asked_cutoff(asked: datetime | date | float, numeric: bool, name: str, recorded: Cutoff | None) -> Cutoff:
    wanted = asked.isoformat() if isinstance(asked, date) else float(asked)
    if numeric == isinstance(wanted, str):
        raise ConfigurationError(
            f"split.cutoff is {wanted}, but the column {name!r} holds {'numbers' if numeric else 'times'}; "
            "give one of the same sort."
        )
    if recorded is not None and _moment(wanted) < _moment(recorded):
        raise ConfigurationError(
            f"split.cutoff {wanted} is earlier than {recorded}, where the champion's holdout begins: the champion "
            f"was trained on the rows between. Leave it out, or give {recorded} or later."
        )
    return wanted


def _value_hashes(column: pd.Series, complete: bool) -> NDArray[np.uint64]:
    """One 64-bit hash per value, equal for equal values whatever their type."""
    import pandas as pd

    missing = column.isna().to_numpy()
    if complete and missing.any():
        raise DataError(
            f"The group column {column.name!r} is empty in {int(missing.sum())} rows; every row needs its group. "
            "Fill it, or remove these rows."
        )
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
    return _mix((rounded + 0.0).view(np.uint64))


def _moment_hashes(seconds: NDArray[np.float64]) -> NDArray[np.uint64]:
    return _mix((seconds + 0.0).view(np.uint64) ^ np.uint64(_MOMENT))


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


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finalizer of splitmix64 (Steele, Lea and Flood 2014)."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))
