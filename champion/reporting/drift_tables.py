"""The tables and sentences of a drift report, written once and rendered as HTML and as Markdown."""

from __future__ import annotations

from champion.drift.report import DriftReport, FeatureDrift
from champion.reporting.tables import Column, Row, Table
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


def about(report: DriftReport) -> Table:
    """What was compared with what."""
    rows = [
        Row(("use case", clean(report.use_case))),
        Row(("champion", f"v{report.model_version}, trained on data {report.data_version[:12]}")),
        Row(("reference", f"the profile of its train set, {counted(report.reference_rows, 'row')}")),
        Row(("new data", f"{clean(report.source)}, {counted(report.current_rows, 'row')}")),
        *([Row(("since", moment(report.since)))] if report.since else []),
        Row(("checked", moment(report.created))),
        Row(("false alarms", f"at most {percent(report.alpha)} of tables without drift")),
        Row(("what matters", f"at least {percent(report.min_effect)} of the rows moved")),
    ]
    return Table("What was compared", (Column("what", "word"), Column("found", "text")), rows)


def features(report: DriftReport) -> Table:
    """Every feature and the predictions, worst first."""
    shown = [*([report.predictions] if report.predictions else []), *report.features]
    shown = sorted(shown, key=lambda each: each.verdict != "drift")
    rows = [
        Row(
            (
                clean(each.name), each.kind, WORDS[each.verdict], TESTS[each.test] if each.test else NOTHING,
                NOTHING if each.statistic is None else number(each.statistic),
                NOTHING if each.p_corrected is None else p_value(each.p_corrected),
                NOTHING if each.effect is None else percent(each.effect), percent(each.threshold), clean(each.reason, 400),
            ),
            "failed" if each.verdict == "drift" else "",
        )
        for each in shown[:FEATURE_ROWS]
    ]  # fmt: skip
    columns = (
        Column("feature", "name"), Column("type", "word"), Column("verdict", "word"), Column("test", "word"),
        Column("statistic", "number"), Column("corrected p", "number"), Column("rows moved", "number"),
        Column("threshold", "number"), Column("why", "text"),
    )  # fmt: skip
    hidden = len(shown) - len(rows)
    note = f"{counted(hidden, 'more feature')} in drift.json." if hidden > 0 else ""
    return Table("Features, worst first", columns, rows, note)


def quality(report: DriftReport) -> Table:
    """Counts and shares of every feature."""
    rows = [
        Row(
            (
                clean(each.name), count(each.reference_rows), count(each.current_rows), percent(each.reference_missing),
                percent(each.missing), percent(each.wrong), _share(each.outside), _share(each.unseen), _unseen(each),
            )
        )
        for each in sorted(report.features, key=lambda each: each.name)[:FEATURE_ROWS]
    ]  # fmt: skip
    columns = (
        Column("feature", "name"), Column("values in training", "number"), Column("values now", "number"),
        Column("missing in training", "number"), Column("missing now", "number"), Column("of another type", "number"),
        Column("out of range", "number"), Column("unseen", "number"), Column("unseen categories", "text"),
    )  # fmt: skip
    return Table("Counts, missing, unseen and out of range", columns, rows)


def _share(value: float | None) -> str:
    return NOTHING if value is None else percent(value)


def _unseen(each: FeatureDrift) -> str:
    return ", ".join(f"{clean(one.value, 30)} ({count(one.rows)})" for one in each.unseen_values) or NOTHING


def schema(report: DriftReport) -> Table:
    """Columns that are not as in training."""
    rows = [Row((clean(each.column), each.what, clean(each.text, 300))) for each in report.schema_differences]
    return Table(
        "Columns that differ", (Column("column", "name"), Column("what", "word"), Column("found", "text")), rows
    )
