"""The newest data of every use case against its champion: ``run.py monitor``, with what it found kept for the issues."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from champion.ci import github, state
from champion.ci.drift_words import Seen, summary
from champion.ci.running import run_logged
from champion.ci.surroundings import Surroundings
from champion.datastore import dvc
from champion.drift.report import DriftReport
from champion.drift.verdict import exit_code
from champion.errors import ConfigurationError, ProjectError
from champion.reporting.comment_input import Value
from champion.workspace.workspace import Workspace, shown, write_text

WATCH, SUMMARY, RUN_LOG = "drift.json", "drift.md", "drift.log"
PLACEHOLDER = "{use_case}"
PIPELINE = "mlops-pipeline.yml"
LAST_LINES = 12


class Watch(Value):
    """What one run of the workflow found, by use case."""

    seen: dict[str, Seen]

    @property
    def drifted(self) -> list[str]:
        """The use cases whose data are not what they were."""
        return [name for name, seen in self.seen.items() if seen.is_drift]


def load(root: Path) -> Watch | None:
    """What ``make ci-drift`` found; None where it did not get that far.

    Raises
    ------
    ProjectError
        When the file cannot be read.
    """
    try:
        return Watch.model_validate_json((root / "reports" / WATCH).read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise ProjectError(f"reports/{WATCH} cannot be read ({error.error_count()} errors). Remove it.") from None


def watch_all(root: Path, around: Surroundings) -> int:
    """Compare the newest data of every use case on the stack; a failure does not stop the rest.

    Writes ``reports/drift.json`` and ``reports/drift.md``, and appends the latter to the job's summary.

    Parameters
    ----------
    root : Path
        The checkout, with the champions that ``make ci-champion`` fetched.
    around : Surroundings
        `CI_STACK` names the stack, `DRIFT_DATA` the table; `GITHUB_OUTPUT` gets ``drift=true`` or ``drift=false``.

    Returns
    -------
    int
        0 where every comparison could be made, whatever was found; else the exit code of the first that failed.

    Raises
    ------
    ConfigurationError
        When `DRIFT_DATA` fits no use case, or several tables might be the newest.
    """
    for name in (WATCH, SUMMARY):
        (root / "reports" / name).unlink(missing_ok=True)
    places = list(state.use_cases(root))
    tables = newest(root, places, around["DRIFT_DATA"])
    settled = state.load(root)
    found = {
        workspace.use_case.name: _seen(workspace, tables.get(workspace.use_case.name), settled, around)
        for workspace in places
    }
    watch = Watch(seen=found)
    write_text(root / "reports" / WATCH, watch.as_json())
    written = summary({name: (seen, _report(root, name, seen)) for name, seen in found.items()}, around.run_link)
    write_text(root / "reports" / SUMMARY, written)
    _append(around["GITHUB_STEP_SUMMARY"], written)
    _append(around["GITHUB_OUTPUT"], f"drift={'true' if watch.drifted else 'false'}\n")
    return next((seen.exit_code for seen in found.values() if seen.exit_code), 0)


def _append(path: str, text: str) -> None:
    if path:
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)


def _report(root: Path, name: str, seen: Seen) -> str:
    path = root / "reports" / name / "drift.md"
    return path.read_text(encoding="utf-8") if seen.compared else ""


def newest(root: Path, places: list[Workspace], named: str) -> dict[str, Path]:
    """Where the newest data of each use case are.

    Parameters
    ----------
    named : str
        A path in the checkout, in which ``{use_case}`` stands for the name; empty for ``data/NAME-new.*``.

    Returns
    -------
    dict of str to Path
        By use case; one that has no new data is left out.

    Raises
    ------
    ConfigurationError
        When a path fits no use case or all of them, or two tables might be meant.
    """
    names = [workspace.use_case.name for workspace in places]
    if not named:
        return {name: table for name in names if (table := _beside(root, name)) is not None}
    if PLACEHOLDER not in named and len(names) > 1:
        raise ConfigurationError(
            f"DRIFT_DATA is {named}, one table for {len(names)} use cases ({', '.join(names)}). Write {PLACEHOLDER} where "
            "the name of the use case stands."
        )
    paths = {name: root / named.replace(PLACEHOLDER, name) for name in names}
    found = {name: path for name, path in paths.items() if _exists(path)}
    if not found:
        raise ConfigurationError(
            f"DRIFT_DATA is {named}, and no use case has a file or a pointer there. Correct it, or commit the pointer that "
            "`dvc add` wrote."
        )
    return found


def _exists(path: Path) -> bool:
    return path.exists() or path.with_name(f"{path.name}.dvc").exists()


def _beside(root: Path, name: str) -> Path | None:
    """The table that a pointer ``data/NAME-new.*.dvc`` names."""
    found = sorted((root / "data").glob(f"{name}-new.*.dvc"))
    if len(found) > 1:
        raise ConfigurationError(
            f"{', '.join(shown(path, root) for path in found)} all name new data of {name}. Keep one of them, or name it "
            "in DRIFT_DATA."
        )
    return found[0].with_suffix("") if found else None


def _seen(workspace: Workspace, table: Path | None, settled: state.State, around: Surroundings) -> Seen:
    name = workspace.use_case.name
    standing = settled.standings.get(name)
    if table is None:
        return Seen(outcome="skipped", why=f"There are no new data: no pointer data/{name}-new.*.dvc.")
    source = shown(table, workspace.root)
    if standing is not None and standing.source == "none":
        return Seen(outcome="skipped", source=source, why="There is no champion yet.")
    if standing is not None and standing.source == "pointer":
        return Seen(outcome="failed", source=source, why=f"The champion was not fetched: {standing.why}.", exit_code=1)
    try:
        dvc.fetch_missing(workspace.root, table)
    except ProjectError as error:
        return Seen(outcome="failed", source=source, why=str(error), exit_code=error.exit_code)
    return _compared(workspace, source, dvc.tracked(workspace.root, table).md5, around)


def _compared(workspace: Workspace, source: str, md5: str | None, around: Surroundings) -> Seen:
    for name in ("drift.json", "drift.md"):
        (workspace.reports / name).unlink(missing_ok=True)
    command = ["run.py", "monitor", source, "--config", workspace.shown_config, "--stack", around.stack]
    code, said = run_logged(workspace.root, command, workspace.reports / RUN_LOG)
    try:
        report = DriftReport.model_validate_json((workspace.reports / "drift.json").read_bytes())
    except (FileNotFoundError, ValidationError):
        report = None
    if report is None or code != exit_code(report.verdict, "drift"):
        last = "\n".join(line for line in said if line.strip())[-2000:].splitlines()[-LAST_LINES:]
        return Seen(outcome="failed", source=source, why="\n".join(last), exit_code=code or 1)
    return Seen(
        outcome=report.verdict, source=source, data_version=md5, model_version=report.model_version,
        created=report.created, why=report.reason,
    )  # fmt: skip


def retrain(root: Path, around: Surroundings) -> str:
    """Start the training pipeline; its challenger is judged as any other.

    Parameters
    ----------
    around : Surroundings
        `GITHUB_REF_NAME` is the branch, `REPO_TOKEN` may start workflows.

    Returns
    -------
    str
        What was done.

    Raises
    ------
    GitHubError
        When GitHub does not start it.
    """
    del root
    branch = around.need("GITHUB_REF_NAME", "the branch that is trained")
    github.call(around, "POST", f"actions/workflows/{PIPELINE}/dispatches", {"ref": branch})
    return f"Started {PIPELINE} on {branch}. It promotes only a challenger that beats the champion on the holdout."
