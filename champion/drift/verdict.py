"""The verdict over a whole table, and its reason in a sentence or two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from champion.drift.counts import FeatureCounts
from champion.drift.judge import Judged, all_the_same
from champion.drift.report import LiveScore, SchemaDifference, Verdict
from champion.errors import DONE, FAILED, GATE_SAID_NO, NOT_ENOUGH_DATA, listed
from champion.use_case.policy import Drift


@dataclass(frozen=True)
class Compared:
    """A table beside a profile, feature by feature.

    Attributes
    ----------
    differences : sequence of SchemaDifference
        Columns that are not as in training.
    live : LiveScore, optional
        Where there are labels.
    """

    reference_rows: int
    rows: int
    counts: Mapping[str, FeatureCounts]
    judged: Judged
    differences: Sequence[SchemaDifference]
    live: LiveScore | None


def table_verdict(table: Compared, rules: Drift) -> tuple[Verdict, str]:
    """Judge the table: other columns come before too few rows, and those before drift.

    Parameters
    ----------
    table : Compared
        What was found.
    """
    broken = [each for each in table.differences if each.what != "new"]
    if broken:
        return "schema", f"{_differences(broken)} What can be compared is below."
    lacking = _too_little(table, rules)
    if lacking:
        return "not_enough", lacking
    found = _drift(table)
    if found:
        return "drift", found
    judgeable = [each for each in table.judged.features if each.verdict != "ignored"]
    if judgeable and all(each.verdict == "not_enough" for each in judgeable):
        return "not_enough", f"No column has {rules.min_rows} values on both sides. Collect more."
    return "none", f"{table.rows:,} new rows look like the {table.reference_rows:,} that the champion was trained on."


def _too_little(table: Compared, rules: Drift) -> str:
    fewest = min(table.rows, table.reference_rows)
    if fewest < rules.min_rows:
        which = "new rows" if table.rows <= table.reference_rows else "rows in training"
        return f"There are {fewest:,} {which}; a verdict takes {rules.min_rows}. Collect more."
    if all_the_same(table.counts):
        return f"All {table.rows:,} rows are the same: they say no more than one. Look at what collects them."
    return ""


def _drift(table: Compared) -> str:
    drifted = [each.name for each in table.judged.features if each.verdict == "drift"]
    predictions = table.judged.predictions
    what = [f"The values of {listed(drifted)} changed."] if drifted else []
    if predictions is not None and predictions.verdict == "drift":
        what.append("The champion answers other classes than before.")
    if table.live is not None and table.live.worse:
        what.append("It is right less often than when it was promoted.")
    return " ".join(what)


def _differences(broken: Sequence[SchemaDifference]) -> str:
    missing = [each.column for each in broken if each.what == "missing"]
    other = [each.column for each in broken if each.what == "type"]
    parts = [f"The data lack the column(s) {listed(missing)}."] if missing else []
    return " ".join(
        [*parts, *([f"The column(s) {listed(other)} hold another type than in training."] if other else [])]
    )


def exit_code(verdict: Verdict, fail_on: str) -> int:
    """The code that a verdict ends the command with.

    Parameters
    ----------
    fail_on : str
        ``drift``: any verdict but "no drift" has its code; ``schema``: drift is no failure; ``never``: nothing is.
    """
    codes = {"none": DONE, "drift": GATE_SAID_NO, "not_enough": NOT_ENOUGH_DATA, "schema": FAILED}
    if fail_on == "never" or (fail_on == "schema" and verdict == "drift"):
        return DONE
    return codes[verdict]
