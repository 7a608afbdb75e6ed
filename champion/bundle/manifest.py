"""The manifest: what a production package says about itself.

`model_version` is the project's own number. It only grows: the next one is one more than the highest that the
package's history, or the store, has ever given.
"""

import hashlib
import json
from collections.abc import Iterable
from typing import Any, Literal

from pydantic import Field

from champion.bundle.decision_record import DecisionRecord, Part
from champion.modeling.contract import Contract
from champion.modeling.evaluation import CLASSIFICATION, Label
from champion.modeling.features import Feature
from champion.modeling.split import Cutoff, SplitRule
from champion.use_case.learning import MAX_BAD_CELLS, MISSING_WORDS, FeatureStep, Kind, Read, Unlabelled

FORMAT = 1
MODEL = "model.skops"  # the file that holds the model
ANCESTORS = 100  # states before it that a state names: more than anybody leaves unrecorded
HOLDOUTS = 3  # split rules of which a state knows how often they judged: today's, and those before it
FORMER_FIELDS = 1000  # that former champions took, by name
CHALLENGERS = 500  # of a holdout by name; the others are a number


class HoldoutUse(Part):
    """Which challengers a holdout has judged: the newest by their fingerprints, the others as a number.

    Of a time split `until` has of each of them the latest moment of its table. They count as long as a row is left that they
    were judged on.
    """

    rule: SplitRule
    challengers: tuple[str, ...]
    until: tuple[Cutoff | None, ...] = Field(default=(), exclude_if=lambda moments: not any(moments))
    earlier: int = Field(default=0, exclude_if=lambda count: not count)

    @property
    def count(self) -> int:
        """How many it has judged."""
        return self.earlier + len(self.challengers)

    @property
    def each(self) -> list[tuple[str, SplitRule]]:
        """The challengers that it names, each with the rule under which it was judged."""
        moments = self.until or (self.rule.until,) * len(self.challengers)
        rules = {moment: self.rule.model_copy(update={"until": moment}) for moment in moments}
        return [(name, rules[moment]) for name, moment in zip(self.challengers, moments, strict=True)]

    @classmethod
    def of(
        cls, rule: SplitRule, known: Iterable["HoldoutUse"], judged: Iterable[tuple[str, SplitRule]]
    ) -> "HoldoutUse":
        """The uses of the holdout of a rule that some states tell of, and fingerprints with their rules; each challenger once."""
        uses = list(known)
        named = [pair for use in uses for pair in use.each] + [*judged]
        every = {name: judged_by.until for name, judged_by in named if rule.shares_rows(judged_by)}
        whole = [use.earlier for use in uses if all(rule.shares_rows(judged_by) for _, judged_by in use.each)]
        more = max(0, len(every) - CHALLENGERS)
        names, moments = tuple(every)[more:], tuple(every.values())[more:]
        return cls(
            rule=rule, challengers=names, until=moments if any(moments) else (), earlier=max(whole, default=0) + more
        )


class ChampionState(Part):
    """Who became champion, after which champion, why, and by whom.

    `revision` counts promotions, rollbacks and refits. `follows` names the states before it, newest first, at most `ANCESTORS`:
    a state descends from those, whatever a clock says. What a rollback took out of production is in `withdrawn` by its
    fingerprint, and in `withdrawn_models` by the sha256 of its model file. `holdouts` is how often which holdout has judged, so
    that a store which only knows the package goes on counting. `former_fields` are those that a former champion took and
    this one does not: a service ignores them. What version 0.1 did not write is left out where it is empty.
    """

    revision: int = Field(alias="turn")
    highest_version: int = Field(alias="highest")  # highest model version ever given
    since: str  # ISO 8601, UTC
    event: Literal["promotion", "rollback", "adoption", "refit"]
    reason: str
    withdrawn: tuple[str, ...] = ()
    withdrawn_models: tuple[str, ...] = Field(default=(), exclude_if=lambda models: not models)
    by: str | None = Field(
        default=None, exclude_if=lambda name: name is None
    )  # git's user, the server's, or a workflow's run
    follows: tuple[str, ...] = Field(default=(), exclude_if=lambda states: not states)
    holdouts: tuple[HoldoutUse, ...] = Field(default=(), exclude_if=lambda uses: not uses)  # newest first
    former_fields: tuple[str, ...] = Field(default=(), exclude_if=lambda names: not names)  # the newest first

    def name(self, model: str) -> str:
        """What this state is called where another follows it: 16 hexadecimal digits, of it and of its model's sha256."""
        facts = [model, self.revision, self.since, self.event, self.reason, self.follows[:1]]
        return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]

    def is_withdrawn(self, fingerprint: str, model: str) -> bool:
        """Whether a rollback took out of production what has this fingerprint, or this model file."""
        return fingerprint in self.withdrawn or model in self.withdrawn_models

    @classmethod
    def after(
        cls,
        before: "ChampionState | None",
        now: tuple[str, str],
        withdrawn: Iterable[tuple[str, str]] = (),
        judged: HoldoutUse | None = None,
        fields: tuple[Iterable[str], Iterable[str]] = ((), ()),
        **facts: Any,
    ) -> "ChampionState":
        """The state of the next champion, one revision on; `facts` are the fields that do not follow from the one before.

        `now` and `withdrawn` are fingerprint and sha256 of the model file: of the next champion, which is no longer
        withdrawn, and of what was taken out. `judged` is the use of the holdout that made it champion, where one did.
        `fields` are those that it takes, and those of the champion before.
        """
        others = [
            use for use in (before.holdouts if before else ()) if not (judged and judged.rule.shares_rows(use.rule))
        ]

        def listed(former: tuple[str, ...], admitted: str, taken_out: list[str]) -> tuple[str, ...]:
            kept = [each for each in former if each not in taken_out]
            return tuple(dict.fromkeys(each for each in (*kept, *taken_out) if each and each != admitted))

        taken_out, taken = list(withdrawn), set(fields[0])
        known = (*fields[1], *(before.former_fields if before else ()))
        former = tuple(name for name in dict.fromkeys(known) if name not in taken)
        return cls(
            revision=(before.revision if before else 0) + 1,
            withdrawn=listed(before.withdrawn if before else (), now[0], [each for each, _ in taken_out]),
            withdrawn_models=listed(before.withdrawn_models if before else (), now[1], [each for _, each in taken_out]),
            former_fields=former[:FORMER_FIELDS],
            holdouts=tuple([*([judged] if judged else []), *others][:HOLDOUTS]),
            **facts,
        )


class MemoryNeeds(Part):
    """What a package takes of a process that serves it, in MiB, measured when it was built (`champion.bundle.needs`).

    `loading`: at the peak of loading it and answering a row, on top of what the process takes without it. `loaded`: afterwards.
    """

    loading: int
    loaded: int


class Manifest(Part):
    """Everything about a champion but its model and its profile."""

    format: int = FORMAT
    use_case: str
    model_version: int
    stage: Literal["production"] = "production"
    created: str  # ISO 8601, UTC
    commit: str | None
    dirty: bool
    data_path: str
    data_version: str
    rows: int
    fingerprint: str
    libraries: dict[str, str]
    seed: int
    candidate: str
    estimator: str
    params: dict[str, Any]
    threshold: float | None = Field(default=None, exclude_if=lambda threshold: threshold is None)  # of two classes
    task: str = Field(default=CLASSIFICATION, exclude_if=lambda task: task == CLASSIFICATION)  # 0.1 knew no other
    target: str
    drop: tuple[str, ...] = Field(default=(), exclude_if=lambda names: not names)  # as the use case had them
    kinds: dict[str, Kind] = Field(default_factory=dict, exclude_if=lambda kinds: not kinds)
    read: Read | None = Field(default=None, exclude_if=lambda read: read is None)  # 0.1 did not say it
    unlabelled: Unlabelled = Field(default="refuse", exclude_if=lambda what: what == "refuse")
    features: tuple[FeatureStep, ...] = Field(
        default=(), exclude_if=lambda steps: not steps
    )  # as the use case had them
    max_bad_cells: float = Field(default=MAX_BAD_CELLS, exclude_if=lambda share: share == MAX_BAD_CELLS)
    classes: tuple[Label, ...]
    signature: tuple[Feature, ...]
    split: SplitRule
    metrics: dict[str, float]
    decision: DecisionRecord
    champion_state: ChampionState = Field(alias="title")
    memory: MemoryNeeds | None = Field(default=None, exclude_if=lambda needs: needs is None)  # 0.1 did not measure it
    files: dict[str, str]  # name: sha256 of every other file

    @property
    def state_name(self) -> str:
        """What its champion's state is called."""
        return self.champion_state.name(self.files[MODEL])

    def missing_words(self, textual: bool) -> tuple[str, ...]:
        """Texts that stand for no value in a table that is `textual`, or is not; version 0.1 knew them in a CSV alone."""
        if self.read is not None:
            return self.read.words
        return ("", *MISSING_WORDS) if textual else ()

    @property
    def most_wrong_cells(self) -> float:
        """Which share of a column's values may be of another kind, and is missing then; version 0.1 knew none such."""
        return self.max_bad_cells if self.read is not None else 0.0

    @property
    def contract(self) -> Contract:
        """What the model takes and answers."""
        return Contract(task=self.task, features=self.signature, classes=self.classes)
