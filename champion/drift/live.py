"""How good the champion is on new rows, once their labels are known."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtri

from champion.drift.report import LiveScore


def live_score(right: int, rows: int, unmatched: int, promoted: float, promoted_rows: int, min_rows: int) -> LiveScore:
    """Set the champion's live accuracy against the one it was promoted with.

    Parameters
    ----------
    right, rows : int
        Labelled rows, and those of them that the champion got right; at least one row.
    unmatched : int
        Rows without a label.
    promoted : float
        Accuracy on the holdout, of `promoted_rows` rows.
    promoted_rows : int
        At least one.
    min_rows : int
        With fewer labelled rows nothing is said.
    """
    low, high = wilson(right, rows)
    down, up = difference(right, rows, promoted, promoted_rows)
    enough = rows >= min_rows
    worse = enough and up < 0
    score = right / rows
    so = (
        "too few rows to say more" if not enough else "worse than it was promoted with" if worse
        else "no worse than chance explains"
    )  # fmt: skip
    return LiveScore(
        rows=rows, unmatched=unmatched, right=right, score=score, low=low, high=high, promoted=promoted,
        promoted_rows=promoted_rows, change_low=down, change_high=up, worse=worse, enough=enough,
        text=f"{score:.1%} of {rows:,} labelled rows are right (95 % interval {low:.1%} to {high:.1%}), beside {promoted:.1%} "
        f"of {promoted_rows:,} when it was promoted: {so}.",
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
