"""Where a model comes from, and what became of a run."""

from typing import Literal

from pydantic import BaseModel, ConfigDict


class Provenance(BaseModel):
    """What made a challenger: enough to make it again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    use_case: str
    data_path: str
    data_version: str  # md5 of the file, as DVC names it
    commit: str | None  # git commit; None outside a checkout
    dirty: bool  # whether tracked files differed from that commit
    fingerprint: str
    seed: int
    split: str  # the rule in words
    libraries: dict[str, str]
    stack: str
    created: str  # ISO 8601, UTC


class Outcome(BaseModel):
    """What became of a run, after the decision was carried out (or not, with --no-promote)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    action: Literal["promoted", "kept", "would_promote", "would_keep"]
    challenger: int | None  # model version of the challenger; None where it left none
    champion: int | None  # model version in production after the run
    replaced: int | None  # model version that a promotion replaced
    judged: int  # challengers that this store knows this holdout to have judged, this one included
