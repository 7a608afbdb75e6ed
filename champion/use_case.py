"""The use case: one strict, frozen model of the YAML under ``configs/``.

It says which data, which target, which candidates, and when to promote. What cannot be checked without importing
scikit-learn (does the estimator exist, does it have this parameter) is checked in `champion.modeling.estimators`.
"""

import re
from datetime import date, datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from champion.errors import ConfigurationError, nearest

Kind = Literal["numeric", "categorical", "boolean", "datetime", "text"]
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)]
CandidateName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=60)]

Share = Annotated[float, Field(gt=0, lt=1)]


class Strict(BaseModel):
    """A frozen model that accepts no key it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Data(Strict):
    """Where the table is, and what its columns mean."""

    path: str = Field(description="CSV or Parquet file, relative to the repository.")
    target: str = Field(description="The column to predict.")
    drop: tuple[str, ...] = Field(default=(), description="Columns that are no features.")
    kinds: dict[str, Kind] = Field(
        default_factory=dict,
        description="What a column is, where the inferred kind is not what you want.",
    )


class Split(Strict):
    """Which rows are the holdout, for ever."""

    share: float = Field(default=0.2, gt=0, lt=1, description="Share of rows (or groups) set aside for judging.")
    by: Literal["hash", "group", "time"] = Field(
        default="hash",
        description="hash: of the row's features; group: of `column`, so that a group stays together; "
        "time: rows from `cutoff` on.",
    )
    column: str | None = Field(default=None, description="The column of a group or a time split; never a feature.")
    salt: str = Field(default="", description="Another salt draws another holdout (not for a time split).")
    cutoff: int | float | datetime | date | None = Field(
        default=None,
        description="First moment of the holdout of a time split; left out, the champion's is kept, "
        "or the first run takes the one that gives `share`.",
    )
    min_overlap: int = Field(
        default=30,
        ge=1,
        description="When the rule changed: the fewest rows, holdout under both rules, on which to decide.",
    )

    @model_validator(mode="after")
    def _column_where_needed(self) -> "Split":
        if self.by in ("group", "time") and not self.column:
            raise ValueError(f"split by {self.by} needs `column`, the {self.by} column")
        if self.by == "hash" and self.column:
            raise ValueError("`column` goes with `by: group` or `by: time`")
        if self.cutoff is not None and self.by != "time":
            raise ValueError("`cutoff` goes with `by: time`")
        return self


class Candidate(Strict):
    """One estimator family with its parameters or search space."""

    estimator: str = Field(description="Import path of a scikit-learn classifier.")
    params: dict[str, Any] = Field(default_factory=dict, description="Parameters of the estimator.")
    search: dict[str, tuple[Any, ...]] = Field(
        default_factory=dict, description="Parameter grid, cross-validated on the train set alone."
    )


class Training(Strict):
    """How candidates are fitted and ranked."""

    folds: int = Field(default=5, ge=2, le=20, description="Folds of the cross-validation on the train set.")
    seed: int = Field(
        default=42,
        ge=0,
        description="Seed of folds, samples, and of every estimator without a random_state of its own.",
    )


class Promotion(Strict):
    """When a challenger takes the title."""

    metric: str = Field(default="accuracy", description="Any scikit-learn classification scorer.")
    min_score: float | None = Field(default=None, description="A challenger below this never takes the title.")
    min_gain: float = Field(default=0.0, ge=0, description="The challenger must gain strictly more than this.")
    guardrails: dict[str, float] = Field(
        default_factory=dict,
        description="Scorer: the change that is just tolerated, e.g. -0.02 for at most two points lost.",
    )
    max_p_value: float | None = Field(
        default=None, gt=0, le=1, description="With a value: McNemar's paired test gates the promotion."
    )
    replace_unjudged: bool = Field(
        default=False, description="Whether a challenger replaces a champion that today's table cannot judge."
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


class Resources(Strict):
    """What a step asks a cluster for."""

    cpu: float = Field(default=1.0, gt=0, description="Cores; a part of one too.")
    memory: str = Field(default="2Gi", description="As 512Mi or 16Gi.")

    @field_validator("memory")
    @classmethod
    def _whole_binary_unit(cls, value: str) -> str:
        if not re.fullmatch(r"[1-9][0-9]*(Mi|Gi)", value):
            raise ValueError(f"found {value!r}, expected a whole number of Mi or Gi, such as 512Mi or 16Gi")
        return value


class Fitting(Strict):
    """What fitting a candidate depends on, and nothing else: the cache key of a training step."""

    target: str
    metric: str
    folds: int
    seed: int
    group: str | None  # the group column, whose groups no fold may tear apart
    ranked: bool  # whether there is a rival to be ranked against


class ComparisonRules(Strict):
    """What an exam depends on, and nothing else: the cache key of an evaluation."""

    use_case: str
    target: str
    metric: str
    guardrails: tuple[str, ...]
    min_overlap: int
    seed: int


class UseCase(Strict):
    """One use case, as its YAML says it."""

    name: Name = Field(description="Names the model, its package and its reports.")
    data: Data
    split: Split = Field(default_factory=Split)
    candidates: dict[CandidateName, Candidate] = Field(min_length=1)
    training: Training = Field(default_factory=Training)
    promotion: Promotion = Field(default_factory=Promotion)
    drift: Drift = Field(default_factory=Drift)
    resources: dict[str, Resources] = Field(
        default_factory=dict,
        description="What a step asks a Kubernetes cluster for, by step (prepare, train_CANDIDATE, evaluate, promote, "
        "report); `default` is for those not named.",
    )

    def steps(self) -> list[str]:
        """Name the steps of a training run."""
        return ["prepare", *(f"train_{name}" for name in self.candidates), "evaluate", "promote", "report"]

    def fitting(self) -> Fitting:
        """Take the part that fitting a candidate depends on."""
        return Fitting(
            target=self.data.target,
            metric=self.promotion.metric,
            folds=self.training.folds,
            seed=self.training.seed,
            group=self.split.column if self.split.by == "group" else None,
            ranked=len(self.candidates) > 1,
        )

    def exam(self) -> ComparisonRules:
        """Take the part that an exam depends on."""
        return ComparisonRules(
            use_case=self.name,
            target=self.data.target,
            metric=self.promotion.metric,
            guardrails=tuple(self.promotion.guardrails),
            min_overlap=self.split.min_overlap,
            seed=self.training.seed,
        )

    @model_validator(mode="after")
    def _columns_make_sense(self) -> "UseCase":
        for column in (*self.data.drop, *self.data.kinds):
            if column == self.data.target:
                raise ValueError(f"the target {column!r} stands in data.drop or data.kinds; it cannot be a feature")
        both = sorted(set(self.data.drop) & set(self.data.kinds))
        if both:
            raise ValueError(f"{both[0]!r} stands in data.drop and in data.kinds; keep one of the two")
        if self.split.column == self.data.target:
            raise ValueError(f"split.column {self.split.column!r} is the target; rows are not split by their answer")
        return self

    @model_validator(mode="after")
    def _resources_of_steps(self) -> "UseCase":
        known = ["default", *self.steps()]
        for name in self.resources:
            if name not in known:
                raise ValueError(
                    f"resources names the step {name!r}, which a run does not have; it has {', '.join(known)}"
                )
        return self


def parse_use_case(raw: object, source: str) -> UseCase:
    """Check parsed YAML, and make it a use case.

    Raises
    ------
    ConfigurationError
        Naming file, key, value, what is allowed, and the nearest valid key.
    """
    if not isinstance(raw, dict):
        found = "an empty file" if raw is None else f"a {type(raw).__name__}"
        raise ConfigurationError(f"{source}: found {found}, expected a mapping with name, data and candidates.")
    try:
        return UseCase.model_validate(raw)
    except ValidationError as error:
        lines = [_sentence(problem, source) for problem in error.errors(include_url=False)]
        raise ConfigurationError("\n".join(lines)) from None


_EXPECTED = {
    "tuple_type": "Expected a list",
    "dict_type": "Expected a mapping of keys to values",
    "model_type": "Expected a mapping of keys to values",
    "too_short": "Expected one or more",
}


def _sentence(problem: Any, source: str) -> str:
    path = [str(part) for part in problem["loc"] if part != "[key]"]
    key = ".".join(path)
    if problem["type"] == "extra_forbidden":
        return f"{source}: unknown key {key!r}. {nearest(path[-1], _keys_at(path[:-1]))}"
    if problem["type"] == "missing":
        return f"{source}: the key {key!r} is missing; it is required."
    message = _EXPECTED.get(problem["type"], problem["msg"].removeprefix("Value error, "))
    if problem["type"] == "value_error":
        return f"{source}: {key}: {message}." if key else f"{source}: {message}."
    return f"{source}: {key}: found {problem['input']!r}. {message}."


def _keys_at(path: list[str]) -> list[str]:
    if path[:1] == ["candidates"]:
        return list(Candidate.model_fields)
    if path[:1] == ["resources"]:
        return list(Resources.model_fields)
    model: type[BaseModel] = UseCase
    for part in path:
        annotation = model.model_fields[part].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return list(model.model_fields)


KINDS: tuple[str, ...] = get_args(Kind)
