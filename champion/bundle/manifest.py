"""The manifest: what a production package says about itself.

`model_version` is the project's own number. It only grows: the next one is one more than the highest that the
package's lineage, or the store, has ever given.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from champion.comparison.decision import Check
from champion.modeling.evaluation import Label
from champion.modeling.features import Feature
from champion.modeling.split import SplitRule

FORMAT = 1


class Part(BaseModel):
    """A frozen part of the manifest that accepts no key it does not know."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        protected_namespaces=(),
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


class Judgement(Part):
    """Why this version was promoted: the decision record."""

    reason_code: str = Field(alias="ground")
    reason: str
    metric: str
    challenger_score: float
    champion_score: float | None
    champion: int | None  # model version that it was judged against and replaced
    checks: list[Check] = Field(default_factory=list)


class ChampionState(Part):
    """The history of the title up to this champion, as far as the next run has to know it.

    `revision` counts promotions, imports and rollbacks: of two packages of one lineage the one with the higher turn is
    the newer. `withdrawn` are the fingerprints that a rollback took out of production.
    """

    revision: int = Field(alias="turn")
    highest_version: int = Field(alias="highest")  # highest model version ever given
    since: str  # ISO 8601, UTC
    event: Literal["promotion", "rollback"]
    reason: str
    withdrawn: tuple[str, ...] = ()


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
    target: str
    classes: tuple[Label, ...]
    signature: tuple[Feature, ...]
    split: SplitRule
    metrics: dict[str, float]
    decision: Judgement
    champion_state: ChampionState = Field(alias="title")
    files: dict[str, str]  # name: sha256 of every other file
