"""What training found, as values: labels, candidates, and what is measured of one model.

Everything here is JSON-able; labels are strings, integers or booleans as in the table.
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
