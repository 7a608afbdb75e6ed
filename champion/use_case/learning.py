"""What makes a model: the data, the split, the candidates and how they are fitted.

What cannot be checked without importing scikit-learn (does the estimator exist, does it have this parameter) is checked
in `champion.modeling.estimators`.
"""

from datetime import date, datetime
from math import isnan
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from champion.use_case.addresses import is_address, parts
from champion.use_case.cells import CellRule
from champion.use_case.dialect import Dialect
from champion.use_case.strict import Strict

Kind = Literal["numeric", "categorical", "boolean", "datetime", "text"]
KINDS: tuple[str, ...] = get_args(Kind)
Task = Literal["classification"]
Unlabelled = Literal["refuse", "drop"]
MAX_BAD_CELLS = 0.01
MISSING_WORDS = (
    *("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)
"""What tables say where there is no value; the same words as pandas has."""
PositiveNumber = Annotated[float, Field(gt=0)]
CandidateName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", max_length=60)]


def _is_number(word: str) -> bool:
    try:
        return not isnan(float(word))
    except ValueError:
        return False


class Read(Dialect):
    """How a table is read: alike when it is trained from, predicted and watched."""

    missing: tuple[str, ...] = Field(
        default=MISSING_WORDS,
        description="Texts that are read as missing, in every format alike; an empty text always is.",
    )
    columns: dict[str, CellRule] = Field(
        default_factory=dict,
        exclude_if=lambda rules: not rules,
        description="How the cells of a column are read, where they are numbers or dates in a writing of their own.",
    )

    @field_validator("missing")
    @classmethod
    def _are_words(cls, words: tuple[str, ...]) -> tuple[str, ...]:
        numbers = [word for word in words if _is_number(word)]
        if numbers:
            raise ValueError(f"{numbers[0]!r} is a number, not a word; it goes into data.read.columns.COLUMN.missing")
        return words

    @property
    def words(self) -> tuple[str, ...]:
        """The texts that are read as missing, the empty one among them."""
        return tuple(dict.fromkeys(("", *self.missing)))


class Data(Strict):
    """Where the table is, and what its columns mean."""

    path: str = Field(description="The table's file, relative to the repository; or its address, s3://BUCKET/KEY.")
    target: str = Field(description="The column to predict.")
    drop: tuple[str, ...] = Field(default=(), description="Columns that are no features.")
    kinds: dict[str, Kind] = Field(
        default_factory=dict, description="What a column is, where the inferred kind is not what you want."
    )
    read: Read = Field(default_factory=Read, description="How the table's cells are read.")
    zone: str | None = Field(
        default=None,
        description="IANA zone of moments without an offset, by whose clock the others are read too; left out, each has its own.",
    )
    max_bad_cells: float = Field(
        default=MAX_BAD_CELLS,
        ge=0,
        lt=1,
        description="Share of a column's values that may be of another kind than the column; they are read as missing.",
    )
    unlabelled: Unlabelled = Field(
        default="refuse",
        description="What becomes of rows without a label: the table is refused, or they are left out.",
    )

    @field_validator("path")
    @classmethod
    def _is_a_file_or_an_object(cls, path: str) -> str:
        if is_address(path):
            parts(path)
        return path

    @field_validator("zone")
    @classmethod
    def _is_a_zone(cls, zone: str | None) -> str | None:
        try:
            return zone if zone is None or ZoneInfo(zone) else None
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"found {zone!r}, expected a zone of the IANA database, such as Europe/Berlin") from None


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
    repeats: Literal["copies", "observations"] = Field(
        default="copies",
        description="Of a hash split: rows that are equal stay together as copies of one, or each is an observation of its own.",
    )
    cutoff: int | float | datetime | date | None = Field(
        default=None,
        description="First moment of the holdout of a time split; left out, it moves on with the table, and never back: to what "
        "gives `share`, or to `horizon` before the latest moment.",
    )
    horizon: Annotated[str, Field(pattern=r"^[1-9][0-9]{0,5}(min|h|d|w)$")] | PositiveNumber | None = Field(
        default=None,
        description="How far before the latest moment the holdout of a time split begins: 90d, 12h, 8w; of numbers a number.",
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
        if self.horizon is not None and self.by != "time":
            raise ValueError("`horizon` goes with `by: time`")
        if self.cutoff is not None and self.horizon is not None:
            raise ValueError("`cutoff` and `horizon` say the same in two ways; keep one of the two")
        if self.repeats == "observations" and self.by != "hash":
            raise ValueError("`repeats` goes with `by: hash`")
        return self


WrongAnswer = Literal["false_positive", "false_negative"]
Threshold = Literal["tuned"] | dict[WrongAnswer, Annotated[float, Field(ge=0)]]


class Candidate(Strict):
    """One estimator family with its parameters or search space."""

    estimator: str = Field(description="Import path of an estimator of the task.")
    params: dict[str, Any] = Field(
        default_factory=dict, description="Parameters of the estimator; an estimator as `estimator:`/`params:` too."
    )
    search: dict[str, tuple[Any, ...]] = Field(
        default_factory=dict, description="Parameter grid, cross-validated on the train set alone."
    )
    threshold: Threshold | None = Field(
        default=None,
        exclude_if=lambda threshold: threshold is None,
        description="Of two classes, from which probability on the second is answered: `tuned` by `promotion.metric`, or by "
        "costs, in cross-validation on the train set; left out, from one half on.",
    )

    @field_validator("threshold", mode="before")
    @classmethod
    def _tuned_or_costs(cls, threshold: Any) -> Any:
        names = get_args(WrongAnswer)
        costs = isinstance(threshold, dict) and threshold and threshold.keys() <= set(names)
        if threshold in (None, "tuned"):
            return threshold
        if not costs or not all(isinstance(cost, int | float) and cost >= 0 for cost in threshold.values()):
            raise ValueError(f"found {threshold!r}, expected `tuned`, or costs as {{{names[0]}: 1, {names[1]}: 20}}")
        return threshold

    @property
    def estimators(self) -> tuple[str, ...]:
        """The import paths of all estimators that it names: its own, and those in its parameters."""
        return (self.estimator, *_estimators_in(self.params), *_estimators_in(self.search))


def _estimators_in(value: Any) -> tuple[str, ...]:
    if isinstance(value, dict):
        own = (value["estimator"],) if isinstance(value.get("estimator"), str) else ()
        return (*own, *(path for each in value.values() for path in _estimators_in(each)))
    return tuple(path for each in value for path in _estimators_in(each)) if isinstance(value, list | tuple) else ()


class FeatureStep(Strict):
    """A step before the model: a transformer, which gets a frame of some columns and gives further ones."""

    transformer: str = Field(description="Import path of a transformer: one of `code`, or of scikit-learn's.")
    columns: tuple[str, ...] = Field(min_length=1, description="The columns that it gets, as a pandas frame.")
    params: dict[str, Any] = Field(default_factory=dict, description="Parameters of the transformer.")
    keep: bool = Field(
        default=True, description="Whether the model sees these columns too, beside what is made of them."
    )


class Training(Strict):
    """How candidates are fitted and ranked."""

    folds: int = Field(default=5, ge=2, le=20, description="Folds of the cross-validation on the train set.")
    rank_rows: int | None = Field(
        default=None,
        ge=100,
        description="At most so many rows of the train set, drawn by the seed, rank the candidates; left out, all do.",
    )
    seed: int = Field(
        default=42,
        ge=0,
        description="Seed of folds, samples, and every estimator without a random_state of its own.",
    )
    max_parallelism: int | None = Field(
        default=None,
        ge=1,
        description="So many candidates at most have a pod of a cluster at once; left out, all that it has room for.",
    )


class Fitting(Strict):
    """What fitting a candidate depends on, and nothing else: the cache key of a training step."""

    target: str
    metric: str
    folds: int
    seed: int
    group: str | None  # the group column, whose groups no fold may tear apart
    time: str | None = None  # the time column, by which folds follow each other
    ranked: bool  # whether there is another candidate to be ranked against
    rank_rows: int | None = Field(default=None, exclude_if=lambda rows: rows is None)  # that rank at most
    features: tuple[FeatureStep, ...] = Field(default=(), exclude_if=lambda steps: not steps)
