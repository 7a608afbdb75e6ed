"""Whether a table is enough for a run of its use case, and which salt splits it well: what else is found out after the split."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from champion.modeling.checks.wrong_cells import mended
from champion.modeling.preparation import labelled, set_aside
from champion.modeling.split import REPEAT, is_holdout, moments, repeats, rule_for
from champion.modeling.tasks.learning import learning_of
from champion.modeling.tasks.target import target_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from champion.use_case.whole import UseCase

SALTS, FEW_ROWS = 20, 20_000  # tried, on so many rows at most: with more, chance leaves the split well
LEAST, MOST = 0.8, 1.25  # of the wanted share, in a holdout that is split well


def require_enough(frame: pd.DataFrame, use_case: UseCase, remedy: str) -> None:
    """Split a table as the first run would, and make the folds that rank candidates; nothing is trained.

    Raises NotEnoughDataError, with the `remedy` for an empty train set or holdout, or when the train set has one class, or none
    that a fold could learn from.
    """
    data, split, fitting = use_case.data, use_case.split, use_case.fitting()
    rule = rule_for(frame, data, split)
    table, _ = labelled(mended(frame, data, rule.column)[0], data)
    if rule.label is not None:
        table = table.assign(**{REPEAT: repeats(table, rule)})
    train, _, _, classes = set_aside(table, data, rule, use_case.task, remedy)
    learned = learning_of(use_case.task).encode(
        target_of(use_case.task).canonical_labels(train[data.target]), tuple(classes)
    )
    groups = None if fitting.group is None else train[fitting.group].astype(str).to_numpy()
    when = None if fitting.time is None else moments(train[fitting.time])
    learning_of(use_case.task).folds(learned, groups, fitting, when)


def salt_of(frame: pd.DataFrame, use_case: UseCase, salts: Iterable[str]) -> tuple[str, str | None]:
    """The first salt that splits a table well, and what is wrong with the first of all, in words, where that is another.

    Chance may leave a holdout of a few dozen rows without a class, or with half of the rows that are wanted. A good one has
    0.8 to 1.25 of its share and every class that so large a part should have; the train set has every class. Where no
    salt gives that, it is the one that lacks the fewest classes, and of those the one nearest to the share. Nothing
    but share and classes is looked at, and that once, before any model has been judged.
    """
    data, split, target = use_case.data, use_case.split, target_of(use_case.task)
    table, _ = labelled(mended(frame, data, split.column)[0], data)
    classes = target.classes_to_learn(table[data.target], "init")
    whole = np.array(target.class_counts(table[data.target], classes))
    tried: list[tuple[int, float, str, str]] = []
    for salt in islice(salts, SALTS if len(table) <= FEW_ROWS else 1):
        rule = rule_for(table, data, split.model_copy(update={"salt": salt}))
        ready = table if rule.label is None else table.assign(**{REPEAT: repeats(table, rule)})
        aside = is_holdout(ready, rule)
        judging = np.array(target.class_counts(table[data.target][aside], classes))
        lacking = ((judging == 0) & (whole * split.share >= 1)) | (judging == whole)
        share = float(aside.mean()) / split.share
        wrong = _wrong_split(share * split.share, split.share, [classes[place] for place in np.flatnonzero(lacking)])
        tried.append((int(lacking.sum()), abs(float(np.log(max(share, 1e-9)))), salt, wrong))
        if not wrong:
            break
    best = tried[-1] if not tried[-1][-1] else min(tried, key=lambda each: each[:2])
    return best[2], tried[0][-1] if best is not tried[0] else None


def _wrong_split(share: float, wanted: float, lacking: list[Any]) -> str:
    """What is wrong with a split; empty where it is good."""
    faults = []
    if not LEAST <= share / wanted <= MOST:
        faults.append(f"{share:.0%} of the rows would judge, where {wanted:.0%} are wanted")
    if lacking:
        more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
        faults.append(f"holdout or train set would have no row of {', '.join(map(repr, lacking[:3]))}{more}")
    return ", and ".join(faults)
