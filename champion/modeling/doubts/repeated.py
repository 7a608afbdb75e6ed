"""Whether equal rows are copies of one row, or observations of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from champion.modeling.doubts.groups import FEW, FEWEST_GROUPS
from champion.modeling.doubts.sample import MOST_LABELS, counts_of, sampled_rows
from champion.modeling.rows.train_rows import row_hashes

if TYPE_CHECKING:
    import pandas as pd

MOSTLY = 0.5  # share of the rows with an equal one beside them, above which the split must know what they are
_SEED = 20_260_103


class RepeatedRows(NamedTuple):
    """The `share` of the rows that have an equal one in all features beside them, and whether their labels make them copies."""

    share: float
    copies: bool

    @property
    def are_observations(self) -> bool:
        """Whether each row is to be placed by itself."""
        return self.share > MOSTLY and not self.copies


def repeated_rows(frame: pd.DataFrame, features: Sequence[str], target: str) -> RepeatedRows:
    """Measure the repeated rows of a table.

    They are copies where equal rows, of many different ones, have one label as chance does not have it: a table that was
    written twice, or visits of patients whose features never change. Each on its own side, they would be learned and asked.
    """
    import pandas as pd

    rows = sampled_rows(len(frame))
    if len(rows) < len(frame):
        counts = np.unique(row_hashes(frame.iloc[rows], features), return_counts=True)[1]
        if (counts * (counts - 1) // 2).sum() < 0.1 * len(rows) ** 2 / len(
            frame
        ):  # half of the rows in pairs have 0.25
            return RepeatedRows(0.0, copies=False)
    hashes = row_hashes(frame, features)
    _, groups, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    several = counts[groups] > 1
    share = float(several.mean())
    labels = pd.factorize(frame[target])[0][several]
    if share <= MOSTLY or (counts > 1).sum() < FEWEST_GROUPS or labels.max() >= MOST_LABELS:
        return RepeatedRows(share, copies=False)
    groups = np.unique(groups[several], return_inverse=True)[1]
    random = np.random.default_rng(_SEED)
    found, chance = (
        (part := counts_of(groups, each)).sum() - part.max(axis=1).sum()
        for each in (labels, random.permutation(labels))
    )
    return RepeatedRows(share, copies=bool(chance > 0 and found <= FEW * chance))
