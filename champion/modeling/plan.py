"""What preparing a table settled, and every later step goes by."""

from pydantic import BaseModel, ConfigDict

from champion.modeling.evaluation import Label
from champion.modeling.features import Feature
from champion.modeling.split import SplitRule


class Plan(BaseModel):
    """Signature, classes and split rule of one train set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    features: tuple[Feature, ...]
    classes: tuple[Label, ...]  # of the train set; a model predicts their places
    rule: SplitRule
    train_rows: int
    holdout_rows: int
