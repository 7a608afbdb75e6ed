"""One cell by the rule of its column: `$1,658.00`, `12.34 %`, `(42)`, `<0.5`, `31.12.2024` as what they mean.

A number becomes a float64, of exactly the digits that stand there; a date or time becomes its ISO 8601 text, by which all
readers know it. What the rule does not know is wrong, and never guessed: `1.234` is no 1234 where groups of three are
separated by a blank, `73 USD` is no number of EUR. A plain number stands for one in the unit.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from champion.use_case.cells import EPOCHS, CellRule

SPACES = "\\s\u00a0\u2007\u2009\u202f"
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_GROUPS = {None: "", " ": f"[{SPACES}]", "'": "['\u2019]", ".": r"\.", ",": ",", "_": "_"}
_UNIT_PLACES = ("before", "inside", "behind", "last")  # outside and inside of parentheses
_MONTH = "|".join(
    f"{name[:3]}(?:{name[3:]}|{'t|' * (name == 'september')})\\.?"
    for name in (
        *("january", "february", "march", "april", "may", "june", "july"),
        *("august", "september", "october", "november", "december"),
    )
)
_PARTS = {
    "d": r"(?P<d>\d{1,2})",
    "m": r"(?P<m>\d{1,2})",
    "Y": r"(?P<Y>\d{4})",
    "y": r"(?P<y>\d{2})",
    "b": f"(?P<b>{_MONTH})",
    "B": f"(?P<b>{_MONTH})",
    "H": r"(?P<H>\d{1,2})",
    "M": r"(?P<M>\d{2})",
    "S": r"(?P<S>\d{2})",
    "f": r"(?P<f>\d{1,6})",
    "p": r"(?P<p>[AaPp]\.?[Mm]\.?)",
    "a": "[a-z]{2,9}\\.?",
    "A": "[a-z]{2,9}\\.?",
}
_CLOCK = r"(?:(?:[T ]|, ?) ?(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,6})\d*)?)?(?: ?(?P<p>[ap]\.?m\.?))?)?"
_ISO = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?(?: ?(?:Z|[+-]\d\d(?::?\d\d)?))?")
_LAST_DAY = datetime(2024, 12, 31)
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)


class Cell(NamedTuple):
    """What a cell means: a number, the ISO 8601 text of a moment, another text, or None where it is missing.

    `wrong` where it does not fit the rule, `bare` where a number has no unit though the column has one, `bound` where it is one.
    """

    value: float | str | None
    wrong: bool = False
    bare: bool = False
    bound: bool = False


_MISSING = Cell(None)
_WRONG = Cell(None, wrong=True)


class CellReader:
    """Reads the cells of one column."""

    def __init__(self, rule: CellRule) -> None:
        self.rule = rule
        words = [each.strip() for each in rule.missing if isinstance(each, str)]
        self.words = frozenset(words)
        plain = [_plain(each) for each in rule.missing]
        self.numbers = frozenset(each for each in plain if each is not None and not math.isnan(each))
        self._number, self._moment = _number_pattern(rule), _moment_pattern(rule.dates)

    def read(self, value: Any) -> Cell:
        """What a value of any type means; NaN and None are missing."""
        if value is None or value != value or value in self.numbers:
            return _MISSING
        if isinstance(value, str):
            return self._text(value)
        if self.rule.dates in EPOCHS and isinstance(value, int | float | Decimal | np.number):
            return _epoch(float(value), str(self.rule.dates))
        if self.rule.has_numbers and isinstance(value, int | float | Decimal | np.number):
            return Cell(float(value), bare=self.rule.unit is not None)
        if not self.rule.dates:
            return Cell(value)
        is_whole = isinstance(value, float | np.floating) and value == int(value)
        return self._text(str(int(value)) if is_whole else str(value))

    def _text(self, text: str) -> Cell:
        bare = text.strip()
        if not bare or bare in self.words:
            return _MISSING
        if self.rule.dates:
            return self._date(bare)
        if self.rule.has_numbers:
            return self._number_of(bare)
        return _MISSING if self.numbers and _plain(bare) in self.numbers else Cell(text)

    def _number_of(self, text: str) -> Cell:
        match = self._number.fullmatch(text)
        if match is None:
            return _WRONG
        found = match.groupdict()
        units = sum(bool(found.get(place)) for place in _UNIT_PLACES)
        digits = re.sub(r"[^\d.eE+-]", "", found["whole"].replace(".", "")) + (found["rest"] or "").replace(",", ".")
        number = float(digits)
        signs = sum(map(bool, (found["sign"], found["inner"], found["open"], found["minus"])))
        if signs > 1 or units > 1 or bool(found["open"]) != bool(found["close"]):
            return _WRONG
        if found["open"] or found["minus"] or {found["sign"], found["inner"]} & {"-", "\u2212"}:
            number = -number
        if number in self.numbers:
            return _MISSING
        return Cell(number, bare=self.rule.unit is not None and not units, bound=bool(found["bound"]))

    def _date(self, text: str) -> Cell:
        if self.rule.dates in EPOCHS:
            number = _plain(text)
            if number is not None:
                return _MISSING if number in self.numbers else _epoch(number, str(self.rule.dates))
        elif match := self._moment.fullmatch(text):
            moment = _moment_of(match.groupdict())
            return _WRONG if moment is None else Cell(moment)
        return Cell(text) if _ISO.fullmatch(text) else _WRONG


def in_words(rule: CellRule) -> str:
    """How the cells of a column are written: as an example where it is a number.

    >>> in_words(CellRule(decimal=",", thousands=".", unit="EUR")), in_words(CellRule(dates="%d.%m.%Y"))
    ('such as 1.234,5 EUR', 'such as 31.12.2024')
    """
    if rule.dates in EPOCHS:
        return f"such as {round(1.7e9 / EPOCHS[rule.dates])} ({rule.dates})"
    if rule.dates:
        return f"such as {_LAST_DAY.strftime(rule.dates)}"
    if not rule.has_numbers:
        return "of the column"
    bound, unit = "<" if rule.bounds else "", f" {rule.unit}" if rule.unit else ""
    return f"such as {bound}1{rule.thousands or ''}234{rule.decimal}5{unit}"


def takes_writing(rule: CellRule | None, other: CellRule | None) -> bool:
    """Whether what is written as another rule says can be read by a rule, and means the same."""
    if other is None or other.kind is None:
        return True
    if rule is None or (rule.dates, rule.decimal, rule.unit) != (other.dates, other.decimal, other.unit):
        return False
    grouped = other.thousands is None or rule.thousands == other.thousands
    return grouped and rule.accounting >= other.accounting and rule.bounds >= other.bounds


@lru_cache(maxsize=1024)
def reader_of(rule: CellRule) -> CellReader:
    """The reader of a rule, made once."""
    return CellReader(rule)


def _plain(text: Any) -> float | None:
    try:
        return float(text.replace("\u2212", "-")) if isinstance(text, str) else float(text)
    except (ValueError, TypeError):
        return None


def _number_pattern(rule: CellRule) -> re.Pattern[str]:
    """A number with all that may stand around it; its groups are `_number_of`'s."""
    blank, sign = f"[{SPACES}]*", "[+\u2212-]"
    group, decimal = _GROUPS[rule.thousands], re.escape(rule.decimal)
    whole = rf"[1-9]\d{{0,2}}(?:{group}\d{{3}})+|\d+" if group else r"\d+"
    if rule.thousands == ",":
        whole = rf"[1-9]\d?(?:,\d{{2}})+,\d{{3}}|{whole}"  # lakh and crore
    number = rf"(?P<whole>{whole}|(?={decimal}\d))(?P<rest>(?:{decimal}\d*)?(?:[eE][+-]?\d{{1,3}})?)"
    unit = re.escape(rule.unit or "") if len(rule.unit or "") == 1 else f"(?i:{re.escape(rule.unit or '')})"
    first, second, third, fourth = (
        f"{blank}(?P<{place}>{unit})?{blank}" if rule.unit else blank for place in _UNIT_PLACES
    )
    bound = "(?P<bound>[<>\u2264\u2265]=?)?" if rule.bounds else "(?P<bound>)"
    opened, closed, minus = r"(?P<open>\()?", r"(?P<close>\))?", "(?P<minus>[-\u2212])?"
    if not rule.accounting:
        opened, closed, minus = "(?P<open>)", "(?P<close>)", "(?P<minus>)"
    before = f"{bound}{blank}(?P<sign>{sign})?{first}{opened}{second}(?P<inner>{sign})?{blank}"
    return re.compile(f"{before}{number}{third}{closed}{fourth}{minus}")


def _moment_pattern(dates: str | None) -> re.Pattern[str]:
    if dates is None or dates in EPOCHS:
        return re.compile("(?!)")
    pieces = re.split(r"(%.)", dates)
    made = "".join(_PARTS[piece[1]] if piece.startswith("%") else re.escape(piece) for piece in pieces)
    return re.compile(made + ("" if "%H" in dates else _CLOCK), re.IGNORECASE)


def _moment_of(found: dict[str, str | None]) -> str | None:
    """The ISO 8601 text of the parts of a date; None where there is no such day."""
    month = MONTHS.index(str(found["b"])[:3].casefold()) + 1 if found.get("b") else int(found["m"] or 0)
    short = int(found.get("y") or 0)
    year = int(found.get("Y") or 0) or short + (2000 if short < 69 else 1900)
    hour = int(found.get("H") or 0)
    if half := found.get("p"):
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + 12 * (half[0].casefold() == "p")
    fraction = (found.get("f") or "").ljust(6, "0")
    clock = (hour, int(found.get("M") or 0), int(found.get("S") or 0), int(fraction))
    try:
        moment = datetime(year, month, int(found["d"] or 0), *clock)
    except ValueError:
        return None
    return moment.isoformat() if found.get("H") else moment.date().isoformat()


def _epoch(number: float, dates: str) -> Cell:
    try:
        return Cell((_BEGIN + timedelta(microseconds=round(number * EPOCHS[dates] * 1e6))).isoformat())
    except (OverflowError, ValueError):
        return _WRONG
