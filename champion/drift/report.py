"""New data beside a profile, as values: the one object that all reports are made from."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Finding = Literal["drift", "none", "not_enough", "ignored"]
Verdict = Literal["schema", "drift", "not_enough", "none"]


class ReportPart(BaseModel):
    """A frozen part of the report that accepts no key it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Unseen(ReportPart):
    """A category that training had not."""

    value: str
    rows: int


class Cells(ReportPart):
    """Both samples in the same cells, for a figure.

    `edges` of a number are those of the profile, and both lists of counts begin with the rows below its range and end
    with those above. `names` of a category are those that the profile lists, and the last counts are all others.
    """

    edges: list[float] | None = None
    names: list[str] | None = None
    reference: list[int]
    current: list[int]


class FeatureDrift(ReportPart):
    """One feature, or the predictions.

    `statistic`, `p` and `effect` are those of the test that decided: of the values, or of the missing ones. All are None
    where nothing was tested. A share is of all rows of its sample, from 0 to 1. `effect` is the share of rows that
    moved, chance taken out.
    """

    name: str
    kind: str
    verdict: Finding
    reason: str
    test: str | None = None  # of `champion.drift.statistics`, or "missing"
    statistic: float | None = None
    p: float | None = None
    p_corrected: float | None = None
    effect: float | None = None
    threshold: float
    reference_rows: int  # with a value
    current_rows: int  # with a usable value
    reference_missing: float
    missing: float
    wrong: float = 0.0  # share of values of another type
    outside: float | None = None  # share beyond the range of training; None but for a number
    unseen: float | None = None  # share with a category that training had not; None but for a category
    unseen_values: list[Unseen] = Field(default_factory=list)
    reference_mean: float | None = None
    mean: float | None = None
    cells: Cells


class SchemaDifference(ReportPart):
    """A column that is not as in training."""

    column: str
    what: Literal["missing", "new", "type"]
    text: str


class LiveScore(ReportPart):
    """How good the champion is on new rows by a score, higher is better, beside the one it was promoted with; 95 % intervals."""

    metric: str = "accuracy"
    rows: int
    unmatched: int  # rows without a label
    right: int | None  # rows; None where answers are not right or wrong
    score: float
    low: float
    high: float
    promoted: float | None  # None where nothing says how good it was
    promoted_rows: int
    change_low: float | None  # of the change
    change_high: float | None
    worse: bool  # whether the whole interval of the change is below 0
    enough: bool  # whether there are rows enough to say so
    text: str


class VersionScore(ReportPart):
    """How good one version was on the labelled rows that it answered itself; `text` says it after the version's name.

    `live` is None where no label is a class that it knows.
    """

    model_version: int
    answered: int  # rows
    labelled: int  # of them
    live: LiveScore | None
    text: str


class DriftReport(ReportPart):
    """New data against the profile of the champion, and each version against the labels of what it answered."""

    format: Literal[1] = 1
    use_case: str
    model_version: int
    data_version: str
    created: str  # ISO 8601, UTC
    source: str
    since: str | None = None
    verdict: Verdict
    reason: str
    reference_rows: int
    current_rows: int
    counted_rows: int | None = None  # as how many they count, because a row that comes again is no new evidence
    alpha: float
    min_effect: float
    min_rows: int
    features: list[FeatureDrift]  # worst first
    predictions: FeatureDrift | None = None
    schema_differences: list[SchemaDifference] = Field(default_factory=list)
    live: LiveScore | None = None
    versions: list[VersionScore] = Field(default_factory=list)  # with labelled answers, newest first
    notes: list[str] = Field(default_factory=list)

    def facts(self) -> dict[str, Any]:
        """The report in short, for the dashboard."""
        drifted = [feature.name for feature in self.features if feature.verdict == "drift"][:20]
        facts = {"verdict": self.verdict, "reason": self.reason, "rows": self.current_rows}
        return {**facts, "model_version": self.model_version, "drifted": drifted}

    @property
    def every(self) -> list[FeatureDrift]:
        """The features, and the predictions where they were compared."""
        return [*self.features, *([self.predictions] if self.predictions else [])]


class Moment(ReportPart):
    """One comparison in the history: of each feature the share of rows that moved, and whether that was drift."""

    created: str
    model_version: int
    source: str
    rows: int
    verdict: Verdict
    effects: dict[str, float | None]
    drifted: list[str]

    @classmethod
    def of(cls, report: DriftReport) -> "Moment":
        """What is remembered of a report; where a feature is called as the predictions are, these get a longer name."""
        features = [each.name for each in report.features]
        names = [
            f"{each.name} (of the champion)" if each.name in features[:at] else each.name
            for at, each in enumerate(report.every)
        ]
        return cls(
            **report.model_dump(include={"created", "model_version", "source", "verdict"}),
            rows=report.current_rows,
            effects={name: each.effect for name, each in zip(names, report.every, strict=True)},
            drifted=[name for name, each in zip(names, report.every, strict=True) if each.verdict == "drift"],
        )
