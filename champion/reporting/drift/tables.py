"""The tables and sentences of a drift report, written once and rendered as HTML and as Markdown."""

from __future__ import annotations

from champion.drift.report import DriftReport, FeatureDrift
from champion.reporting.tables import Row, Table, columns
from champion.reporting.words import NOTHING, clean, count, counted, moment, number, p_value, percent

BADGES = {"drift": "Drift", "none": "No drift", "not_enough": "Not enough data", "schema": "Other columns"}
WORDS = {"drift": "drift", "none": "no drift", "not_enough": "not enough data", "ignored": "not judged"}
TESTS = {
    "rank": "rank sum",
    "shape": "Kuiper",
    "cells": "chi-square",
    "rare": "rare category",
    "missing": "missing share",
}
FEATURE_ROWS = 300


def headline(report: DriftReport) -> str:
    """The verdict in one sentence."""
    drifted = [each.name for each in report.features if each.verdict == "drift"]
    if report.verdict == "schema":
        return "These data are not what the champion was trained on."
    if report.verdict == "not_enough":
        return "There are not enough data to judge."
    if report.verdict == "none":
        return f"No drift in {counted(len(report.features), 'feature')}."
    if drifted:
        return f"{counted(len(drifted), 'feature')} of {count(len(report.features))} drifted."
    moved = report.predictions is not None and report.predictions.verdict == "drift"
    return "The predictions drifted." if moved else "The champion has become worse."


def worst_first(report: DriftReport) -> list[FeatureDrift]:
    """The features and the predictions, those that drifted before the others."""
    every = [*([report.predictions] if report.predictions else []), *report.features]
    return sorted(every, key=lambda each: each.verdict != "drift")


def about(report: DriftReport) -> Table:
    """What was compared with what."""
    pairs = {
        "use case": clean(report.use_case),
        "champion": f"v{report.model_version}, trained on data {report.data_version[:12]}",
        "reference": f"the profile of its train set, {counted(report.reference_rows, 'row')}",
        "new data": f"{clean(report.source)}, {counted(report.current_rows, 'row')}",
        "since": moment(report.since) if report.since else "",
        "checked": moment(report.created),
        "false alarms": f"at most {percent(report.alpha)} of tables without drift",
        "what matters": f"at least {percent(report.min_effect)} of the rows moved",
    }
    rows = [Row(pair) for pair in pairs.items() if pair[1]]
    return Table("What was compared", columns({"what": "word", "found": "text"}), rows)


def features(report: DriftReport) -> Table:
    """Every feature and the predictions, worst first."""
    every = worst_first(report)
    rows = [Row(_judged(each), "failed" if each.verdict == "drift" else "") for each in every[:FEATURE_ROWS]]
    heads = columns({
        "feature": "name", "type": "word", "verdict": "word", "test": "word", "statistic": "number",
        "corrected p": "number", "rows moved": "number", "threshold": "number", "why": "text",
    })  # fmt: skip
    hidden = len(every) - len(rows)
    return Table(
        "Features, worst first", heads, rows, f"{counted(hidden, 'more feature')} in drift.json." if hidden else ""
    )


def _judged(each: FeatureDrift) -> tuple[str, ...]:
    test = TESTS.get(each.test, each.test) if each.test else NOTHING
    statistic = NOTHING if each.statistic is None else number(each.statistic)
    p = NOTHING if each.p_corrected is None else p_value(each.p_corrected)
    shares = (_share(each.effect), percent(each.threshold))
    return clean(each.name), each.kind, WORDS[each.verdict], test, statistic, p, *shares, clean(each.reason, 400)


def quality(report: DriftReport) -> Table:
    """Counts and shares of every feature."""
    rows = []
    for each in sorted(report.features, key=lambda each: each.name)[:FEATURE_ROWS]:
        counts = (count(each.reference_rows), count(each.current_rows))
        shares = map(_share, (each.reference_missing, each.missing, each.wrong, each.outside, each.unseen))
        unseen = ", ".join(f"{clean(one.value, 30)} ({count(one.rows)})" for one in each.unseen_values) or NOTHING
        rows.append(Row((clean(each.name), *counts, *shares, unseen)))
    heads = columns({
        "feature": "name", "values in training": "number", "values now": "number", "missing in training": "number",
        "missing now": "number", "of another type": "number", "out of range": "number", "unseen": "number",
        "unseen categories": "text",
    })  # fmt: skip
    return Table("Counts, missing, unseen and out of range", heads, rows)


def _share(value: float | None) -> str:
    return NOTHING if value is None else percent(value)


def schema(report: DriftReport) -> Table:
    """Columns that are not as in training."""
    rows = [Row((clean(each.column), each.what, clean(each.text, 300))) for each in report.schema_differences]
    return Table("Columns that differ", columns({"column": "name", "what": "word", "found": "text"}), rows)
