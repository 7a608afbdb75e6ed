"""The training pipeline for every use case, with its log and its exit code kept for the comment."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from champion.ci import state
from champion.ci.running import run_logged
from champion.ci.state import Ran
from champion.ci.surroundings import Surroundings
from champion.workspace.workspace import Workspace, shown

LAST_LINES = 25
_STEP = re.compile(r"^  (\w[\w.-]*) +(done|cached|failed)\b")
BEFORE = "the preparation, before the first step"


def judge_all(root: Path, around: Surroundings) -> int:
    """Train every use case without promotion; the exit code of the first run that failed."""
    return _train_all(root, around, promote=False)


def _train_all(root: Path, around: Surroundings, promote: bool) -> int:
    """Run the pipeline of every use case on the stack, one after the other; a failure does not stop the rest.

    Parameters
    ----------
    around : Surroundings
        `CI_STACK` names the stack.
    promote : bool
        Whether production may change.

    Returns
    -------
    int
        The exit code of the first run that failed; 0 where none did.
    """
    codes = []
    for workspace in state.use_cases(root):
        for name in ("evaluation.json", "decision.json", "ci.json"):
            (workspace.reports / name).unlink(missing_ok=True)
        ran = _train(workspace, around, promote)
        state.save_run(workspace, ran)
        codes.append(ran.exit_code)
    return next((code for code in codes if code), 0)


def _train(workspace: Workspace, around: Surroundings, promote: bool) -> Ran:
    config = shown(workspace.config, workspace.root)
    command = ["run.py", "train", "--config", config, "--stack", around.stack, *([] if promote else ["--no-promote"])]
    code, said = run_logged(workspace.root, command, workspace.reports / state.RUN_LOG)
    return (
        Ran(exit_code=code, step=failed_step(said), lines=[line[:500] for line in said if line][-LAST_LINES:])
        if code
        else Ran(exit_code=0)
    )


def failed_step(said: list[str]) -> str:
    """The step that a run's own lines name as failed; else that it ended before the first, or after the last it names."""
    found = [match.groups() for line in said if (match := _STEP.match(line))]
    failed = [name for name, what in found if what == "failed"]
    if failed:
        return failed[0]
    return f"what follows {found[-1][0]}" if found else BEFORE


def promote_all(root: Path, around: Surroundings) -> int:
    """Train with promotion, where a champion would outlive this machine: on a ZenML server, or on a DVC remote.

    Parameters
    ----------
    around : Surroundings
        `GITHUB_OUTPUT` gets ``record=true`` where a package can be pushed.

    Returns
    -------
    int
        The exit code of the first run that failed; 0 where none did.
    """
    remote = state.load(root).remote
    lasting = remote or around.has_server
    if not lasting:
        sys.stdout.write("Nothing is promoted: there is neither a DVC remote nor a ZenML server to keep a champion.\n")
    if around["GITHUB_OUTPUT"]:
        with Path(around["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
            file.write(f"record={'true' if remote else 'false'}\n")
    return _train_all(root, around, promote=lasting)
