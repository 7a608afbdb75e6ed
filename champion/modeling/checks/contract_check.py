"""A table beside the champion's signature: what differs is named, so that no column changes its meaning in silence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from champion.errors import DataError, listed
from champion.modeling.cells.moments import without_sentinels
from champion.modeling.cells.ruled import as_ruled, read_column
from champion.modeling.cells.units import are_fractions
from champion.modeling.checks.wrong_cells import WHAT, wrong_cells
from champion.modeling.columns import describe
from champion.modeling.features import MOST_CATEGORIES, Feature, as_categories, as_days, as_numbers

if TYPE_CHECKING:
    import pandas as pd

    from champion.use_case.learning import Data

MANY_OUTSIDE = 0.05  # share of rows beyond the range of training
CHANGED = 0.5  # share of values of another kind, from which a column is another one, and not one with errors


def check_contract(table: pd.DataFrame, signature: Sequence[Feature], data: Data) -> list[str]:
    """Name, in sentences, how a table differs from the signature of the champion.

    Columns that are gone or new, kinds that changed, values missing where there were none, categories and ranges that the
    champion did not know. Raises DataError where a column of numbers, dates or truth values holds more others than
    `data.max_bad_cells`, and data.kinds does not say that it is another one now.
    """
    written, table = table, as_ruled(table, data.read.columns)
    known, left_out = {feature.name for feature in signature}, {data.target, *data.drop}
    gone = [feature.name for feature in signature if feature.name not in table or feature.name in left_out]
    said = [f"The champion uses {listed(gone)}, which the table no longer has as a feature."] if gone else []
    new = [
        str(name)
        for name in table
        if name not in known | left_out
        and describe(table[name], data.kinds.get(str(name)), data.read.columns.get(str(name))).used
    ]
    said += [f"The champion does not know {listed(new)}; the challenger learns from it."] if new else []
    gaps, unseen, outside = [], [], []
    for feature in signature:
        if feature.name in gone:
            continue
        column = table[feature.name]
        changed = _of_another_kind(column, feature, data) or _of_another_unit(written[feature.name], feature, data)
        if changed:
            said.append(changed)
            continue
        if not feature.nullable and (missing := int(column.isna().sum())):
            gaps.append(f"{feature.name!r} ({missing:,} rows)")
        if feature.kind == "categorical" and feature.categories and len(feature.categories) < MOST_CATEGORIES:
            texts = {text for text in as_categories(column, feature.dtype) if isinstance(text, str)}
            if others := len(texts - set(feature.categories)):
                unseen.append(f"{feature.name!r} ({others:,})")
        if share := _outside(column, feature):
            outside.append(f"{feature.name!r} ({share:.0%} of the rows)")
    said += [f"Values are missing where the champion knew none to be: {_few(gaps)}."] if gaps else []
    said += [f"Categories that the champion did not learn: {_few(unseen)}."] if unseen else []
    said += [f"Values beyond the range that the champion learned from: {_few(outside)}."] if outside else []
    return said


def _outside(column: pd.Series, feature: Feature) -> float:
    """The share of rows beyond a range, where it is more than the few that any other sample has."""
    if feature.minimum is None or feature.maximum is None:
        return 0.0
    if feature.kind == "datetime":
        values = without_sentinels(as_days(column, feature.clock), feature.sentinels)
    else:
        values = as_numbers(column)
    share = float(((values < feature.minimum) | (values > feature.maximum)).mean())
    return share if share > MANY_OUTSIDE else 0.0


def _of_another_kind(column: pd.Series, feature: Feature, data: Data) -> str | None:
    """Say that a column is of another kind than the champion's; refuse one that is the same, with many errors."""
    named = data.kinds.get(feature.name)
    today = describe(column, named, data.read.columns.get(feature.name))
    if today.kind == ("text" if feature.free_text else feature.kind) or (
        today.used and {today.kind, feature.kind} == {"numeric", "boolean"}
    ):
        return None
    odd = wrong_cells(column, feature.kind) if feature.kind in WHAT else None
    which = f" {odd.in_words()}." if odd is not None and odd.wrong.any() else f" {today.why}"
    if odd is not None and not named and data.max_bad_cells < odd.share < CHANGED:
        raise DataError(
            f"The column {feature.name!r} is {feature.kind} for the champion, but {odd.in_words()}. That is more than "
            f"data.max_bad_cells = {data.max_bad_cells:g} allows. Mend or empty them, or say in data.kinds what it is now."
        )
    remedy = "" if named else " Where it should stay what it was, say so in data.kinds."
    return f"The column {feature.name!r} was {feature.kind} for the champion, and is {today.kind}.{which}{remedy}"


def _of_another_unit(column: pd.Series, feature: Feature, data: Data) -> str | None:
    """Say that the numbers of a column have another unit than the champion's, or are fractions where it had percent."""
    before, now = feature.rule, data.read.columns.get(feature.name)
    ours, theirs = (rule.unit if rule is not None else None for rule in (now, before))
    if ours == theirs:
        numbers, marks = read_column(column, now)
        if ours != "%" or not are_fractions(as_numbers(numbers)[marks.bare], ours, feature.minimum, feature.maximum):
            return None
        return (
            f"The numbers of {feature.name!r} have no % and seem to be fractions, as 0.1234 where the champion knew 12.34 %: "
            "write them in percent."
        )
    units = [f"the unit {unit!r}" if unit else "no unit" for unit in (theirs, ours)]
    return f"The numbers of {feature.name!r} had {units[0]} for the champion, and have {units[1]} in data.read.columns."


def _few(each: Sequence[str], most: int = 8) -> str:
    return ", ".join(each[:most]) + (f" and {len(each) - most} more" if len(each) > most else "")
