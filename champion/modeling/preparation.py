"""From a table to train set, holdout, signature, profile and the sketch of the train rows."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from champion.errors import NotEnoughDataError
from champion.modeling import profile as profiles
from champion.modeling.cells.ruled import as_ruled
from champion.modeling.checks.wrong_cells import mended
from champion.modeling.columns import Column, infer
from champion.modeling.contract import Plan
from champion.modeling.doubts.doubt import Doubt
from champion.modeling.doubts.groups import shared
from champion.modeling.doubts.look import look
from champion.modeling.evaluation import Label
from champion.modeling.features import signature
from champion.modeling.profile import Profile
from champion.modeling.rows.train_rows import TrainRows, row_hashes
from champion.modeling.split import REPEAT, SplitRule, is_holdout, repeats, row_hashes_of
from champion.modeling.tasks.target import target_of
from champion.use_case.learning import Data


def labelled(table: pd.DataFrame, data: Data) -> tuple[pd.DataFrame, list[str]]:
    """A table without the rows that have no label, where the use case says so; and how many they were, in a sentence."""
    if data.unlabelled == "refuse" or data.target not in table or not (missing := table[data.target].isna()).any():
        return table, []
    count = f"{int(missing.sum()):,} of {len(table):,} rows have no label, and were left out (data.unlabelled: drop)."
    return table[~missing].reset_index(drop=True), [count]


class Prepared(NamedTuple):
    """Train set and holdout with all columns of the table, and what they look like; `train_rows` is the sketch as bytes.

    Where repeated rows are observations of their own, both have the column `REPEAT` too.
    """

    train: pd.DataFrame
    holdout: pd.DataFrame
    profile: Profile
    plan: Plan
    train_rows: bytes


def prepare_table(table: pd.DataFrame, data: Data, rule: SplitRule, task: str = "classification") -> Prepared:
    """Set the holdout aside, and decide what the columns are.

    Train set and holdout keep their cells as they stand in the table, whatever `data.read.columns` says: every model reads
    them by the rules that it was made with, and a rule that is new moves no row.

    What kind a column is, is read from the whole table: of the train set alone, row numbers would have gaps, and a rare
    text among numbers might be missed. Everything that is a statistic comes from the train set.

    Raises NotEnoughDataError when holdout or train set would be empty, or the train set has one class only; DataError when a
    column of a group or a time split has gaps.
    """
    table, _ = labelled(mended(table, data, rule.column)[0], data)
    if rule.label is not None:
        table = table.assign(**{REPEAT: repeats(table, rule)})
    train, holdout, hashes, classes = set_aside(table, data, rule, task)
    sketch = TrainRows.of(train, rule.of_a_row, hashes).as_bytes()
    del hashes
    left_out = [data.target, *data.drop, *([rule.column] if rule.column else []), REPEAT]
    rules = data.read.columns
    columns = infer(as_ruled(table, rules), exclude=left_out, kinds=data.kinds, rules=rules)
    known = as_ruled(train, rules)
    for position, column in enumerate(columns):
        if column.used and not known[column.name].notna().any():  # all its values stand in the holdout
            columns[position] = replace(
                column, kind="empty", used=False, why="It has no value in any row of the train set."
            )
    profile = profiles.build(known, len(holdout), data.target, columns, classes, task, data.zone, rules)
    both = {
        "holdout_class_counts": target_of(task).class_counts(holdout[data.target], classes),
        "twins": _twins(train, holdout, rule, columns),
        "doubts": _doubts(known, as_ruled(holdout, rules), data, columns, classes),
    }
    profile = profile.model_copy(update=both)
    features = signature(known, columns, data.zone, rules)
    if not features:
        raise NotEnoughDataError("No column of the train set can be used: each is constant or an identifier.")
    rows = {"train_rows": len(train), "holdout_rows": len(holdout)}
    plan = Plan(task=task, features=features, classes=tuple(classes), rule=rule, **rows)
    return Prepared(train, holdout, profile, plan, sketch)


def set_aside(
    table: pd.DataFrame, data: Data, rule: SplitRule, task: str, remedy: str | None = None
) -> tuple[pd.DataFrame, pd.DataFrame, NDArray[np.uint64], list[Label]]:
    """Split a table: train set, holdout, the hashes of the train rows, and the classes to learn.

    Raises NotEnoughDataError when train set or holdout is empty, with the `remedy` of whoever asks, or when there is nothing to
    tell apart.
    """
    hashes = row_hashes_of(table, rule)
    aside = is_holdout(table, rule, hashes)
    train, holdout = table[~aside].reset_index(drop=True), table[aside].reset_index(drop=True)
    if train.empty or holdout.empty:
        empty = "train set" if train.empty else "holdout"
        raise NotEnoughDataError(
            f"The {empty} is empty: {len(table)} rows were split by {rule.in_words()}. {remedy or _remedy(rule, train.empty)}"
        )
    return train, holdout, hashes[~aside], target_of(task).classes_to_learn(train[data.target], rule.in_words())


def _twins(train: pd.DataFrame, holdout: pd.DataFrame, rule: SplitRule, columns: list[Column]) -> int:
    """How many holdout rows have the features of a train row, as repeated observations have."""
    used = sorted(column.name for column in columns if column.used)
    if rule.by == "hash" and rule.label is None and set(rule.columns) <= set(used):
        return 0  # equal rows stand on one side
    numbers = [name for name in used if pd.api.types.is_numeric_dtype(train[name].dtype)]  # they are hashed soon
    alike = np.isin(row_hashes(holdout, numbers), row_hashes(train, numbers))
    if not alike.any():
        return 0
    return int(np.isin(row_hashes(holdout[alike], used), row_hashes(train, used)).sum())


def _doubts(
    train: pd.DataFrame, holdout: pd.DataFrame, data: Data, columns: list[Column], classes: list[Label]
) -> list[Doubt]:
    """What is doubtful about the train set as the split has it: a group that stands on one side is none."""
    apart = [name for name in data.drop if name in train and not any(column.name == name for column in columns)]
    doubts = []
    for doubt in look(train, data.target, classes, columns, apart):
        if doubt.what == "group":
            doubt = doubt.model_copy(update={"share": shared(train, holdout, doubt.columns)})
        if doubt.share and (
            doubt.what != "order" or set(doubt.columns) & {column.name for column in columns if column.used}
        ):
            doubts.append(doubt)
    return doubts


def _remedy(rule: SplitRule, train_is_empty: bool) -> str:
    if rule.by != "time":
        return "Add rows, or change split.share."
    if train_is_empty:
        return "Set split.cutoff later, leave it out, so that it moves on with the table, or give a table with earlier rows."
    return "The cutoff never moves back: give a table with later rows."
