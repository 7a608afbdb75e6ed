"""The newest data of every use case against its champion: ``run.py monitor``, and an issue for what it finds.

There is one issue per use case: opened at drift, kept up to date while it lasts, closed when it is over. A marker in the
first line of its body finds it, where a bot or a member of the repository opened it. What was not compared changes nothing.
"""

import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from champion.ci import runs
from champion.ci.environment import Environment
from champion.ci.repository import call, is_trusted, pages
from champion.datastore import index
from champion.datastore.fetch import fetch_missing
from champion.drift.judge import exit_code
from champion.drift.report import DriftReport
from champion.errors import ConfigurationError, ProjectError
from champion.reporting.comment import ComparedChampion, Value
from champion.reporting.drift import issue as issue_text
from champion.reporting.drift.issue import UseCaseDrift, summary
from champion.use_case.whole import NAME
from champion.workspace.files import write_text
from champion.workspace.workspace import Workspace, shown, use_cases

WATCH, SUMMARY, RUN_LOG = "drift.json", "drift.md", "drift.log"
PLACEHOLDER = "{use_case}"
PIPELINE = "mlops-pipeline.yml"
LAST_LINES = 12
PAGES = 1000  # of a hundred open issues and pull requests
LABEL = "drift"
_MARKER = re.compile(re.escape(issue_text.marker("NAME")).replace("NAME", f"({NAME})") + r"\s*(?:\n|$)")


class Watch(Value):
    """What one run of the workflow found, by use case."""

    seen: dict[str, UseCaseDrift]

    @property
    def drifted(self) -> list[str]:
        """The use cases whose data are not what they were."""
        return [name for name, seen in self.seen.items() if seen.is_drift]


def load(root: Path) -> Watch | None:
    """What ``make ci-drift`` found; None where it did not get that far."""
    return runs.read(root / "reports" / WATCH, Watch)


def watch_all(root: Path, env: Environment) -> int:
    """Compare the newest data of every use case on the stack; a failure does not stop the rest.

    `CI_STACK` names the stack, `DRIFT_DATA` the table. Writes ``reports/drift.json`` and ``reports/drift.md``, and appends
    the latter to the job's summary; `GITHUB_OUTPUT` gets ``drift=true`` or ``drift=false``. Returns 0 where every
    comparison could be made, whatever was found; else the exit code of the first that failed. Raises ConfigurationError
    when `DRIFT_DATA` fits no use case, or several tables might be the newest.
    """
    reports = root / "reports"
    for name in (WATCH, SUMMARY):
        (reports / name).unlink(missing_ok=True)
    workspaces = {workspace.use_case.name: workspace for workspace in use_cases(root)}
    tables, known = newest(root, list(workspaces), env["DRIFT_DATA"]), runs.load(root)
    seen = {
        name: _compare(workspace, tables.get(name), known.champions.get(name), env)
        for name, workspace in workspaces.items()
    }
    watch = Watch(seen=seen)
    write_text(reports / WATCH, watch.as_json())
    parts = {name: (each, _report(root, name) if each.compared else "") for name, each in seen.items()}
    written = summary(parts, env.run_link)
    write_text(reports / SUMMARY, written)
    env.append("GITHUB_STEP_SUMMARY", written)
    env.append("GITHUB_OUTPUT", f"drift={'true' if watch.drifted else 'false'}\n")
    return next((each.exit_code for each in seen.values() if each.exit_code), 0)


def _report(root: Path, name: str) -> str:
    return (root / "reports" / name / "drift.md").read_text(encoding="utf-8")


def newest(root: Path, names: list[str], given: str) -> dict[str, Path]:
    """Where the newest data of each use case are; one that has none is left out.

    `given` is a path in the checkout, in which ``{use_case}`` stands for the name; empty for ``data/NAME-new.*``. Raises
    ConfigurationError when a path fits no use case or all of them, or two tables might be meant.
    """
    if not given:
        return {name: table for name in names if (table := _beside(root, name)) is not None}
    if PLACEHOLDER not in given and len(names) > 1:
        raise ConfigurationError(
            f"DRIFT_DATA is {given}, one table for {len(names)} use cases ({', '.join(names)}). Write {PLACEHOLDER} where "
            "the name of the use case stands."
        )
    paths = {name: root / given.replace(PLACEHOLDER, name) for name in names}
    there = {name: path for name, path in paths.items() if path.exists() or path.with_name(f"{path.name}.dvc").exists()}
    if not there:
        raise ConfigurationError(
            f"DRIFT_DATA is {given}, and no use case has a file or a pointer there. Correct it, or commit the pointer that "
            "`dvc add` wrote."
        )
    return there


def _beside(root: Path, name: str) -> Path | None:
    """The table that a pointer ``data/NAME-new.*.dvc`` names."""
    pointers = sorted((root / "data").glob(f"{name}-new.*.dvc"))
    if len(pointers) > 1:
        raise ConfigurationError(
            f"{', '.join(shown(path, root) for path in pointers)} all name new data of {name}. Keep one of them, or name it "
            "in DRIFT_DATA."
        )
    return pointers[0].with_suffix("") if pointers else None


def _compare(
    workspace: Workspace, table: Path | None, champion: ComparedChampion | None, env: Environment
) -> UseCaseDrift:
    if table is None:
        why = f"There are no new data: no pointer data/{workspace.use_case.name}-new.*.dvc."
        return UseCaseDrift(outcome="skipped", why=why)
    root, reports, source = workspace.root, workspace.reports, shown(table, workspace.root)

    def failed(why: str, code: int) -> UseCaseDrift:
        return UseCaseDrift(outcome="failed", source=source, why=why, exit_code=code)

    if champion is not None and champion.source == "none":
        return UseCaseDrift(outcome="skipped", source=source, why="There is no champion yet.")
    if champion is not None and champion.source == "pointer":
        return failed(f"The champion was not fetched: {champion.why}.", 1)
    try:
        fetch_missing(root, table)
    except ProjectError as error:
        return failed(str(error), error.exit_code)
    for name in ("drift.json", "drift.md"):
        (reports / name).unlink(missing_ok=True)
    arguments = ["monitor", source, "--config", workspace.shown_config, "--stack", env.stack]
    code, lines = runs.run_logged(root, arguments, reports / RUN_LOG)
    try:
        report = DriftReport.model_validate_json((reports / "drift.json").read_bytes())
    except (FileNotFoundError, ValidationError):
        report = None
    if report is None or code != exit_code(report.verdict, "drift"):
        last = "\n".join(line for line in lines if line.strip())[-2000:].splitlines()[-LAST_LINES:]
        return failed("\n".join(last), code or 1)
    data_version, compared = index.tracked(root, table).md5, report.model_dump(include={"model_version", "created"})
    return UseCaseDrift(outcome=report.verdict, source=source, data_version=data_version, why=report.reason, **compared)


def keep_issues(root: Path, env: Environment) -> str:
    """Bring the issues in line with what ``make ci-drift`` found; a line for each use case says what was done.

    Raises GitHubError when GitHub refuses; the next run does what is missing then.
    """
    watch = load(root)
    if watch is None:
        return "Nothing was compared, so the issues stay as they are."
    issues = open_issues(env)
    lines = [f"{name}: {_reconcile(root, env, name, seen, issues.pop(name, []))}" for name, seen in watch.seen.items()]
    for name, numbers in issues.items():
        for number in numbers:
            _close(env, number, issue_text.USE_CASE_GONE.format(name=name))
            lines.append(f"{name}: closed issue {number}, since there is no such use case any more.")
    return "\n".join(lines)


def open_issues(env: Environment) -> dict[str, list[int]]:
    """The open issues of the monitor: by use case their numbers, the oldest first."""
    issues: dict[str, set[int]] = {}
    for page in pages(env, "issues?state=open", PAGES):
        for issue in page:
            marked = _MARKER.match(str(issue.get("body") or ""))
            if marked and is_trusted(issue) and "pull_request" not in issue:
                issues.setdefault(marked[1], set()).add(int(issue["number"]))
    return {name: sorted(numbers) for name, numbers in issues.items()}


def _reconcile(root: Path, env: Environment, name: str, seen: UseCaseDrift, numbers: list[int]) -> str:
    """Open, update or close the issue of one use case."""
    first = numbers[0] if numbers else None
    for number in numbers[1:]:
        _close(env, number, issue_text.SECOND_ISSUE.format(number=numbers[0]), "not_planned")
    if seen.is_drift:
        body = issue_text.body(name, seen, _report(root, name), env.run_link)
        content: dict[str, Any] = {"title": issue_text.TITLE.format(name=name), "body": body}
        if first is not None:
            call(env, "PATCH", f"issues/{first}", content)
            return f"drift; issue {first} is up to date."
        made = call(env, "POST", "issues", {**content, "labels": [LABEL]})
        return f"drift; opened issue {made['number']}."
    if seen.outcome == "none":
        if first is None:
            return "no drift."
        _close(env, first, issue_text.over(seen, env.run_link))
        return f"the drift is over; closed issue {first}."
    what = {"not_enough": "not enough data", "skipped": "nothing to compare"}.get(seen.outcome, "the comparison failed")
    return f"{what}; {'there is no issue' if first is None else f'issue {first} stays as it is'}."


def _close(env: Environment, number: int, comment: str, reason: str = "completed") -> None:
    """Close first: what breaks off between both leaves no issue to be closed, and commented on, again."""
    call(env, "PATCH", f"issues/{number}", {"state": "closed", "state_reason": reason})
    call(env, "POST", f"issues/{number}/comments", {"body": comment})


def retrain(_: Path, env: Environment) -> str:
    """Start the training pipeline on `GITHUB_REF_NAME`; its challenger is judged as any other."""
    branch = env.need("GITHUB_REF_NAME", "the branch that is trained")
    call(env, "POST", f"actions/workflows/{PIPELINE}/dispatches", {"ref": branch})
    return f"Started {PIPELINE} on {branch}. It promotes only a challenger that beats the champion on the holdout."
