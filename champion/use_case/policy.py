"""Policy: when a challenger becomes the champion, and when new data count as drift. No step that trains imports it."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from champion.use_case.strict import Strict

Share = Annotated[float, Field(gt=0, lt=1)]


class Promotion(Strict):
    """When a challenger becomes the champion."""

    metric: str = Field(default="accuracy", description="Any scikit-learn scorer of the task.")
    min_score: float | None = Field(default=None, description="A challenger below this never becomes the champion.")
    min_gain: float = Field(default=0.0, ge=0, description="The challenger must gain strictly more than this.")
    guardrails: dict[str, float] = Field(
        default_factory=dict,
        description="Scorer: the change that is just tolerated, e.g. -0.02 for at most two points lost.",
    )
    max_p_value: float | None = Field(
        default=None, gt=0, le=1, description="With a value: McNemar's paired test gates the promotion."
    )
    replace_unjudged: bool = Field(
        default=False, description="Whether a challenger replaces a champion that cannot be judged."
    )
    fields: Literal["same", "may_drop", "any"] = Field(
        default="may_drop",
        description="What may change for clients: nothing, fields may go that the service then ignores, or anything.",
    )
    classes: Literal["keep", "any"] = Field(
        default="keep", description="`keep`: a challenger answers every class that the champion answers."
    )


class Drift(Strict):
    """When new data count as drift."""

    alpha: float = Field(
        default=0.05, gt=0, le=0.5, description="The most false alarms for a whole table, all columns together."
    )
    min_effect: Share = Field(
        default=0.1, description="Share of rows that must have moved; whatever moves fewer does not matter."
    )
    min_rows: int = Field(default=50, ge=30, description="With fewer rows nothing is judged.")
    ignore: tuple[str, ...] = Field(default=(), description="Columns that may change as they like.")
    effects: dict[str, Share] = Field(
        default_factory=dict,
        description="Another `min_effect` for a column. A moment is judged only where it stands here.",
    )

    @model_validator(mode="after")
    def _judged_or_ignored(self) -> "Drift":
        both = sorted(set(self.ignore) & set(self.effects))
        if both:
            raise ValueError(f"{both[0]!r} stands in drift.ignore and in drift.effects; keep one of the two")
        return self


class ComparisonRules(Strict):
    """What a comparison depends on, and nothing else: the cache key of an evaluation."""

    use_case: str
    target: str
    metric: str
    guardrails: tuple[str, ...]
    min_overlap: int
    seed: int
    replace_unjudged: bool = False
    trusted_code: tuple[str, ...] = Field(default=(), exclude_if=lambda hashes: not hashes)  # own code that may be run
