"""What an evaluation found, as values: the one object that decision, report and comment are made from.

Everything here is JSON-able; labels are strings, integers or booleans as in the table, and every sequence per class
follows `Evaluation.classes`.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

Label = bool | int | str


class Evidence(BaseModel):
    """A frozen value."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Curve(Evidence):
    """A line of one class against all others, thinned to at most some hundred points."""

    label: Label
    x: list[float]
    y: list[float]
    area: float | None = None  # ROC: AUC; precision-recall: average precision; calibration: None
    counts: list[int] | None = None  # calibration: rows per bin


class ClassScore(Evidence):
    """One row of the per-class table."""

    label: Label
    precision: float
    recall: float
    f1: float
    support: int


class Importance(Evidence):
    """Loss of the promotion metric when one column is shuffled, over the repeats."""

    feature: str
    mean: float
    std: float


class Performance(Evidence):
    """Champion or challenger in the exam."""

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


class Trial(Evidence):
    """One point of a search."""

    params: dict[str, Any]
    mean: float
    std: float


class CandidateResult(Evidence):
    """How one candidate did on the train set; no holdout row was seen."""

    name: str
    estimator: str
    params: dict[str, Any]  # as fitted, with what the search chose
    cv_mean: float | None  # None: the only candidate, so there was nothing to rank
    cv_std: float | None
    seconds: float
    trials: list[Trial] = Field(default_factory=list)  # empty without a search
    chosen: bool = False


class PairedTest(Evidence):
    """McNemar's exact test on the rows that both were asked.

    Source: McNemar (1947), in the exact binomial form; see Dietterich (1998), Neural Computation 10(7).
    """

    both_right: int
    only_challenger_right: int
    only_champion_right: int
    both_wrong: int
    p_value: float  # two-sided


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
