"""What a pull request's comment is made from, as values: strict, so that they may come from a file nobody trusts."""

import json
from typing import Annotated, Any, Literal

from pydantic import Field

from champion.bundle.decision_record import Part
from champion.comparison.decision import Decision
from champion.comparison.evaluation import Evaluation
from champion.comparison.provenance import Outcome, Provenance

Name = Annotated[str, Field(max_length=300)]
Line = Annotated[str, Field(max_length=2000)]
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{4,64}$")]


class Value(Part):
    """A frozen value that accepts no key it does not know, and is a line of JSON."""

    def as_json(self) -> str:
        """One line of JSON, in which a score that is not a number stays one (pydantic alone would write null)."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False) + "\n"


class Findings(Value):
    """Everything that a run which went to its end found: written as `evaluation.json`, and read back for the comment."""

    evaluation: Evaluation
    decision: Decision
    provenance: Provenance = Field(alias="lineage")
    outcome: Outcome


class ComparedChampion(Value):
    """The champion that a challenger was compared with, and where it came from.

    `package`: fetched, and asked the same rows. `server`: the ZenML server's. `pointer`: only the scores that the
    pointer's `meta` records, because the package could not be fetched. `none`: there is no champion.
    """

    source: Literal["package", "server", "pointer", "none"]
    why: Line = ""
    model_version: int | None = None
    metrics: dict[Name, float] = Field(default_factory=dict)
    data_version: Name | None = None
    rows: int | None = None


class Failure(Value):
    """Where a run ended, and its last words."""

    step: Name
    exit_code: int
    lines: list[Line] = Field(default_factory=list, max_length=60)


class Change(Value):
    """A parameter that differs from the base commit; None where one side does not have it."""

    file: Name
    name: Name
    before: Any = None
    after: Any = None


class UseCaseResult(Value):
    """One use case in a pull request."""

    use_case: Name
    champion: ComparedChampion
    findings: Findings | None = None
    failure: Failure | None = None

    @property
    def config(self) -> str:
        """The path of its parameters in the checkout."""
        return f"configs/{self.use_case}.yaml"


class CommentInput(Value):
    """All that a comment tells."""

    commit: Hash
    base: Hash | None = None
    refusal: Line | None = None  # why nothing was trained
    changes: list[Change] = Field(default_factory=list, max_length=2000)
    changes_unknown: Line | None = None
    compared: bool = False  # whether parameters were compared with a base
    results: list[UseCaseResult] = Field(default_factory=list, max_length=200, alias="cases")
