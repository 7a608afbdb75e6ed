"""All that is looked for in a table, at once."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from champion.modeling.columns import Column, unreadable
from champion.modeling.doubts.doubt import Doubt
from champion.modeling.doubts.groups import look_for_groups
from champion.modeling.doubts.leaks import look_for_leaks
from champion.modeling.doubts.sample import MOST_LABELS, sample_of
from champion.modeling.evaluation import Label

if TYPE_CHECKING:
    import pandas as pd


def look(
    frame: pd.DataFrame, target: str, classes: Sequence[Label], columns: Sequence[Column], apart: Collection[str] = ()
) -> list[Doubt]:
    """What is doubtful about a table whose target has some classes; of more than `MOST_LABELS`, or of none, nothing is said.

    `columns` are those that may be features. `apart` are others, such as dropped ones: they may name the thing that a row is
    of, but leak nothing.
    """
    import pandas as pd

    labels = pd.factorize(frame[target])[0].astype(np.int64)
    if not 2 <= len(classes) <= MOST_LABELS or (labels < 0).any():
        return []
    names = [*(column.name for column in columns), *apart]
    sample = sample_of(frame, [name for name in names if frame[name].notna().any() and not unreadable(frame[name])])
    features = [column.name for column in columns if column.used and column.name in sample.codes]
    groups = look_for_groups(frame, sample, features, labels)
    known = {*groups.columns, *groups.others} if groups and len(groups.columns) == 1 else set()
    rest = [column for column in columns if column.name in sample.codes and column.name not in known]
    return [*([groups] if groups else []), *look_for_leaks(sample, rest, labels)]
