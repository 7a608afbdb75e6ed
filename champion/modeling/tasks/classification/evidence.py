"""What is measured of a model that knows classes, as values; no step that trains reaches this."""

from pydantic import Field

from champion.modeling.evaluation import Frozen, Label


class Curve(Frozen):
    """A line of one class against all others, thinned to at most some hundred points."""

    label: Label
    x: list[float]
    y: list[float]
    area: float | None = None  # ROC: AUC; precision-recall: average precision; calibration: None
    counts: list[int] | None = None  # calibration: rows per bin


class ClassScore(Frozen):
    """One row of the per-class table."""

    label: Label
    precision: float
    recall: float
    f1: float
    support: int


class ClassEvidence(Frozen):
    """What is measured of a model that knows classes, in the order of the evaluation's; another task leaves it empty."""

    per_class: list[ClassScore] = Field(default_factory=list)
    confusion: list[list[int]] = Field(default_factory=list)  # rows: truth, columns: prediction
    roc: list[Curve] = Field(default_factory=list)  # the curves are empty where the estimator has no probabilities
    precision_recall: list[Curve] = Field(default_factory=list)
    calibration: list[Curve] = Field(default_factory=list)  # x: mean probability of a bin, y: share that was right
