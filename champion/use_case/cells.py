"""How the cells of one column are read, where they are numbers or dates in a writing of their own: a part of `data.read`."""

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from champion.use_case.strict import Strict

EPOCHS = {"epoch_s": 1.0, "epoch_ms": 1e-3, "epoch_us": 1e-6}
"""Numbers that count from 1970 in UTC: the seconds of one."""
DIRECTIVES = "dmyYbBHMSfpaA"  # of strptime, English names
_DAY = ({"d"}, {"m", "b", "B"}, {"y", "Y"})


class CellRule(Strict):
    """How the cells of one column are read; a column that has none is read as always.

    With any of `decimal`, `thousands`, `unit`, `accounting` and `bounds` it holds numbers, with `dates` dates or times; `missing`
    alone says nothing of its kind.
    """

    decimal: Literal[".", ","] = Field(default=".", description="What stands before the decimals of a number.")
    thousands: Literal[".", ",", " ", "'", "_"] | None = Field(
        default=None, description="What stands between groups of three digits; a blank is one of any kind."
    )
    unit: str | None = Field(
        default=None,
        max_length=20,
        description="The unit that stands before or behind a number: a currency, kg, %; it may be left out in a cell.",
    )
    accounting: bool = Field(default=False, description="Whether `(42)` and `42-` are -42.")
    bounds: bool = Field(default=False, description="Whether `<0.5` and `>= 100` are the number; they are counted.")
    dates: str | None = Field(
        default=None,
        description="How a date is written, as strptime has it (%d.%m.%Y), or epoch_s, epoch_ms, epoch_us; a clock may follow.",
    )
    missing: tuple[str | int | float, ...] = Field(
        default=(), description="Texts and numbers of this column that stand for no value."
    )

    @field_validator("unit")
    @classmethod
    def _is_no_number(cls, unit: str | None) -> str | None:
        if unit is not None and (not unit.strip() or re.search(r"[\d()+<>-]", unit)):
            raise ValueError(f"found {unit!r}, expected a unit such as EUR, without digits and signs")
        return None if unit is None else unit.strip()

    @field_validator("dates")
    @classmethod
    def _has_a_day(cls, dates: str | None) -> str | None:
        if dates is None or dates in EPOCHS:
            return dates
        used = re.findall(r"%(.?)", dates)
        if len({*used}) < len(used) or not {*used} <= {*DIRECTIVES} or any(len(one & {*used}) != 1 for one in _DAY):
            raise ValueError(
                f"found {dates!r}, expected a day, a month and a year, such as %d.%m.%Y or %b %d, %Y, or one of "
                f"{', '.join(EPOCHS)}"
            )
        return dates

    @model_validator(mode="after")
    def _is_one_thing(self) -> "CellRule":
        if self.dates is not None and self.has_numbers:
            raise ValueError("found `dates` beside what says how numbers are written, expected one of the two")
        if self.decimal == self.thousands:
            raise ValueError(f"found {self.decimal!r} as decimal and as thousands, expected two that differ")
        if self.kind is None and not self.missing:
            raise ValueError("found no key that says anything, expected how the cells are written")
        return self

    @property
    def has_numbers(self) -> bool:
        """Whether the cells are numbers."""
        return bool(self.decimal != "." or self.thousands or self.unit or self.accounting or self.bounds)

    @property
    def kind(self) -> Literal["numeric", "datetime"] | None:
        """The kind of the column, where the rule says it."""
        return "datetime" if self.dates else "numeric" if self.has_numbers else None
