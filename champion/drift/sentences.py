"""Why a feature has its verdict, in one sentence."""

from __future__ import annotations

from champion.drift.compare import PREDICTIONS, Compared, Decisive, Part
from champion.drift.report import Finding
from champion.use_case.policy import Drift


def reason(each: Compared, verdict: Finding, decisive: Decisive, rules: Drift) -> str:
    """Say what led to the verdict of a feature."""
    shown = decisive.part
    if verdict == "ignored":
        named = each.column.name in rules.ignore
        moment = "Time goes on: a moment is judged only where drift.effects names it."
        return "The use case ignores it." if named else moment
    if verdict == "not_enough" or shown is None:
        fewest = min(each.reference_rows - each.column.missing, each.counts.values)
        return f"Only {fewest:,} values on one side, fewer than the {rules.min_rows} that a verdict takes."
    if verdict == "drift":
        return _what_moved(each, shown)
    if not decisive.significant:
        return "No difference beyond what chance explains."
    return f"There is a difference, but only {shown.effect:.1%} of the rows moved; {each.threshold:.0%} would matter."


def _what_moved(each: Compared, shown: Part) -> str:
    counts, column = each.counts, each.column
    if shown.test == "missing":
        before = column.missing / each.reference_rows
        now = (counts.missing + counts.wrong) / counts.rows
        return f"{now:.1%} of the rows have no usable value; it was {before:.1%} in training."
    moved = f"{shown.effect:.0%} of the rows moved"
    if column.kind == PREDICTIONS:
        return (
            f"{moved}: the classes are not as frequent as in training, by more than the champion's own errors explain."
        )
    if column.edges is None:
        new = f"; {counts.unseen_rows:,} rows hold categories that training had not" if counts.unseen_rows else ""
        one = "one rare category" if shown.test == "rare" else "categories"
        return f"{moved} {'into or out of' if shown.test == 'rare' else 'between'} {one}{new}."
    means = f"the mean went from {column.mean:.4g} to {counts.mean:.4g}"
    return f"{moved}: {means}." if shown.test == "rank" else f"{moved}: the values spread differently, {means}."
