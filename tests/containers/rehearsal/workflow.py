"""The jobs of a workflow file as lists of make targets.

This is a list and no interpreter: every expression and every condition that a file may use is known here by its text,
and one that is not known ends the rehearsal, so that file and rehearsal cannot drift apart.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_EXPRESSION = re.compile(r"\$\{\{\s*(.+?)\s*\}\}")
SAME_REPOSITORY = (
    "!cancelled() && github.event.pull_request.head.repo.full_name == github.repository && "
    "!startsWith(github.head_ref, 'dependabot/')"
)
RECORDED = "steps.promote.outputs.record == 'true'"


class UnknownError(Exception):
    """A workflow says something that the rehearsal does not know."""


@dataclass(frozen=True)
class Step:
    """One step: a make target to run, or an action to stand in for."""

    run: str | None
    uses: str | None
    condition: str
    environment: Mapping[str, str]
    given: Mapping[str, Any]
    name: str | None


@dataclass(frozen=True)
class Job:
    """A job's steps, with the environment that all of them have."""

    steps: tuple[Step, ...]
    environment: Mapping[str, str]


def read_job(path: Path, name: str) -> Job:
    """A job of a workflow file."""
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    found = workflow["jobs"][name]
    environment = {**(workflow.get("env") or {}), **(found.get("env") or {})}
    return Job(tuple(_step(step) for step in found["steps"]), environment)


def _step(raw: dict[str, Any]) -> Step:
    run = raw.get("run")
    if run is not None and not re.fullmatch(r"make [a-z-]+", run):
        raise UnknownError(f"a run: line is one make target, and this is {run!r}")
    condition = " ".join(str(raw.get("if", "")).split())
    return Step(run, raw.get("uses"), condition, raw.get("env") or {}, raw.get("with") or {}, raw.get("id"))


def filled_in(environment: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """Put values in the place of expressions.

    Raises
    ------
    UnknownError
        When an expression has no value here.
    """

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise UnknownError(f"the workflow uses {match[1]}, which the rehearsal has no value for")
        return values[match[1]]

    return {name: _EXPRESSION.sub(value, str(text)) for name, text in environment.items()}


def applies(condition: str, failed: bool, fork: bool, outputs: Mapping[str, str]) -> bool:
    """Whether a step runs.

    Raises
    ------
    UnknownError
        When the condition is not one of those known.
    """
    if condition == "":
        return not failed
    if condition == "!cancelled()":
        return True
    if condition == SAME_REPOSITORY:
        return not fork
    if condition == RECORDED:
        return not failed and outputs.get("record") == "true"
    raise UnknownError(f"the workflow has the condition {condition!r}, which the rehearsal does not know")
