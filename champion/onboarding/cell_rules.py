"""How the cells of a new use case's columns are written: the rules that `init` finds, says, and writes into the YAML."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from champion.errors import counted
from champion.modeling.cells.finding import is_marker, of_texts
from champion.modeling.cells.found import Found
from champion.modeling.cells.sentinels import of_numbers
from champion.modeling.columns import NEARLY_ALL, Column
from champion.use_case.cells import CellRule

if TYPE_CHECKING:
    import pandas as pd

_GROUP = 1000  # a number with three decimals, as 1.234, may be a group of thousands
_MOST = 6  # columns of which one sentence tells


@dataclass(frozen=True)
class CellRules:
    """The rules of columns with the reason of each, the columns that hold codes, and what somebody is asked, as comments."""

    rules: Mapping[str, CellRule] = field(default_factory=dict)
    why: Mapping[str, str] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    asked: Sequence[str] = ()

    def in_sentences(self) -> list[str]:
        """What is said of them."""
        said = [f"{name!r} has a rule in data.read.columns: {why}." for name, why in self.why.items()]
        more = len(said) - _MOST
        said = said[:_MOST] + ([f"{more} more columns have a rule in data.read.columns."] if more > 0 else [])
        if self.asked:
            said.append(
                f"{counted(len(self.asked), 'question', 'questions')} about cells: see the comments in data.read."
            )
        return said

    def with_codes(self, columns: Sequence[Column], frame: pd.DataFrame) -> list[Column]:
        """What the columns are, where some are numbers by their digits and codes by their names."""
        made = []
        for column in columns:
            if column.kind == "numeric" and column.name in self.codes:
                filled, distinct = frame[column.name].count(), frame[column.name].nunique()
                used = bool(distinct < NEARLY_ALL * filled)
                why = self.codes[column.name] + ("" if used else " Nearly every row has one of its own.")
                column = Column(column.name, "categorical" if used else "identifier", used, why)
            made.append(column)
        return made


def find(frame: pd.DataFrame, target: str, as_texts: Callable[[Sequence[str]], Mapping[str, pd.Series]]) -> CellRules:
    """Find the rules of all columns but the target; `as_texts` gives columns of numbers as a file of texts has them."""
    import pandas as pd

    found: dict[str, Found] = {}
    texts: dict[str, dict[str, int]] = {}
    numbers, asked = [], list[str]()
    for name in map(str, frame.columns):
        column = frame[name]
        if name == target:
            asked += _asked_of_labels(target, column)
            continue
        if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
            numbers.append(name)
        elif _is_of_texts(column):
            texts[name] = {str(text): int(count) for text, count in column.value_counts().items()}
    for name, written in as_texts([name for name in numbers if _may_be_grouped(frame[name])]).items():
        texts[name] = {str(text): int(count) for text, count in written.value_counts().items()}
    for name in numbers:
        values = frame[name].dropna().to_numpy(dtype=float)
        found[name] = of_numbers(name, values)
    first = {name: of_texts(name, counts) for name, counts in texts.items()}
    certain = {each.decimal for each in first.values() if each.decimal}
    certain |= {
        "." for name in numbers if name not in texts and frame[name].dtype.kind == "f" and (frame[name] % 1 > 0).any()
    }
    known = certain.pop() if len(certain) == 1 else None
    for name, each in first.items():
        again = of_texts(name, texts[name], known) if each.asked else each
        if name not in found or again.rule or again.asked:
            found[name] = again
    ruled = {name: each for name, each in found.items() if each.rule is not None}
    return CellRules(
        {name: each.rule for name, each in ruled.items() if each.rule is not None},
        {name: each.why for name, each in ruled.items()},
        {name: each.why for name, each in found.items() if each.kind},
        [*asked, *(each.asked for each in found.values() if each.asked)],
    )


def _asked_of_labels(target: str, column: pd.Series) -> list[str]:
    """What is asked of labels that may stand for none."""
    words = [
        (text, count)
        for text, count in column.value_counts().items()
        if isinstance(text, str) and is_marker(text.strip())
    ]
    return [
        f"{text!r} is a class of {target!r} ({count:,} rows). If it is no label: add it to missing, and say unlabelled: drop"
        for text, count in words
    ]


def _is_of_texts(column: pd.Series) -> bool:
    import pandas as pd

    if column.dtype == object:
        return all(isinstance(value, str) for value in column.dropna())
    return isinstance(column.dtype, pd.CategoricalDtype) or column.dtype == "str"


def _may_be_grouped(column: pd.Series) -> bool:
    """Whether all numbers have at most three decimals and at most three digits before them, as 1.234 for 1234 has."""
    import numpy as np

    if column.dtype.kind != "f":
        return False
    values = column.dropna().to_numpy(dtype=float)
    if not len(values) or np.abs(values).max() >= _GROUP or np.abs(values).min() < 1 or (values % 1 == 0).all():
        return False
    return bool(np.allclose(values * _GROUP, np.round(values * _GROUP), rtol=0, atol=1e-6))
