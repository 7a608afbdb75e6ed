"""From a table to train set, holdout, signature and profile."""

from dataclasses import replace

import pandas as pd

from champion.errors import NotEnoughDataError
from champion.modeling import profile as profiles
from champion.modeling.checks.wrong_cells import mended
from champion.modeling.columns import infer
from champion.modeling.contract import Plan
from champion.modeling.features import signature
from champion.modeling.profile import Profile
from champion.modeling.split import SplitRule, is_holdout
from champion.modeling.tasks.target import target_of
from champion.use_case.learning import Data


def labelled(table: pd.DataFrame, data: Data) -> tuple[pd.DataFrame, list[str]]:
    """A table without the rows that have no label, where the use case says so; and how many they were, in a sentence."""
    if data.unlabelled == "refuse" or data.target not in table or not (missing := table[data.target].isna()).any():
        return table, []
    count = f"{int(missing.sum()):,} of {len(table):,} rows have no label, and were left out (data.unlabelled: drop)."
    return table[~missing].reset_index(drop=True), [count]


def prepare_table(
    table: pd.DataFrame, data: Data, rule: SplitRule, task: str = "classification"
) -> tuple[pd.DataFrame, pd.DataFrame, Profile, Plan]:
    """Set the holdout aside, and decide what the columns are: train set and holdout with all columns, profile and plan.

    What kind a column is, is read from the whole table: of the train set alone, row numbers would have gaps, and a rare
    text among numbers might be missed. Everything that is a statistic comes from the train set.

    Raises NotEnoughDataError when holdout or train set would be empty, or the train set has one class only; DataError when a
    column of a group or a time split has gaps.
    """
    table, _ = labelled(mended(table, data, rule.column)[0], data)
    aside = is_holdout(table, rule)
    train, holdout = table[~aside].reset_index(drop=True), table[aside].reset_index(drop=True)
    if train.empty or holdout.empty:
        empty = "train set" if train.empty else "holdout"
        raise NotEnoughDataError(
            f"The {empty} is empty: {len(table)} rows were split by {rule.in_words()}. Add rows, or change split.share."
        )
    classes = target_of(task).classes_to_learn(train[data.target], rule.in_words())
    left_out = [data.target, *data.drop, *([rule.column] if rule.column else [])]
    columns = infer(table, exclude=left_out, kinds=data.kinds)
    for position, column in enumerate(columns):
        if column.used and not train[column.name].notna().any():  # all its values stand in the holdout
            columns[position] = replace(
                column, kind="empty", used=False, why="It has no value in any row of the train set."
            )
    profile = profiles.build(train, len(holdout), data.target, columns, classes, task, data.zone)
    features = signature(train, columns, data.zone)
    if not features:
        raise NotEnoughDataError(
            "No column of the train set can be used: each is constant, an identifier or free text."
        )
    rows = {"train_rows": len(train), "holdout_rows": len(holdout)}
    plan = Plan(task=task, features=features, classes=tuple(classes), rule=rule, **rows)
    return train, holdout, profile, plan
