"""The verdict over a whole table with its reason, how good the champion is where labels are known, and the exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from champion.drift.counts import FeatureCounts
from champion.drift.judge import JudgedFeatures, all_the_same
from champion.drift.report import LiveScore, SchemaDifference, Verdict
from champion.errors import DONE, FAILED, GATE_SAID_NO, NOT_ENOUGH_DATA, listed
from champion.use_case.policy import Drift


@dataclass(frozen=True)
class ComparedTable:
    """A table beside a profile, feature by feature; `live` where there are labels."""

    reference_rows: int
    rows: int
    counts: Mapping[str, FeatureCounts]
    judged: JudgedFeatures
    differences: Sequence[SchemaDifference]
    live: LiveScore | None


def table_verdict(table: ComparedTable, rules: Drift) -> tuple[Verdict, str]:
    """Judge the table: other columns come before too few rows, and those before drift."""
    missing = [each.column for each in table.differences if each.what == "missing"]
    other = [each.column for each in table.differences if each.what == "type"]
    if missing or other:
        sentences = [f"The data lack the column(s) {listed(missing)}."] if missing else []
        sentences += [f"The column(s) {listed(other)} hold another type than in training."] if other else []
        return "schema", f"{' '.join(sentences)} What can be compared is below."
    fewest = min(table.rows, table.reference_rows)
    if fewest < rules.min_rows:
        which = "new rows" if table.rows <= table.reference_rows else "rows in training"
        return "not_enough", f"There are {fewest:,} {which}; a verdict takes {rules.min_rows}. Collect more."
    if all_the_same(table.counts):
        same = f"All {table.rows:,} rows are the same: they say no more than one. Look at what collects them."
        return "not_enough", same
    drift = _drift(table)
    if drift:
        return "drift", drift
    judgeable = [each for each in table.judged.features if each.verdict != "ignored"]
    if judgeable and all(each.verdict == "not_enough" for each in judgeable):
        return "not_enough", f"No column has {rules.min_rows} values on both sides. Collect more."
    return "none", f"{table.rows:,} new rows look like the {table.reference_rows:,} that the champion was trained on."


def _drift(table: ComparedTable) -> str:
    drifted = [each.name for each in table.judged.features if each.verdict == "drift"]
    predictions = table.judged.predictions
    sentences = [f"The values of {listed(drifted)} changed."] if drifted else []
    if predictions is not None and predictions.verdict == "drift":
        sentences.append("The champion answers other classes than before.")
    if table.live is not None and table.live.worse:
        sentences.append("It is right less often than when it was promoted.")
    return " ".join(sentences)


def exit_code(verdict: Verdict, fail_on: str) -> int:
    """The code that a verdict ends the command with.

    With ``drift`` any verdict but "no drift" has its code, with ``schema`` drift is no failure, and with ``never`` nothing is.
    """
    codes = {"none": DONE, "drift": GATE_SAID_NO, "not_enough": NOT_ENOUGH_DATA, "schema": FAILED}
    if fail_on == "never" or (fail_on == "schema" and verdict == "drift"):
        return DONE
    return codes[verdict]


def live_score(right: int, rows: int, unmatched: int, promoted: float, promoted_rows: int, min_rows: int) -> LiveScore:
    """Set the champion's live accuracy on so many labelled rows against the one it was promoted with; rows of both at least 1."""
    low, high = wilson(right, rows)
    down, up = difference(right, rows, promoted, promoted_rows)
    enough = rows >= min_rows
    worse = enough and up < 0
    score = right / rows
    words = "worse than it was promoted with" if worse else "no worse than chance explains"
    if not enough:
        words = "too few rows to say more"
    return LiveScore(
        rows=rows, unmatched=unmatched, right=right, score=score, low=low, high=high, promoted=promoted,
        promoted_rows=promoted_rows, change_low=down, change_high=up, worse=worse, enough=enough,
        text=f"{score:.1%} of {rows:,} labelled rows are right (95 % interval {low:.1%} to {high:.1%}), beside {promoted:.1%} "
        f"of {promoted_rows:,} when it was promoted: {words}.",
    )  # fmt: skip


def wilson(right: int, rows: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share (Wilson 1927).

    Examples
    --------
    >>> [round(end, 3) for end in wilson(9, 10)]
    [0.596, 0.982]
    """
    z = float(ndtri((1 + level) / 2))
    share = right / rows
    centre = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    return max(0.0, centre - float(half)), min(1.0, centre + float(half))


def difference(right: int, rows: int, before: float, rows_before: int) -> tuple[float, float]:
    """The interval of a share less another one, from both Wilson intervals (Newcombe 1998, method 10)."""
    low, high = wilson(right, rows)
    low_before, high_before = wilson(round(before * rows_before), rows_before)
    share = right / rows
    down = float(np.hypot(share - low, high_before - before))
    up = float(np.hypot(high - share, before - low_before))
    return share - before - down, share - before + up
