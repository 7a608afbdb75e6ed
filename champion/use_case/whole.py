"""The whole use case: one strict, frozen model of a YAML under ``configs/``, and what is said of one that is wrong."""

import re
from typing import Annotated, Any

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from champion.errors import ConfigurationError, nearest
from champion.use_case.learning import Candidate, CandidateName, Data, FeatureStep, Fitting, Split, Task, Training
from champion.use_case.policy import ComparisonRules, Drift, Promotion
from champion.use_case.strict import Strict

NAME = r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?"
MOST_LETTERS = 60  # of a name; a label of Kubernetes takes 63
NAME_RULE = "at most 60 of a to z, 0 to 9, _ and -, a letter or digit at both ends"
"""What a use case may be called: what folders, tags of images and labels take alike."""
Name = Annotated[str, Field(pattern=rf"^{NAME}$", max_length=MOST_LETTERS)]
_STEP_LABEL = 63  # letters of the label by which a cluster tells the steps of a run apart


def job_name(name: str) -> str:
    """A use case's name where none with ``_`` is taken, as for jobs of a cluster; `workspace.refuse_two` keeps it unique."""
    return name.replace("_", "-")


def is_name(text: str) -> bool:
    """Whether a use case may have this name."""
    return len(text) <= MOST_LETTERS and re.fullmatch(NAME, text) is not None


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


class UseCase(Strict):
    """One use case, as its YAML says it."""

    name: Name = Field(description="Names the model, its package and its reports.")
    task: Task = Field(
        default="classification", description="What is learned; `classification`: of which class a row is."
    )
    data: Data
    split: Split = Field(default_factory=Split)
    code: tuple[str, ...] = Field(
        default=(), description="Modules of the checkout, whose classes may be candidates and transformers."
    )
    features: tuple[FeatureStep, ...] = Field(default=(), description="Steps before the model.")
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
            time=self.split.column if self.split.by == "time" else None,
            ranked=len(self.candidates) > 1,
            rank_rows=self.training.rank_rows,
            features=self.features,
        )

    def comparison_rules(self) -> ComparisonRules:
        """Take the part that a comparison depends on."""
        return ComparisonRules(
            use_case=self.name,
            target=self.data.target,
            metric=self.promotion.metric,
            guardrails=tuple(self.promotion.guardrails),
            min_overlap=self.split.min_overlap,
            seed=self.training.seed,
            replace_unjudged=self.promotion.replace_unjudged,
        )

    @field_validator("code")
    @classmethod
    def _are_modules(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        for path in paths:
            if not re.fullmatch(r"(?:[A-Za-z_]\w*/)*[A-Za-z_]\w*\.py", path, re.ASCII):
                raise ValueError(
                    f"found {path!r}, expected the path of a module from the checkout on, such as features/ratios.py"
                )
        return tuple(dict.fromkeys(paths))

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
    def _steps_have_labels_of_their_own(self) -> "UseCase":
        seen: dict[str, str] = {}
        for name in self.candidates:
            label = f"train_{name}"[:_STEP_LABEL].rstrip("_")
            if (other := seen.setdefault(label, name)) != name:
                raise ValueError(
                    f"the candidates {other!r} and {name!r} have one label in a cluster ({label}); give one another name"
                )
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

    Raises ConfigurationError naming file, key, value, what is allowed, and the nearest valid key.
    """
    if not isinstance(raw, dict):
        kind = "an empty file" if raw is None else f"a {type(raw).__name__}"
        raise ConfigurationError(f"{source}: found {kind}, expected a mapping with name, data and candidates.")
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
    if key == "name" and problem["type"] in ("string_pattern_mismatch", "string_too_long"):
        return f"{source}: name: found {problem['input']!r}, expected {NAME_RULE}."
    if problem["type"] == "value_error":
        return f"{source}: {key}: {message}." if key else f"{source}: {message}."
    return f"{source}: {key}: found {problem['input']!r}. {message}."


def _keys_at(path: list[str]) -> list[str]:
    if path[:1] == ["candidates"]:
        return list(Candidate.model_fields)
    if path[:1] == ["features"]:
        return list(FeatureStep.model_fields)
    if path[:1] == ["resources"]:
        return list(Resources.model_fields)
    model: type[BaseModel] = UseCase
    for part in path:
        annotation = model.model_fields[part].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return []
        model = annotation
    return list(model.model_fields)
