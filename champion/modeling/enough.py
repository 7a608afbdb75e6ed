"""Whether a table is enough for a run of its use case: what a run finds out only after it has split the table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from champion.modeling.checks.wrong_cells import mended
from champion.modeling.preparation import labelled, set_aside
from champion.modeling.split import REPEAT, moments, repeats, rule_for
from champion.modeling.tasks.learning import learning_of
from champion.modeling.tasks.target import target_of

if TYPE_CHECKING:
    import pandas as pd

    from champion.use_case.whole import UseCase


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
