"""The manifest: what a production package says about itself.

`model_version` is the project's own number. It only grows: the next one is one more than the highest that the
package's history, or the store, has ever given.
"""

from typing import Any, Literal

from pydantic import Field

from champion.bundle.decision_record import DecisionRecord, Part
from champion.modeling.contract import Contract
from champion.modeling.evaluation import CLASSIFICATION, Label
from champion.modeling.features import Feature
from champion.modeling.split import SplitRule

FORMAT = 1


class ChampionState(Part):
    """How often the champion changed up to this one, as far as the next run has to know it.

    `revision` counts promotions and rollbacks: of two packages of one history the one with the higher revision is the
    newer. What a rollback took out of production is in `withdrawn` by its fingerprint, and in `withdrawn_models` by the
    sha256 of its model file, which version 0.1 did not write: left out where it is empty.
    """

    revision: int = Field(alias="turn")
    highest_version: int = Field(alias="highest")  # highest model version ever given
    since: str  # ISO 8601, UTC
    event: Literal["promotion", "rollback"]
    reason: str
    withdrawn: tuple[str, ...] = ()
    withdrawn_models: tuple[str, ...] = Field(default=(), exclude_if=lambda models: not models)

    def is_withdrawn(self, fingerprint: str, model: str) -> bool:
        """Whether a rollback took out of production what has this fingerprint, or this model file."""
        return fingerprint in self.withdrawn or model in self.withdrawn_models

    @classmethod
    def after(
        cls,
        before: "ChampionState | None",
        now: tuple[str, str],
        withdrawn: tuple[str, str] | None = None,
        **facts: Any,
    ) -> "ChampionState":
        """The state of the next champion, one revision on; `facts` are the fields that do not follow from the one before.

        `now` and `withdrawn` are fingerprint and sha256 of the model file: of the next champion, which is no longer
        withdrawn, and of what a rollback takes out.
        """

        def listed(former: tuple[str, ...], admitted: str, taken_out: str | None) -> tuple[str, ...]:
            kept = [each for each in former if each not in (admitted, taken_out)]
            return (*kept, taken_out) if taken_out else tuple(kept)

        fingerprint, model = withdrawn or (None, None)
        return cls(
            revision=(before.revision if before else 0) + 1,
            withdrawn=listed(before.withdrawn if before else (), now[0], fingerprint),
            withdrawn_models=listed(before.withdrawn_models if before else (), now[1], model),
            **facts,
        )


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
    task: str = Field(default=CLASSIFICATION, exclude_if=lambda task: task == CLASSIFICATION)  # 0.1 knew no other
    target: str
    classes: tuple[Label, ...]
    signature: tuple[Feature, ...]
    split: SplitRule
    metrics: dict[str, float]
    decision: DecisionRecord
    champion_state: ChampionState = Field(alias="title")
    files: dict[str, str]  # name: sha256 of every other file

    @property
    def contract(self) -> Contract:
        """What the model takes and answers."""
        return Contract(task=self.task, features=self.signature, classes=self.classes)
