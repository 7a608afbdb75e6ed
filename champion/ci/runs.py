"""Commands of run.py as steps of a workflow: shown while they run, kept in a log, and without a secret in either.

What one step tells the next are files under ``reports/``, which git ignores and the workflow uploads.
"""

import os
import re
import sys
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, ValidationError

from champion.ci.environment import Environment, hidden, secrets_of
from champion.errors import ProjectError
from champion.reporting.comment import ComparedChampion, Failure, Value
from champion.terminal import echo
from champion.workspace import process
from champion.workspace.files import write_text
from champion.workspace.workspace import use_cases

STATE, RUN_LOG = "ci.json", "run.log"
LAST_LINES = 25
BEFORE = "the preparation, before the first step"
_STEP = re.compile(r"^  (\w[\w.-]*) +(done|cached|failed)\b")
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

Kind = TypeVar("Kind", bound=Value)


class CiState(Value):
    """What is known before anything is trained, and what became of the pointer afterwards."""

    base: str | None = None
    refusal: str | None = None
    redirected: list[str] = Field(default_factory=list)  # files by which DVC fetches from, or pushes to, another place
    remote: bool = False
    champions: dict[str, ComparedChampion] = Field(default_factory=dict, alias="standings")
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


def load(root: Path) -> CiState:
    """What the steps before have left; nothing where none ran."""
    return read(root / "reports" / STATE, CiState) or CiState()


def save(root: Path, state: CiState) -> None:
    """Keep it for the next step."""
    write_text(root / "reports" / STATE, state.as_json())


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


def run_logged(root: Path, arguments: list[str], log: Path) -> tuple[int, list[str]]:
    """Call run.py, with its output in a file, too; its exit code, and the lines of its output."""
    echo(f"python run.py {' '.join(arguments)}")
    variables = {key: value for key, value in os.environ.items() if value or not key.startswith("ZENML_")}
    variables.pop("REPO_TOKEN", None)
    secrets = secrets_of(variables)
    log.parent.mkdir(parents=True, exist_ok=True)
    plain = {**variables, "PYTHONUNBUFFERED": "1", "COLUMNS": "120"}
    started = process.start([sys.executable, "run.py", *arguments], root, environment=plain)
    lines = []
    assert started.stdout is not None
    with started.stdout as output, log.open("w", encoding="utf-8") as file:
        for line in output:
            clean = hidden(_COLOUR.sub("", line), secrets)
            echo(clean.rstrip("\n"))
            file.write(clean)
            lines.append(clean.rstrip())
    return started.wait(), lines


def judge_all(root: Path, env: Environment) -> int:
    """Train every use case without promotion; the exit code of the first run that failed."""
    return _train_all(root, env, ["--no-promote"])


def promote_all(root: Path, env: Environment) -> int:
    """Train with promotion, where a champion would outlive this machine: on a ZenML server, or on a DVC remote.

    `GITHUB_OUTPUT` gets ``record=true`` where a package can be pushed. Returns the exit code of the first run that
    failed; 0 where none did.
    """
    remote = load(root).remote
    lasting = remote or env.has_server
    if not lasting:
        echo("Nothing is promoted: there is neither a DVC remote nor a ZenML server to keep a champion.")
    env.append("GITHUB_OUTPUT", f"record={'true' if remote else 'false'}\n")
    return _train_all(root, env, [] if lasting else ["--no-promote"])


def _train_all(root: Path, env: Environment, options: list[str]) -> int:
    """Run the pipeline of every use case, one after the other; a failure does not stop the rest.

    Of a champion that only its pointer is known of, as on a pull request from a fork, nothing is decided.
    """
    codes, known = [], load(root).champions
    for workspace in use_cases(root):
        for name in ("evaluation.json", "decision.json", STATE):
            (workspace.reports / name).unlink(missing_ok=True)
        champion = known.get(workspace.use_case.name)
        offline = ["--offline"] if champion is not None and champion.source == "pointer" else []
        arguments = ["train", "--config", workspace.shown_config, "--stack", env.stack, *options, *offline]
        code, lines = run_logged(root, arguments, workspace.reports / RUN_LOG)
        ran = Ran(exit_code=code)
        if code:
            last = [line[:500] for line in lines if line][-LAST_LINES:]
            ran = Ran(exit_code=code, step=_failed_step(lines), lines=last)
        write_text(workspace.reports / STATE, ran.as_json())
        codes.append(code)
    return next((code for code in codes if code), 0)


def _failed_step(lines: list[str]) -> str:
    """The step that a run's own lines name as failed; else that it ended before the first, or after the last it names."""
    steps = [match.groups() for line in lines if (match := _STEP.match(line))]
    failed = [name for name, what in steps if what == "failed"]
    if failed:
        return failed[0]
    return f"what follows {steps[-1][0]}" if steps else BEFORE
