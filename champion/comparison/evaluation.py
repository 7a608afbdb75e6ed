"""What a comparison found, where its challenger comes from and what became of the run, as values.

Every sequence per class follows `Evaluation.classes`.
"""

from typing import Any, Literal

from pydantic import Field

from champion.comparison.clients import ContractChange
from champion.modeling import evaluation
from champion.modeling.tasks.classification.evidence import ClassEvidence
from champion.use_case.learning import MAX_BAD_CELLS, FeatureStep, Kind, Read, Unlabelled

NOISE = 1e-9  # scores that differ by no more are equal: sums in another order, 0.94 - 0.96 against -0.02
BASELINE_LEVEL = 0.05  # below which the one-sided test against the model without knowledge has to be


class Performance(ClassEvidence):
    """Champion or challenger on the judged rows; the evidence of classes has fields of its own, another task's is `measured`."""

    role: str  # "champion" or "challenger"
    number: int | None  # model version; None for a challenger that has none yet
    candidate: str  # name in the use case
    estimator: str
    params: dict[str, Any]
    scores: dict[str, float]  # by scorer name, higher is better
    importance: list[evaluation.Importance]  # most important first
    measured: dict[str, list[float]] = Field(default_factory=dict, exclude_if=lambda numbers: not numbers)  # by name


class LearnedRows(evaluation.Frozen):
    """What the sketch of the champion's train rows told of the rows that judge."""

    learned: int  # that trained the champion, and are left out
    known: int  # of which the sketch tells whether they did
    judged: int  # that were asked about
    sketched: int  # train rows in the sketch
    train: int  # different train rows that the champion had
    gone: float = 0.0  # share of the sketched train rows that are nowhere in the table any more
    respelled: tuple[str, ...] = ()  # columns in which learned rows seem to have been changed
    respelled_share: float = 0.0  # of the judging rows, about


class Period(evaluation.Frozen):
    """The promotion metric of both on the judged rows of one stretch of time; None where it has no meaning on them."""

    first: str  # moments in ISO 8601, or numbers
    last: str
    rows: int
    challenger: float | None
    champion: float | None


class ComparisonRows(evaluation.Frozen):
    """On which rows both were asked."""

    train: int
    holdout: int
    judged: int  # fewer than holdout where the split rule changed
    overlap_only: bool  # True: only rows that are holdout under both rules were used
    missing_classes: list[evaluation.Label]  # classes that no judged row has
    smallest_gain: float  # that the paired test tells from noise (p <= 0.05) here; of classes, in accuracy
    sampled_for_importance: int  # rows used for importance
    wanted: float | None = None  # the share of all rows that the split rule sets aside; None where it names none
    learned: LearnedRows | None = None  # None: the champion's package has no sketch, or there is no champion
    columns: int = 0  # that the challenger has; of some only the importance is measured where there are very many


class Baseline(evaluation.Frozen):
    """The model without knowledge on the judged rows, and whether chance explains that the challenger is better."""

    score: float
    p_value: float  # one-sided
    test: Literal["mcnemar", "bootstrap"]
    reachable: bool  # whether a perfect model would have a p-value below `BASELINE_LEVEL` on these rows


class Evaluation(evaluation.Frozen):
    """The evidence of one run."""

    use_case: str
    task: str = evaluation.CLASSIFICATION
    metric: str
    classes: list[evaluation.Label]
    rows: ComparisonRows
    candidates: list[evaluation.CandidateResult]  # best first
    challenger: Performance
    champion: Performance | None
    champion_unjudged: str | None  # why an existing champion could not be judged
    paired: evaluation.PairedTest | None
    alone: Performance | None = None  # the challenger on its whole holdout, where `rows.overlap_only`
    periods: list[Period] = Field(
        default_factory=list, exclude_if=lambda periods: not periods
    )  # of a time split, in order
    warnings: list[str] = Field(default_factory=list)
    contract_change: ContractChange | None = Field(default=None, exclude_if=lambda change: change is None)
    baseline: Baseline | None = Field(
        default=None, exclude_if=lambda baseline: baseline is None
    )  # of version 0.1: None


class Provenance(evaluation.Frozen):
    """What made a challenger: enough to make it again."""

    use_case: str
    data_path: str
    data_version: str  # md5 of the file, as DVC names it
    drop: tuple[str, ...] = Field(default=(), exclude_if=lambda names: not names)
    kinds: dict[str, Kind] = Field(default_factory=dict, exclude_if=lambda kinds: not kinds)
    read: Read | None = Field(default=None, exclude_if=lambda read: read is None)
    unlabelled: Unlabelled = Field(default="refuse", exclude_if=lambda what: what == "refuse")
    max_bad_cells: float = Field(default=MAX_BAD_CELLS, exclude_if=lambda share: share == MAX_BAD_CELLS)
    features: tuple[FeatureStep, ...] = Field(default=(), exclude_if=lambda steps: not steps)
    code: str | None = Field(default=None, exclude_if=lambda own: own is None)  # the hash of own code
    commit: str | None  # git commit; None outside a checkout
    dirty: bool  # whether tracked files differed from that commit
    fingerprint: str
    seed: int
    split: str  # the rule in words
    libraries: dict[str, str]
    stack: str
    created: str  # ISO 8601, UTC


class Outcome(evaluation.Frozen):
    """What became of a run, after the decision was carried out (or not, with --no-promote)."""

    action: Literal["promoted", "kept", "would_promote", "would_keep"]
    challenger: int | None  # model version of the challenger; None where it left none
    champion: int | None  # model version in production after the run
    replaced: int | None  # model version that a promotion replaced
    judged: int  # challengers that this holdout is known to have judged, this one included
    luckiest: float | None = None  # share of rows right of the best of so many that are no better than the champion
    luckiest_guess: float | None = None  # the same of models that only know how frequent the largest class is
