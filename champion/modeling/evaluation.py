"""What training found, as values: labels, candidates, and what is measured of one model.

Everything here is JSON-able; labels are strings, integers or booleans as in the table.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

Label = bool | int | str
TOLERANCE = 1e-6  # of a probability, between two backends of a model
CLASSIFICATION = "classification"  # the task of what does not name one


class Frozen(BaseModel):
    """A frozen value that accepts no key it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Importance(Frozen):
    """Loss of the promotion metric when one column is shuffled, over the repeats."""

    feature: str
    mean: float
    std: float


class Trial(Frozen):
    """One point of a search."""

    params: dict[str, Any]
    mean: float
    std: float


class FailedFit(Frozen):
    """Why a candidate could not be trained."""

    reason: str
    configuration: bool  # whether what is wrong stands in the use case


class CandidateResult(Frozen):
    """How one candidate did on the train set; no holdout row was seen."""

    name: str
    estimator: str
    params: dict[str, Any]  # as fitted, with what the search chose
    cv_mean: float | None  # None: the only candidate, so there was nothing to rank
    cv_std: float | None
    seconds: float
    trials: list[Trial] = Field(default_factory=list)  # empty without a search
    chosen: bool = False
    threshold: float | None = Field(default=None, exclude_if=lambda threshold: threshold is None)  # that was tuned
    folds: int = Field(
        default=0, exclude_if=lambda folds: not folds
    )  # of the cross-validation; 0: none, or not told by 0.1
    rank_rows: int | None = Field(default=None, exclude_if=lambda rows: rows is None)  # that ranked, where not all did
    folds_without_score: int = Field(default=0, exclude_if=lambda folds: not folds)  # that the metric has no meaning in
    cut_by_chance: tuple[str, ...] = Field(
        default=(), exclude_if=lambda names: not names
    )  # estimators that set rows aside, or cross-validate, inside fit, and tear groups or times apart
    failed: FailedFit | None = Field(default=None, exclude_if=lambda failure: failure is None)


class PairedTest(Frozen):
    """A sign test on the rows that both were asked: of classes, McNemar's; of numbers, right is who comes closer.

    Source: McNemar (1947), in the exact binomial form; see Dietterich (1998), Neural Computation 10(7).
    """

    both_right: int
    only_challenger_right: int
    only_champion_right: int
    both_wrong: int
    p_value: float  # two-sided


class EquivalenceReport(Frozen):
    """What the equivalence check found, a file of the package: which backend answers few rows, and why."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True, serialize_by_alias=True)

    backend: str = Field(alias="way")  # of `champion.modeling.arrays.BACKENDS`, or "native": the model itself
    reason: str
    holdout_rows: int = 0
    grid_rows: int = 0
    threshold_rows: int = 0
    labels_differ: int = 0
    largest_difference: float = 0.0
    tolerance: float = TOLERANCE
