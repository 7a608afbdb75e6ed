"""What one step tells the next: files under ``reports/``, which git ignores and the workflow uploads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError

from champion.errors import ProjectError
from champion.reporting.comment import ComparedChampion, Failure, Value
from champion.workspace.files import write_text
from champion.workspace.workspace import Workspace, open_workspace

RUN_LOG = "run.log"

Kind = TypeVar("Kind", bound=Value)


class CiState(Value):
    """What is known before anything is trained, and what became of the pointer afterwards."""

    base: str | None = None
    refusal: str | None = None
    remote: bool = False
    standings: dict[str, ComparedChampion] = Field(default_factory=dict)
    pointers: dict[str, str | None] = Field(default_factory=dict)  # text of each pointer at the base
    pointer: Literal["", "unchanged", "pushed", "proposed"] = ""


class Ran(Value):
    """How one use case's run ended."""

    exit_code: int
    step: str = ""
    lines: list[str] = Field(default_factory=list)

    @property
    def failure(self) -> Failure | None:
        """None where it ended well."""
        return Failure(step=self.step, exit_code=self.exit_code, lines=self.lines) if self.exit_code else None


def use_cases(root: Path) -> Iterator[Workspace]:
    """Every use case under ``configs/``."""
    for config in sorted((root / "configs").glob("*.yaml")):
        yield open_workspace(str(config))


def load(root: Path) -> CiState:
    """What the steps before have left; nothing where none ran."""
    return read(root / "reports" / "ci.json", CiState) or CiState()


def save(root: Path, state: CiState) -> None:
    """Keep it for the next step."""
    write_text(root / "reports" / "ci.json", state.as_json())


def load_run(workspace: Workspace) -> Ran | None:
    """How the run of a use case ended; None where it did not run."""
    return read(workspace.reports / "ci.json", Ran)


def save_run(workspace: Workspace, ran: Ran) -> None:
    """Keep how it ended."""
    write_text(workspace.reports / "ci.json", ran.as_json())


def read(path: Path, kind: type[Kind]) -> Kind | None:
    """What a step before has written; None where there is no file.

    Raises ProjectError when the file is not what a step writes.
    """
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        name = path.name if path.parent.name == "reports" else f"{path.parent.name}/{path.name}"
        raise ProjectError(f"reports/{name} cannot be read ({error.error_count()} errors). Remove it.") from None
