"""What a model was made for, and what preparing a table decided: every later step goes by them."""

from champion.modeling.evaluation import CLASSIFICATION, Frozen, Label
from champion.modeling.features import Feature
from champion.modeling.split import SplitRule


class Contract(Frozen):
    """The columns that a model takes, and what it answers: one of the `classes`, where its task knows any."""

    task: str = CLASSIFICATION  # of `champion.modeling.tasks`
    features: tuple[Feature, ...]
    classes: tuple[Label, ...] = ()


class Plan(Contract):
    """The contract of one train set, and the rule by which it was split off."""

    rule: SplitRule
    train_rows: int
    holdout_rows: int
