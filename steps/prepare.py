"""Split the table, decide the signature, and take profile and sketch of the train set."""

from typing import Annotated

import pandas as pd
from zenml import step

from champion.modeling.contract import Plan
from champion.modeling.profile import Profile
from champion.modeling.split import SplitRule
from champion.orchestration.materializers.files import PageMaterializer
from champion.orchestration.materializers.table import TableMaterializer
from champion.use_case.learning import Data

MATERIALIZERS = {"train_set": TableMaterializer, "holdout": TableMaterializer, "profile": PageMaterializer}


@step(output_materializers=MATERIALIZERS)
def prepare(
    table: pd.DataFrame, data: Data, rule: SplitRule, task: str
) -> tuple[
    Annotated[pd.DataFrame, "train_set"],
    Annotated[pd.DataFrame, "holdout"],
    Annotated[Profile, "profile"],
    Annotated[Plan, "plan"],
    Annotated[bytes, "train_rows"],
]:
    """Set the holdout aside, and decide what the columns are and what of them a model sees.

    Train set and holdout have all columns of the registered table, target included, and an index from 0.
    """
    from champion.modeling.preparation import prepare_table

    train_set, holdout, profile, plan, train_rows = prepare_table(table, data, rule, task)
    return train_set, holdout, profile, plan, train_rows
