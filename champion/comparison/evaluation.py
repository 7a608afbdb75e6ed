"""What a comparison found, as values: the one object that decision, report and comment are made from.

Every sequence per class follows `Evaluation.classes`.
"""

from typing import Any

from pydantic import Field

from champion.modeling.evaluation import CandidateResult, ClassScore, Curve, Evidence, Importance, Label, PairedTest


class Performance(Evidence):
    """Champion or challenger on the judged rows."""

    role: str  # "champion" or "challenger"
    number: int | None  # model version; None for a challenger that has none yet
    candidate: str  # name in the use case
    estimator: str
    params: dict[str, Any]
    scores: dict[str, float]  # by scorer name, higher is better
    per_class: list[ClassScore]
    confusion: list[list[int]]  # rows: truth, columns: prediction, in the order of Evaluation.classes
    roc: list[Curve]  # empty where the estimator has no probabilities
    precision_recall: list[Curve]
    calibration: list[Curve]  # x: mean predicted probability of a bin, y: share that was right
    importance: list[Importance]  # most important first


class ComparisonRows(Evidence):
    """On which rows both were asked."""

    train: int
    holdout: int
    judged: int  # fewer than holdout where the split rule changed
    overlap_only: bool  # True: only rows that are holdout under both rules were used
    missing_classes: list[Label]  # classes that no judged row has
    smallest_gain: float  # smallest gain in accuracy that McNemar's test tells from noise (p <= 0.05) here
    sampled_for_importance: int  # rows used for importance


class Evaluation(Evidence):
    """The evidence of one run."""

    use_case: str
    metric: str
    classes: list[Label]
    rows: ComparisonRows
    candidates: list[CandidateResult]  # best first
    challenger: Performance
    champion: Performance | None
    champion_unjudged: str | None  # why an existing champion could not be judged
    paired: PairedTest | None
    alone: Performance | None = None  # the challenger on its whole holdout, where `rows.overlap_only`
    warnings: list[str] = Field(default_factory=list)
