"""The jobs of a workflow file as lists of make targets.

This is a list and no interpreter: every expression and every condition that a file may use is known here by its text,
and one that is not known ends the rehearsal, so that file and rehearsal cannot drift apart.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

SAME_REPOSITORY = (
    "!cancelled() && github.event.pull_request.head.repo.full_name == github.repository && "
    "!startsWith(github.head_ref, 'dependabot/')"
)


class UnknownError(Exception):
    """A workflow says something that the rehearsal does not know."""


def read_job(path: Path, name: str) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """The steps of a job of a workflow file, and the environment that all of them have."""
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    job = workflow["jobs"][name]
    for step in job["steps"]:
        if not re.fullmatch(r"make [a-z-]+", step.get("run", "make nothing")):
            raise UnknownError(f"a run: line is one make target, and this is {step['run']!r}")
    return job["steps"], {**workflow.get("env", {}), **job.get("env", {})}


def filled_in(environment: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """Put values in the place of expressions, each of which has to have one."""

    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise UnknownError(f"the workflow uses {match[1]}, which the rehearsal has no value for")
        return values[match[1]]

    return {name: re.sub(r"\$\{\{\s*(.+?)\s*\}\}", value, str(text)) for name, text in environment.items()}


def applies(step: Mapping[str, Any], failed: bool, fork: bool, outputs: Mapping[str, str]) -> bool:
    """Whether a step runs, by its condition."""
    known = {
        "": not failed,
        "!cancelled()": True,
        SAME_REPOSITORY: not fork,
        "steps.promote.outputs.record == 'true'": not failed and outputs.get("record") == "true",
    }
    condition = step.get("if", "")
    if condition not in known:
        raise UnknownError(f"the workflow has the condition {condition!r}, which the rehearsal does not know")
    return known[condition]
