"""One issue per use case: opened at drift, kept up to date while it lasts, closed when it is over.

An issue is found by a marker in the first line of its body, and only where a bot or a member of the repository opened
it, so that a stranger's issue is never taken for it. What was not compared changes nothing.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from champion.ci import drift, drift_words, github
from champion.ci.drift_words import Seen
from champion.ci.surroundings import Surroundings

PAGES = 1000  # of a hundred open issues and pull requests
LABEL = "drift"
MEMBERS = ("OWNER", "MEMBER", "COLLABORATOR")
_MARKER = re.compile(re.escape(drift_words.marker("NAME")).replace("NAME", r"([a-z0-9][a-z0-9_-]*)") + r"\s*(?:\n|$)")

Issues = dict[str, list[int]]


def keep_issues(root: Path, around: Surroundings) -> str:
    """Bring the issues in line with what ``make ci-drift`` found.

    Parameters
    ----------
    root : Path
        The checkout, with ``reports/drift.json`` and each use case's ``drift.md``.
    around : Surroundings
        `GITHUB_REPOSITORY`, `GITHUB_API_URL` and `REPO_TOKEN`.

    Returns
    -------
    str
        What was done, a line for each use case.

    Raises
    ------
    GitHubError
        When GitHub refuses; the next run does what is missing then.
    """
    watch = drift.load(root)
    if watch is None:
        return "Nothing was compared, so the issues stay as they are."
    known = open_issues(around)
    lines = [
        f"{name}: {_reconcile(root, around, name, seen, known.pop(name, []))}" for name, seen in watch.seen.items()
    ]
    for name, numbers in known.items():
        for number in numbers:
            _close(around, number, drift_words.gone(name))
            lines.append(f"{name}: closed issue {number}, since there is no such use case any more.")
    return "\n".join(lines)


def open_issues(around: Surroundings) -> Issues:
    """The open issues of the monitor: by use case their numbers, the oldest first."""
    found: Issues = {}
    for listed in github.pages(around, "issues?state=open", PAGES):
        for issue in listed:
            marked = _MARKER.match(str(issue.get("body") or ""))
            if marked and "pull_request" not in issue and _is_ours(issue):
                found.setdefault(marked[1], []).append(int(issue["number"]))
    return {name: sorted(set(numbers)) for name, numbers in found.items()}


def _is_ours(issue: dict[str, Any]) -> bool:
    return (issue.get("user") or {}).get("type") == "Bot" or issue.get("author_association") in MEMBERS


def _reconcile(root: Path, around: Surroundings, name: str, seen: Seen, numbers: list[int]) -> str:
    """Open, update or close the issue of one use case."""
    first = numbers[0] if numbers else None
    for number in numbers[1:]:
        _close(around, number, drift_words.twin(numbers[0]), "not_planned")
    if seen.is_drift:
        report = (root / "reports" / name / "drift.md").read_text(encoding="utf-8")
        content = {
            "title": drift_words.title(name),
            "body": drift_words.body(name, seen, report, around.run_link),
        }
        if first is not None:
            github.call(around, "PATCH", f"issues/{first}", content)
            return f"drift; issue {first} is up to date."
        made = github.call(around, "POST", "issues", {**content, "labels": [LABEL]})
        return f"drift; opened issue {made['number']}."
    if seen.outcome == "none":
        if first is None:
            return "no drift."
        _close(around, first, drift_words.over(seen, around.run_link))
        return f"the drift is over; closed issue {first}."
    what = {"not_enough": "not enough data", "skipped": "nothing to compare"}.get(seen.outcome, "the comparison failed")
    return f"{what}; {'there is no issue' if first is None else f'issue {first} stays as it is'}."


def _close(around: Surroundings, number: int, comment: str, reason: str = "completed") -> None:
    """Close first: what breaks off between both leaves no issue to be closed, and commented on, again."""
    github.call(around, "PATCH", f"issues/{number}", {"state": "closed", "state_reason": reason})
    github.call(around, "POST", f"issues/{number}/comments", {"body": comment})
