"""Whether the numbers of new rows have the unit that they had in training: another one is named, and is no drift."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from champion.bundle.parsing import Parsed
from champion.drift.report import FeatureDrift, SchemaDifference
from champion.modeling.cells.units import are_fractions, other_units
from champion.modeling.features import Feature

_MOST = 0.5  # of the values, from which a column has another unit
_SAMPLE = 10_000  # numbers without a unit that are looked at


class UnitCount:
    """The units of one feature's cells, chunk by chunk."""

    def __init__(self, feature: Feature) -> None:
        self.feature = feature
        self.values = self.bare = 0
        self._others: Counter[str] = Counter()
        self._numbers: list[NDArray[np.float64]] = []

    def add(self, column: pa.Array, parsed: Parsed) -> None:
        """Count a chunk: its cells as they stand there, and as they were read."""
        marks = parsed.marks[self.feature.name]
        self.values += len(column) - column.null_count
        if marks.wrong.any():
            texts = column.filter(pa.array(marks.wrong)).cast(pa.string()).value_counts().to_pylist()
            self._others.update(other_units({each["values"]: each["counts"] for each in texts}))
        if marks.bare.any():
            if self.bare < _SAMPLE:
                self._numbers.append(parsed.block.numbers[marks.bare, 0])
            self.bare += int(marks.bare.sum())

    def difference(self) -> SchemaDifference | None:
        """What is said where most values have another unit, or are fractions of what they were."""
        feature, unit = self.feature, self.feature.rule.unit if self.feature.rule is not None else None
        other, count = next(iter(self._others.most_common(1)), ("", 0))
        text = None
        if count > _MOST * self.values:
            text = f"{count:,} of {self.values:,} values are in {other!r}; in training they were in {unit!r}."
        elif self.bare > _MOST * self.values and are_fractions(
            np.concatenate(self._numbers), unit, feature.minimum, feature.maximum
        ):
            text = f"{self.bare:,} of {self.values:,} values have no {unit!r} and seem to be fractions: 0.1234 where 12.34 % was."
        return None if text is None else SchemaDifference(column=feature.name, what="type", text=text)

    def note(self) -> str | None:
        """What is said of numbers without the unit."""
        if not self.bare:
            return None
        unit = self.feature.rule.unit if self.feature.rule is not None else None
        return f"{self.bare:,} of {self.values:,} values of {self.feature.name!r} have no unit: they are taken to be in {unit!r}."


def unit_counts(features: Sequence[Feature]) -> dict[str, UnitCount]:
    """What counts for the features whose numbers have a unit."""
    return {each.name: UnitCount(each) for each in features if each.rule is not None and each.rule.unit}


def unjudged(features: Sequence[FeatureDrift], differences: Sequence[SchemaDifference]) -> list[FeatureDrift]:
    """Verdicts of features, without those of a feature whose unit is another one."""
    why = {each.column: each.text for each in differences}
    return [
        each.model_copy(update={"verdict": "not_enough", "reason": why[each.name]})
        if each.name in why and each.verdict != "ignored"
        else each
        for each in features
    ]
