"""The comment of a run: gathered from the files that the steps left, rendered, and shown in the job's summary."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from champion.ci import state
from champion.ci.base import of_the_package
from champion.ci.git import git
from champion.ci.surroundings import Surroundings
from champion.datastore import dvc
from champion.errors import ProjectError
from champion.reporting.comment import render_comment
from champion.reporting.comment_input import Case, Change, Findings, Standing, Story
from champion.workspace.workspace import Workspace, write_text

STORY, COMMENT = "comment.json", "comment.md"


def write_comment(root: Path, around: Surroundings) -> str:
    """Write ``reports/comment.json`` and ``reports/comment.md``, and append the comment to the job's summary.

    It is the last step whatever happened before, so it makes do with what there is.

    Parameters
    ----------
    around : Surroundings
        `GITHUB_STEP_SUMMARY` names the summary's file.

    Returns
    -------
    str
        The comment.
    """
    story = gather(root, around)
    written = render_comment(story, around.run_link)
    write_text(root / "reports" / STORY, story.as_json())
    write_text(root / "reports" / COMMENT, written)
    summary = around["GITHUB_STEP_SUMMARY"]
    if summary:
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(written)
    return written


def gather(root: Path, around: Surroundings) -> Story:
    """Everything that the steps before left to tell."""
    settled = state.load(root)
    changes, unknown = _changes(root, settled.base) if settled.base and around["BASE_SHA"] else ([], None)
    cases = (
        [] if settled.refusal else [case for workspace in state.use_cases(root) if (case := _case(workspace, settled))]
    )
    return Story(
        commit=around["HEAD_SHA"] or git(root, "rev-parse", "HEAD"), base=settled.base,
        refusal=None if settled.refusal is None else settled.refusal[:2000],
        changes=changes, changes_unknown=unknown, compared=bool(around["BASE_SHA"]), cases=cases,
    )  # fmt: skip


def _case(workspace: Workspace, settled: state.State) -> Case | None:
    ran = state.load_run(workspace)
    if ran is None:
        return None
    name = workspace.use_case.name
    standing = settled.standings.get(name, Standing(source="none"))
    found = _findings(workspace) if ran.failure is None else None
    if found and standing.source == "server" and found.outcome.action.startswith("would"):
        standing = of_the_package(workspace, standing, server=True)
    return Case(use_case=name, champion=standing, findings=found, failure=ran.failure)


def _findings(workspace: Workspace) -> Findings | None:
    path = workspace.reports / "evaluation.json"
    try:
        return Findings.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise ProjectError(f"reports/{workspace.use_case.name}/evaluation.json cannot be read: {error}") from None


def _changes(root: Path, base: str) -> tuple[list[Change], str | None]:
    """The parameters that differ from the base, as ``dvc params diff`` has them; or why they are not known."""
    done = dvc.run(root, "params", "diff", "--json", base)
    start = done.output.find("{")
    if not done.ok or start < 0:
        return [], done.last_line[:300] if not done.ok else None
    try:
        files, _ = json.JSONDecoder().raw_decode(done.output[start:])
    except ValueError:
        return [], "dvc params diff did not answer in JSON"
    found = [
        Change(file=file[:300], name=name[:300], before=values.get("old"), after=values.get("new"))
        for file, names in files.items()
        for name, values in names.items()
    ]
    return found[:2000], None
