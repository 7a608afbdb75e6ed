"""What preparing a table settled, and every later step goes by."""

from pydantic import BaseModel, ConfigDict

from ml.evaluation import Label
from ml.features import Feature
from ml.split import SplitRule


class Plan(BaseModel):
    """Signature, classes and split rule of one train set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    features: tuple[Feature, ...]
    classes: tuple[Label, ...]  # of the train set; a model predicts their places
    rule: SplitRule
    train_rows: int
    holdout_rows: int
