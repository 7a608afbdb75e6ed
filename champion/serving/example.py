"""One row that looks like the training data, made from its profile: for the API docs, the page and smoke tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from champion.modeling.features import Feature
from champion.modeling.profile import SECONDS_PER_DAY, ColumnProfile, Profile

_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)


def example_row(features: Sequence[Feature], profile: Profile) -> dict[str, Any]:
    """Make one row that the signature allows.

    Parameters
    ----------
    profile : Profile
        Of the train set; a feature without an entry takes the middle of its range.

    Returns
    -------
    dict
        For every feature the median or the most frequent value, as JSON has it.
    """
    columns = {column.name: column for column in profile.columns}
    return {feature.name: _value(feature, columns.get(feature.name)) for feature in features}


def _value(feature: Feature, column: ColumnProfile | None) -> Any:
    if feature.kind == "boolean":
        return bool(column and column.categories and column.categories[0] == "true")
    if feature.kind == "categorical":
        known = (column.categories if column else None) or feature.categories or ("",)
        return known[0]
    if feature.kind == "datetime":
        seconds = _middle(feature, column, SECONDS_PER_DAY)
        return (_BEGIN + timedelta(seconds=round(seconds))).isoformat().replace("+00:00", "Z")
    middle = _middle(feature, column, 1.0)
    return round(middle) if "int" in feature.dtype.lower() else float(f"{middle:.4g}")


def _middle(feature: Feature, column: ColumnProfile | None, unit: float) -> float:
    """The median edge of the profile's bins; without them the middle of the range, times a unit."""
    if column and column.edges:
        return column.edges[len(column.edges) // 2]
    if feature.minimum is None or feature.maximum is None:
        return 0.0
    return (feature.minimum / 2 + feature.maximum / 2) * unit
