"""From a table to train set, holdout, signature and profile."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from ml import profile as profiles
from ml.columns import infer
from ml.errors import NotEnoughDataError
from ml.evaluation import Label
from ml.features import signature
from ml.plan import Plan
from ml.profile import Profile
from ml.split import is_holdout, rule_for
from ml.table import canonical_labels, class_list
from ml.use_case import Data, Split


def prepare_table(
    table: pd.DataFrame, data: Data, split: Split
) -> tuple[pd.DataFrame, pd.DataFrame, Profile, Plan]:
    """Set the holdout aside, and learn from the train set alone what the columns are.

    Parameters
    ----------
    table : DataFrame, shape (rows, columns)
        Target included.
    data, split : Data, Split
        Of the use case.

    Returns
    -------
    train_set, holdout : DataFrame
        All columns, index from 0.
    profile : Profile
    plan : Plan

    Raises
    ------
    NotEnoughDataError
        When holdout or train set would be empty, or the train set has one class only.
    DataError
        When a column of a group or a time split has gaps.
    """
    rule = rule_for(table, data, split)
    aside = is_holdout(table, rule)
    train, holdout = table[~aside].reset_index(drop=True), table[aside].reset_index(drop=True)
    if train.empty or holdout.empty:
        empty = "train set" if train.empty else "holdout"
        raise NotEnoughDataError(
            f"The {empty} is empty: {len(table)} rows were split by {rule.in_words()}. Add rows, or change split.share."
        )
    classes = class_list(canonical_labels(train[data.target]))
    if len(classes) < 2:
        raise NotEnoughDataError(
            f"The train set has one class only ({classes[0]!r}) of {len(train)} rows, split by {rule.in_words()}. Add rows of "
            "the others, or change split.salt or split.share."
        )
    left_out = [data.target, *data.drop, *([split.column] if split.column else [])]
    columns = infer(train, exclude=left_out, kinds=data.kinds)
    profile = profiles.build(train, len(holdout), data.target, columns, classes)
    features = signature(train, columns)
    if not features:
        raise NotEnoughDataError("No column of the train set can be used: each is constant, an identifier or free text.")
    plan = Plan(
        features=features, classes=tuple(classes), rule=rule, train_rows=len(train), holdout_rows=len(holdout),
        warnings=tuple(_unseen(classes, class_list(canonical_labels(holdout[data.target])))),
    )  # fmt: skip
    return train, holdout, profile, plan


def _unseen(trained: Sequence[Label], asked: Sequence[Label]) -> list[str]:
    unseen = [str(label) for label in asked if label not in trained]
    if not unseen:
        return []
    return [f"The holdout has {len(unseen)} class(es) that the train set lacks: {', '.join(unseen[:10])}. No model can get them right."]
