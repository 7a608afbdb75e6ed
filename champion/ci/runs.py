"""Commands of run.py as steps of a workflow: shown while they run, kept in a log, and without a secret in either."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from champion.ci import state
from champion.ci.environment import Environment, hidden
from champion.workspace import process
from champion.workspace.workspace import Workspace

LAST_LINES = 25
BEFORE = "the preparation, before the first step"
_STEP = re.compile(r"^  (\w[\w.-]*) +(done|cached|failed)\b")
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def run_logged(root: Path, arguments: list[str], log: Path) -> tuple[int, list[str]]:
    """Call run.py; its output is kept in a file.

    Returns
    -------
    code : int
        Its exit code.
    lines : list of str
        Of its output.
    """
    sys.stdout.write(f"python run.py {' '.join(arguments)}\n")
    sys.stdout.flush()
    variables = {key: value for key, value in os.environ.items() if value or not key.startswith("ZENML_")}
    variables.pop("REPO_TOKEN", None)
    log.parent.mkdir(parents=True, exist_ok=True)
    plain = {**variables, "PYTHONUNBUFFERED": "1", "COLUMNS": "120"}
    started = process.start([sys.executable, "run.py", *arguments], root, environment=plain)
    lines = []
    assert started.stdout is not None
    with started.stdout as output, log.open("w", encoding="utf-8") as file:
        for line in output:
            clean = hidden(_COLOUR.sub("", line), variables)
            sys.stdout.write(clean)
            sys.stdout.flush()
            file.write(clean)
            lines.append(clean.rstrip())
    return started.wait(), lines


def judge_all(root: Path, env: Environment) -> int:
    """Train every use case without promotion; the exit code of the first run that failed."""
    return _train_all(root, env, promote=False)


def promote_all(root: Path, env: Environment) -> int:
    """Train with promotion, where a champion would outlive this machine: on a ZenML server, or on a DVC remote.

    `GITHUB_OUTPUT` gets ``record=true`` where a package can be pushed. Returns the exit code of the first run that
    failed; 0 where none did.
    """
    remote = state.load(root).remote
    lasting = remote or env.has_server
    if not lasting:
        sys.stdout.write("Nothing is promoted: there is neither a DVC remote nor a ZenML server to keep a champion.\n")
    env.append("GITHUB_OUTPUT", f"record={'true' if remote else 'false'}\n")
    return _train_all(root, env, promote=lasting)


def _train_all(root: Path, env: Environment, promote: bool) -> int:
    """Run the pipeline of every use case, one after the other; a failure does not stop the rest."""
    codes = []
    for workspace in state.use_cases(root):
        for name in ("evaluation.json", "decision.json", "ci.json"):
            (workspace.reports / name).unlink(missing_ok=True)
        ran = _train(workspace, env, promote)
        state.save_run(workspace, ran)
        codes.append(ran.exit_code)
    return next((code for code in codes if code), 0)


def _train(workspace: Workspace, env: Environment, promote: bool) -> state.Ran:
    arguments = [
        "train",
        "--config",
        workspace.shown_config,
        "--stack",
        env.stack,
        *([] if promote else ["--no-promote"]),
    ]
    code, lines = run_logged(workspace.root, arguments, workspace.reports / state.RUN_LOG)
    if code == 0:
        return state.Ran(exit_code=0)
    last = [line[:500] for line in lines if line][-LAST_LINES:]
    return state.Ran(exit_code=code, step=failed_step(lines), lines=last)


def failed_step(lines: list[str]) -> str:
    """The step that a run's own lines name as failed; else that it ended before the first, or after the last it names."""
    steps = [match.groups() for line in lines if (match := _STEP.match(line))]
    failed = [name for name, what in steps if what == "failed"]
    if failed:
        return failed[0]
    return f"what follows {steps[-1][0]}" if steps else BEFORE
