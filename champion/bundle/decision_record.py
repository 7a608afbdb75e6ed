"""The record of a decision, as a package and the store keep it; importing it loads nothing heavy."""

from collections.abc import Collection
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from champion.modeling.evaluation import Frozen


class Part(Frozen):
    """A frozen part of the manifest that accepts no key it does not know."""

    model_config = ConfigDict(
        protected_namespaces=(), validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )


def shared(source: BaseModel, target: type[BaseModel], without: Collection[str] = ()) -> dict[str, Any]:
    """The values of a record that another kind of record holds too, by the names of its fields."""
    names = type(source).model_fields.keys() & target.model_fields.keys()
    return {name: getattr(source, name) for name in sorted(names - set(without))}


class Check(Part):
    """One line of the policy: what was found, what was required, and whether it gates."""

    name: str
    found: float | None
    required: str
    passed: bool
    gates: bool


class DecisionFacts(Part):
    """What every record of a decision holds: its reason, and the two scores."""

    reason_code: str = Field(alias="ground")
    reason: str  # one sentence for a person
    metric: str
    challenger_score: float
    champion_score: float | None


class DecisionRecord(DecisionFacts):
    """Why this version was promoted."""

    champion: int | None  # model version that it was judged against and replaced
    checks: list[Check] = Field(default_factory=list)
