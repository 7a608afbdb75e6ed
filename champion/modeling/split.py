"""Which rows are the holdout, for ever.

A row belongs to the train set or to the holdout by what it is, not by where it stands: by a salted hash of what its cells mean
(`champion.modeling.rows.meaning`), by a group, or by a moment. So old rows stay where they were when the table grows or is
written by another tool, duplicates stay together, and a larger share contains the rows of a smaller one. Where equal rows are
repeated observations, the k-th of them is a row of its own. The cutoff of a time split moves on with the table, and never back. A
further rule is a class here, its row in `_RULES`, and its name in `champion.use_case.learning.Split`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from champion.errors import ConfigurationError, DataError, NotEnoughDataError
from champion.modeling.evaluation import Frozen
from champion.modeling.rows import former, meaning
from champion.modeling.rows.meaning import text_hash
from champion.modeling.rows.train_rows import row_hashes
from champion.use_case.learning import Data, Split

if TYPE_CHECKING:
    import pandas as pd

Cutoff = float | str
_SECONDS = {"min": 60, "h": 3600, "d": 86_400, "w": 604_800}  # of the units of `split.horizon`

REPEAT = "(k-th of its equals)"  # a column of train set and holdout where repeated rows are observations of their own


class SplitRule(Frozen):
    """The rule as it was applied, and as the manifest records it.

    `version` is that of the hash, 1 of what version 0.1 recorded. `columns` are those whose cells make a row; a hash split
    sets aside by them, the others find by them what a model learned (version 1 recorded none). `column` is that of a group or a
    time split, `cutoff` a number, or a moment in ISO 8601, and `until` the latest of the table, which older records lack. With
    `label`, the target, the k-th of equal rows is a row of its own.
    """

    TODAY: ClassVar[int] = meaning.VERSION

    version: int = Field(default=former.VERSION, exclude_if=lambda version: version == former.VERSION)
    by: Literal["hash", "group", "time"]
    share: float
    salt: str
    column: str | None = None
    columns: tuple[str, ...] = ()
    cutoff: Cutoff | None = None
    until: Cutoff | None = Field(default=None, exclude_if=lambda until: until is None)
    label: str | None = Field(default=None, exclude_if=lambda label: label is None)

    def needs(self) -> tuple[str, ...]:
        """Name the columns without which nobody can tell which rows are holdout."""
        if self.by == "hash":
            return self.columns if self.label is None else (*self.columns, self.label)
        return (str(self.column),)

    @property
    def of_a_row(self) -> tuple[str, ...]:
        """The columns whose cells, of one row, a model learns at once: none where the rule does not record them."""
        return (*self.columns, *((self.column,) if self.column and self.columns else ()))

    def same_rows(self, other: SplitRule) -> bool:
        """Tell whether both rules set the same rows of any table aside."""
        return self.by == other.by and _RULES[self.by].key(self) == _RULES[self.by].key(other)

    def shares_rows(self, former: SplitRule) -> bool:
        """Tell whether the holdout may still have a row that it had under a former rule."""
        return self.same_rows(former) or (self.by == former.by and _RULES[self.by].shares_rows(self, former))

    def in_words(self) -> str:
        """Say the rule for a reader."""
        return _RULES[self.by].in_words(self)


class _Rule(Protocol):
    """What a kind of rule does."""

    def rule(self, frame: pd.DataFrame, data: Data, split: Split, recorded: SplitRule | None) -> SplitRule:
        """Today's rule, as the use case alone has it; what is recorded is of the same kind."""

    def is_holdout(
        self, frame: pd.DataFrame, rule: SplitRule, hashes: NDArray[np.uint64] | None = None
    ) -> NDArray[np.bool_]:
        """Which rows it sets aside."""

    def key(self, rule: SplitRule) -> tuple[Any, ...]:
        """Equal for rules that set the same rows aside."""

    def shares_rows(self, rule: SplitRule, former: SplitRule) -> bool:
        """Whether a holdout keeps rows of a former one, though it is not the same."""

    def in_words(self, rule: SplitRule) -> str:
        """The rule for a reader."""


class _ByHash:
    """By a salted hash of some columns of a row."""

    what = "rows"

    def rule(self, frame: pd.DataFrame, data: Data, split: Split, recorded: SplitRule | None) -> SplitRule:
        label = data.target if split.repeats == "observations" else None
        columns = _columns(frame, data, split, recorded)
        return SplitRule(
            version=meaning.VERSION, by="hash", share=split.share, salt=split.salt, columns=columns, label=label
        )

    def placed_by(self, rule: SplitRule) -> tuple[tuple[str, str], ...]:
        """The columns that set a row aside, each with what it is called in the hash."""
        return tuple((name, name) for name in rule.columns)

    def is_holdout(
        self, frame: pd.DataFrame, rule: SplitRule, hashes: NDArray[np.uint64] | None = None
    ) -> NDArray[np.bool_]:
        seed = np.uint64(text_hash(rule.salt))
        if rule.version == former.VERSION:
            state = np.full(len(frame), seed, dtype=np.uint64)
            for name, called in self.placed_by(rule):
                state = meaning.mix(state ^ meaning.mix(former.cell_hashes(frame[name]) + np.uint64(text_hash(called))))
        else:
            state = meaning.mix(
                (self.hashes(frame, rule) if hashes is None else hashes) ^ meaning.mix(np.full(1, seed))
            )
        return (state >> np.uint64(11)).astype(np.float64) / 2.0**53 < rule.share

    def hashes(self, frame: pd.DataFrame, rule: SplitRule) -> NDArray[np.uint64]:
        return row_hashes_of(frame, rule)

    def key(self, rule: SplitRule) -> tuple[Any, ...]:
        return rule.version, rule.share, rule.salt, rule.columns, rule.label

    def shares_rows(self, rule: SplitRule, former: SplitRule) -> bool:  # noqa: ARG002 - of another hash, share or salt
        return False

    def in_words(self, rule: SplitRule) -> str:
        what = self.what.format(column=rule.column)
        repeated = ", each repeat of a row by itself" if rule.label is not None else ""
        return (
            f"{100 * rule.share:.3g}% of {what}, by hash"
            + (f" with salt {rule.salt!r}" if rule.salt else "")
            + repeated
        )


class _ByGroup(_ByHash):
    """By a salted hash of the row's group, so that a group stays together."""

    what = "the groups of {column}"

    def rule(self, frame: pd.DataFrame, data: Data, split: Split, recorded: SplitRule | None) -> SplitRule:
        columns = _columns(frame, data, split, recorded)
        rule = {"by": "group", "share": split.share, "salt": split.salt, "column": str(split.column)}
        return SplitRule(version=meaning.VERSION, columns=columns, **rule)

    def placed_by(self, rule: SplitRule) -> tuple[tuple[str, str], ...]:
        return ((str(rule.column), "group"),)  # it may be renamed

    def is_holdout(
        self,
        frame: pd.DataFrame,
        rule: SplitRule,
        hashes: NDArray[np.uint64] | None = None,  # noqa: ARG002 - of rows, and a group has its own
    ) -> NDArray[np.bool_]:
        missing = int(frame[str(rule.column)].isna().sum())
        if missing:
            raise DataError(
                f"The group column {rule.column!r} is empty in {missing} rows; every row needs its group. "
                "Fill it, or remove these rows."
            )
        return super().is_holdout(frame, rule)

    def hashes(self, frame: pd.DataFrame, rule: SplitRule) -> NDArray[np.uint64]:
        return row_hashes(frame.rename(columns={str(rule.column): "group"})[["group"]], ["group"])

    def key(self, rule: SplitRule) -> tuple[Any, ...]:
        return rule.version, rule.share, rule.salt, rule.column


class _ByTime:
    """Rows from a cutoff on, which moves on with the table."""

    def rule(self, frame: pd.DataFrame, data: Data, split: Split, recorded: SplitRule | None) -> SplitRule:
        column = str(split.column)
        kept = recorded.cutoff if recorded is not None and recorded.column == column else None
        cutoff, columns = _cutoff(frame[column], split, kept), _columns(frame, data, split, recorded)
        until = _written(float(moments(frame[column]).max()), isinstance(cutoff, str))
        rule = {"by": "time", "share": split.share, "salt": "", "column": column, "cutoff": cutoff, "until": until}
        return SplitRule(version=meaning.VERSION, columns=columns, **rule)

    def is_holdout(
        self,
        frame: pd.DataFrame,
        rule: SplitRule,
        hashes: NDArray[np.uint64] | None = None,  # noqa: ARG002 - a moment is not hashed
    ) -> NDArray[np.bool_]:
        aside: NDArray[np.bool_] = moments(frame[str(rule.column)], rule.cutoff) >= _moment(rule.cutoff)
        return aside

    def key(self, rule: SplitRule) -> tuple[Any, ...]:
        return rule.column, isinstance(rule.cutoff, str), _moment(rule.cutoff)

    def shares_rows(self, rule: SplitRule, former: SplitRule) -> bool:
        """Whether a cutoff that moved on left rows of the table as it was; where that had its end, a former rule says."""
        comparable = rule.column == former.column and isinstance(rule.cutoff, str) == isinstance(former.cutoff, str)
        return comparable and former.until is not None and _moment(rule.cutoff) <= _moment(former.until)

    def in_words(self, rule: SplitRule) -> str:
        return f"rows from {rule.cutoff} on, by {rule.column}"


_RULES: dict[str, _Rule] = {"hash": _ByHash(), "group": _ByGroup(), "time": _ByTime()}


def rule_for(frame: pd.DataFrame, data: Data, split: Split, recorded: SplitRule | None = None) -> SplitRule:
    """Today's rule for a whole table.

    What the champion's manifest records is kept, so that rows stay where they are: the hashed columns, as long as the
    table has them all (a feature that is dropped from the model, or a column that is new, moves no row). The cutoff of a time
    split is kept or moves on, never back. A rule with the hash of version 0.1 is kept as long as fewer rows than
    `split.min_overlap` would be holdout under both hashes.

    Raises ConfigurationError when `split.cutoff` is earlier than the recorded one, DataError when the column of a time split
    has gaps or cannot be read.
    """
    same_kind = recorded if recorded is not None and recorded.by == split.by else None
    rule = _RULES[split.by].rule(frame, data, split, same_kind)
    if same_kind is not None and same_kind.version == former.VERSION and rule.by != "time":
        before = rule.model_copy(update={"version": former.VERSION, "label": None})
        of_both = is_holdout(frame, rule) & is_holdout(frame, before)
        if before.same_rows(same_kind) and of_both.sum() < split.min_overlap:
            return before
    return rule


def _columns(frame: pd.DataFrame, data: Data, split: Split, recorded: SplitRule | None) -> tuple[str, ...]:
    present = {str(name) for name in frame.columns} - {data.target, REPEAT}
    if recorded is not None and recorded.columns and present.issuperset(recorded.columns):
        return recorded.columns
    return tuple(sorted(present - set(data.drop) - {split.column}))


def is_holdout(frame: pd.DataFrame, rule: SplitRule, hashes: NDArray[np.uint64] | None = None) -> NDArray[np.bool_]:
    """Tell which rows of a table the rule sets aside, shape (rows,); the table has the columns of `SplitRule.needs`.

    `hashes`, where they are known: those of `row_hashes_of`.

    Raises DataError when the column of a group or a time split has gaps or cannot be read.
    """
    return _RULES[rule.by].is_holdout(frame, rule, hashes)


def row_hashes_of(frame: pd.DataFrame, rule: SplitRule) -> NDArray[np.uint64]:
    """One hash per row, of what a model learns from it at once (`SplitRule.of_a_row`), shape (rows,).

    Where equal rows are observations of their own, which of them it is, and its label, are in it.
    """
    more = None
    if rule.label is not None:
        which = frame[REPEAT] if REPEAT in frame else repeats(frame, rule)
        more = meaning.cell_hashes(frame[rule.label]) + meaning.mix(which.to_numpy(dtype=np.uint64))
    return row_hashes(frame, rule.of_a_row, more)


def repeats(table: pd.DataFrame, rule: SplitRule) -> pd.Series:
    """Of each row of a whole table, how many equal rows with its label stand before it."""
    import pandas as pd

    label = meaning.cell_hashes(table[str(rule.label)])
    rows = pd.Series(row_hashes(table, rule.columns, label), index=table.index)
    return rows.groupby(rows).cumcount()


def overlap(frame: pd.DataFrame, today: SplitRule, former: SplitRule) -> NDArray[np.bool_] | None:
    """Tell which rows of today's holdout the former rule set aside too, shape (rows,).

    None where a column that the former rule needs is gone, or its repeats are counted over other columns, so that nobody can
    tell. Raises DataError when the column of a former group or time split has gaps or cannot be read.
    """
    if today.same_rows(former):
        return np.ones(len(frame), dtype=np.bool_)
    if missing_columns(frame, former.needs()):
        return None
    if former.label is not None and (former.label, former.columns) != (today.label, today.columns):
        return None
    return is_holdout(frame, former)


def missing_columns(frame: pd.DataFrame, needed: Sequence[str]) -> list[str]:
    """Name the needed columns that a table lacks, in the order given."""
    return [name for name in needed if name not in frame.columns]


def moments(column: pd.Series, cutoff: Cutoff | None = None) -> NDArray[np.float64]:
    """The column of a time split as float64: its numbers, or seconds since 1970 (UTC where no zone is given)."""
    import pandas as pd

    numeric = pd.api.types.is_numeric_dtype(column.dtype)
    if cutoff is not None and numeric == isinstance(cutoff, str):
        raise DataError(
            f"The time column {column.name!r} holds {'numbers' if numeric else 'times'}, but the holdout begins at "
            f"{cutoff!r}; expected values of the same sort."
        )
    if numeric:
        values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    else:
        read = pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601")
        micros = read.astype("datetime64[us, UTC]").astype(np.int64).to_numpy()
        values = np.where(read.isna().to_numpy(), np.nan, micros / 1e6)
    unreadable = int(np.isnan(values).sum())
    if unreadable:
        raise DataError(
            f"The time column {column.name!r} has {unreadable} values that are empty or no time; every row needs one, "
            "as ISO 8601 (2026-01-31 or 2026-01-31T12:00:00) or as a number."
        )
    return values


def _moment(cutoff: Cutoff | None) -> float:
    """A cutoff as `moments` has it."""
    import pandas as pd

    if isinstance(cutoff, int | float):
        return float(cutoff)
    stamp = pd.Timestamp(str(cutoff))
    stamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp
    return int(stamp.as_unit("us").asm8.astype("int64")) / 1e6


def _cutoff(column: pd.Series, split: Split, recorded: Cutoff | None) -> Cutoff:
    import pandas as pd

    numeric = pd.api.types.is_numeric_dtype(column.dtype)
    ordered = np.sort(moments(column))
    if recorded is not None and numeric == isinstance(recorded, str):
        recorded = None  # another column's
    if split.cutoff is not None:
        return _asked_cutoff(split.cutoff, numeric, str(column.name), recorded)
    moment = (
        _by_horizon(ordered, split, numeric, column.name) if split.horizon is not None else _by_share(ordered, split)
    )
    if recorded is not None and moment <= _moment(recorded):
        return recorded
    return _written(moment, not numeric)


def _written(moment: float, is_time: bool) -> Cutoff:
    """A moment, as `moments` has it, as a rule records it."""
    import pandas as pd

    return pd.Timestamp(round(moment * 1e6), unit="us").isoformat() if is_time else moment


def _by_share(ordered: NDArray[np.float64], split: Split) -> float:
    first = min(len(ordered) - 1, max(1, round(len(ordered) * (1 - split.share))))
    moment = float(ordered[first])
    if moment == float(ordered[0]):
        later = ordered[ordered > moment]
        moment = float(later[0]) if len(later) else moment
    return moment


def _by_horizon(ordered: NDArray[np.float64], split: Split, numeric: bool, name: object) -> float:
    """What lies a horizon before the latest moment."""
    if numeric == isinstance(split.horizon, str):
        raise ConfigurationError(
            f"split.horizon is {split.horizon!r}, but the column {name!r} holds {'numbers' if numeric else 'times'}; give "
            f"{'a number' if numeric else 'a time such as 90d'}."
        )
    match = re.fullmatch(r"(\d+)(\w+)", split.horizon) if isinstance(split.horizon, str) else None
    length = int(match[1]) * _SECONDS[match[2]] if match else float(split.horizon or 0)
    latest = float(ordered[-1])
    rows = len(ordered) - int(np.searchsorted(ordered, latest - length))
    if rows < min(split.min_overlap, len(ordered)):
        shown = _written(latest, not numeric)
        raise NotEnoughDataError(
            f"Too few rows lie within split.horizon of the latest moment: {rows} to {shown}, and at "
            f"least split.min_overlap = {split.min_overlap} are needed. Where that moment is a mistake, mend it; else "
            "give a longer horizon."
        )
    return latest - length


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
