"""Cells that are not of their column's kind: a few are missing, counted and named; many are a refusal.

The kind is the one that `data.kinds` names. Where it names none, a column of texts is numbers or moments if all but a few of its
values are, and there are too many of them to be codes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from champion.errors import DataError
from champion.modeling.cells.moments import BLOCK, are_iso
from champion.modeling.cells.numbers import text_numbers
from champion.modeling.cells.ruled import Marks, read_column
from champion.modeling.cells.units import other_units
from champion.modeling.features import FALSE_TEXTS, TRUE_TEXTS

if TYPE_CHECKING:
    import pandas as pd

    from champion.use_case.cells import CellRule
    from champion.use_case.learning import Data

FEWEST_DISTINCT = 20  # numbers or moments in a column that nobody named so, up to which they may be codes
_SAMPLE = 200
_SHOWN_VALUES, _SHOWN_ROWS = 3, 3
_CODE = re.compile(r"\s*[+-]?0\d")
_ISO = re.compile(r"\d{4}-\d\d-\d\d")
WHAT = {"numeric": "numbers", "boolean": "truth values", "datetime": "dates or times"}


@dataclass(frozen=True)
class WrongCells:
    """The cells of a column that are not of a kind; `wrong` is of shape (rows,), and a row counts from 1."""

    name: str
    kind: str
    wrong: NDArray[np.bool_]
    filled: int
    values: Mapping[str, Sequence[int]]  # the first of them, with the rows in which they stand
    unit: str = ""  # that most of them have in place of the column's

    @property
    def share(self) -> float:
        """Of the cells that hold anything."""
        return float(self.wrong.sum()) / max(self.filled, 1)

    def in_words(self) -> str:
        """How many there are, and which."""
        named = sum(map(len, self.values.values()))
        unit = f", in the unit {self.unit!r}" if self.unit else ""
        return in_words(self.name, self.kind, (int(self.wrong.sum()), self.filled, named), self.values) + unit


class CountedCells:
    """The same of a column that comes in chunks."""

    def __init__(self, name: str, kind: str) -> None:
        self.name, self.kind = name, kind
        self.count = self.filled = self._named = 0
        self._values: dict[str, list[int]] = {}

    def add(self, filled: int, count: int, wrong: Sequence[tuple[int, str]]) -> None:
        """Count cells that hold anything, and those not of the kind; `wrong` are rows, from 1, and texts of some of them."""
        self.filled += filled
        self.count += count
        for row, text in wrong:
            if text in self._values or len(self._values) < _SHOWN_VALUES:
                self._named += 1
                rows = self._values.setdefault(text, [])
                if len(rows) <= _SHOWN_ROWS:
                    rows.append(row)

    def are_few(self, most: float) -> bool:
        """Whether they are no larger a share of the cells that hold anything."""
        return self.count <= most * self.filled

    def in_words(self) -> str:
        """How many there are, and which."""
        return in_words(self.name, self.kind, (self.count, self.filled, self._named), self._values)


def in_words(name: str, kind: str, counts: tuple[int, int, int], values: Mapping[str, Sequence[int]]) -> str:
    """How many of a column's cells are of another kind, and which; `values` are the first of them, with their rows.

    `counts`: how many they are, how many cells hold anything, and how many of the first hold one of the values.
    """
    count, filled, named = counts
    each = []
    for value, rows in values.items():
        listed = ", ".join(f"{row:,}" for row in rows[:_SHOWN_ROWS])
        each.append(
            f"{value!r} (row{'s' if len(rows) > 1 else ''} {listed}{', ...' if len(rows) > _SHOWN_ROWS else ''})"
        )
    more = " and others" if named < count else ""
    return f"{count:,} of {filled:,} values of {name!r} are no {WHAT[kind]}: {', '.join(each)}{more}"


def mended(table: pd.DataFrame, data: Data, split_column: str | None = None) -> tuple[pd.DataFrame, list[str]]:
    """A table in which the few cells that are not of their column's kind are missing; and which they were, in sentences.

    What `data.read.columns` says of a column is asked first: its cells stay as they are written, and those that do not fit are
    missing; bounds, and numbers without the unit, are told. Raises DataError where more than `data.max_bad_cells` of a column are
    not of the kind that the use case names.
    """
    left_out = {data.target, *data.drop, split_column}
    said: list[str] = []
    copied = False
    for position, name in enumerate(table.columns):
        column, rule = table[name], data.read.columns.get(str(name))
        if name in left_out or (rule is None and not _is_of_texts(column)):
            continue
        named = data.kinds.get(str(name))
        read, marks = read_column(column, rule)
        if rule is not None and rule.kind:
            found: WrongCells | None = by_rule(column, rule, marks)
            said += _told(column, rule, marks)
        elif named in WHAT:
            found = wrong_cells(read, named)
        else:
            found = None if named or not _is_of_texts(read) else _of_most(read, data.max_bad_cells)
        if found is None or not found.wrong.any():
            continue
        if found.share > data.max_bad_cells:
            where = "data.read.columns" if rule is not None and rule.kind else "data.kinds"
            raise DataError(
                f"The column {found.name!r} is {found.kind} in {where}, but {found.in_words()}. That is more than "
                f"data.max_bad_cells = {data.max_bad_cells:g} allows. Mend or empty them, or correct {where}."
            )
        if not copied:
            table, copied = table.copy(deep=False), True
        table.isetitem(position, column.mask(found.wrong).array)
        said.append(f"{found.in_words()}. They are read as missing (data.max_bad_cells).")
    return table, said


def by_rule(column: pd.Series, rule: CellRule, marks: Marks) -> WrongCells:
    """The cells of a column that do not fit its rule, as `marks` has them, and the unit that most of them have."""
    places: dict[str, list[int]] = {}
    texts: Counter[str] = Counter()
    for row in np.flatnonzero(marks.wrong).tolist():
        text = str(column.iloc[row])
        texts[text] += 1
        if text in places or len(places) < _SHOWN_VALUES:
            places.setdefault(text, []).append(row + 1)
    unit, count = next(iter(other_units(texts).most_common(1)), ("", 0)) if rule.unit else ("", 0)
    most = unit if count > marks.wrong.sum() / 2 else ""
    return WrongCells(str(column.name), str(rule.kind), marks.wrong, int(column.count()), places, most)


def _told(column: pd.Series, rule: CellRule, marks: Marks) -> list[str]:
    """What is to be known of cells that were read: bounds, and numbers without the unit where others have it, or none has."""
    said, filled = [], int(column.count())
    if bounds := int(marks.bound.sum()):
        first = str(column.iloc[int(marks.bound.argmax())])
        said.append(
            f"{bounds:,} of {filled:,} values of {column.name!r} are bounds, as {first!r}: taken for the number."
        )
    if bare := int(marks.bare.sum()):
        said.append(f"{bare:,} of {filled:,} values of {column.name!r} have no unit: taken to be in {rule.unit!r}.")
    return said


def wrong_cells(column: pd.Series, kind: str | None, most: float = 1.0) -> WrongCells:
    """The cells of a column that are not of a kind; where they are a larger share than `most`, the first of them are enough."""
    import pandas as pd

    filled = int(column.count())
    wrong = np.zeros(len(column), dtype=np.bool_)
    values: dict[str, list[int]] = {}
    for start, block in _blocks(column):
        if kind == "datetime" and block.dtype == "str" and are_iso(block.array):  # most are, which is soon known
            continue
        codes, uniques = pd.factorize(block)
        texts = [str(value) for value in uniques]
        good = _FITS[str(kind)](texts)
        wrong[start : start + len(block)] = ~np.append(good, True)[codes]
        for number in np.flatnonzero(~good):
            if texts[number] in values or len(values) < _SHOWN_VALUES:
                rows = np.flatnonzero(codes == number) + start + 1
                values.setdefault(texts[number], []).extend(rows.tolist())
        if wrong.sum() / max(filled, 1) > most:
            break
    return WrongCells(str(column.name), str(kind), wrong, filled, values)


def _blocks(column: pd.Series) -> Iterator[tuple[int, pd.Series]]:
    """A column piece by piece, each with its first row."""
    for start in range(0, len(column), BLOCK):
        yield start, column.iloc[start : start + BLOCK]


def _is_of_texts(column: pd.Series) -> bool:
    import pandas as pd

    if column.dtype == object:
        return all(isinstance(value, str) for value in _first_filled(column))
    return isinstance(column.dtype, pd.CategoricalDtype) or column.dtype == "str"


def _first_filled(column: pd.Series) -> pd.Series:
    return column.iloc[np.flatnonzero(column.notna().to_numpy())[:_SAMPLE]]


def _of_most(column: pd.Series, most: float) -> WrongCells | None:
    """The few cells that are no numbers or moments, where all the others are; None where there are more, or none."""
    some = [str(value) for value in _first_filled(column)]
    for kind in ("numeric", "datetime"):
        if not some or _FITS[kind](some).mean() < 0.5:
            continue
        found = wrong_cells(column, kind, most)
        if 0 < found.share <= most and _are_no_codes(column[~found.wrong], kind):
            return found
    return None


def _are_no_codes(fitting: pd.Series, kind: str) -> bool:
    """Whether cells that fit a kind are too many different ones to be codes, and are written as none is."""
    known: set[object] = set()
    for _, block in _blocks(fitting):
        texts = block.dropna().unique()
        if kind == "numeric" and any(_CODE.match(str(value)) for value in texts):
            return False
        if kind == "datetime" and not all(_ISO.match(str(value)) for value in texts):
            return False
        if len(known) <= FEWEST_DISTINCT:
            known.update(texts)
    return len(known) > FEWEST_DISTINCT


def _numbers(texts: list[str]) -> NDArray[np.bool_]:
    import pyarrow as pa

    numbers: NDArray[np.float64] = text_numbers(pa.array(texts, pa.string())).to_numpy(zero_copy_only=False)
    return np.isfinite(numbers)


def _booleans(texts: list[str]) -> NDArray[np.bool_]:
    known = TRUE_TEXTS | FALSE_TEXTS
    return np.array([text.strip().casefold() in known for text in texts], dtype=np.bool_)


def _moments(texts: list[str]) -> NDArray[np.bool_]:
    import pandas as pd

    moments: Any = pd.to_datetime(pd.Series(texts, dtype="str"), utc=True, errors="coerce", format="mixed")
    fits: NDArray[np.bool_] = moments.notna().to_numpy()
    return fits


_FITS: dict[str, Any] = {"numeric": _numbers, "boolean": _booleans, "datetime": _moments}
