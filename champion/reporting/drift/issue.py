"""What the drift monitor writes on GitHub: the body of an issue, its last comment, and the job's summary."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from champion.reporting.comment import Value
from champion.reporting.markdown import text
from champion.reporting.words import clean

MOST_BYTES = 60_000  # of an issue's body; GitHub takes 65,536 characters
SUMMARY_BYTES = 900_000  # of a summary; GitHub takes 1 MiB
TITLE = "Drift in the data of {name}"
USE_CASE_GONE = "There is no use case `{name}` under `configs/` any more, so its data are no longer compared."
SECOND_ISSUE = "#{number} is about the same data; that one is kept up to date."  # the last comment of a second issue
_FOLD = re.compile(r"</?details>")


class UseCaseDrift(Value):
    """What became of one use case; `compared` only where the gate gave a verdict."""

    outcome: Literal["none", "drift", "schema", "not_enough", "skipped", "failed"]
    source: str = ""
    data_version: str | None = None
    model_version: int | None = None
    created: str = ""  # ISO 8601, UTC
    why: str = ""
    exit_code: int = 0

    @property
    def compared(self) -> bool:
        """Whether there is a report."""
        return self.outcome not in ("skipped", "failed")

    @property
    def is_drift(self) -> bool:
        """Whether the data, or their columns, are not what they were."""
        return self.outcome in ("drift", "schema")


def marker(name: str) -> str:
    """The first line of an issue's body, by which it is found again; GitHub does not show it."""
    return f"<!-- champion-drift: {name} -->"


def body(name: str, drift: UseCaseDrift, report: str, link: str | None) -> str:
    """The text of an issue while the drift lasts: at most `MOST_BYTES` of UTF-8, for which the report is shortened."""
    head, foot = f"{marker(name)}\n", f"\n{_foot(name, drift, link)}\n"
    return head + shortened(report, MOST_BYTES - len((head + foot).encode())) + foot


def _foot(name: str, drift: UseCaseDrift, link: str | None) -> str:
    return f"""### What to do

- An error in the data: mend it where they are made.
- The world has changed: add rows like these to the table of `configs/{name}.yaml`, `make push`, commit the pointer. \
The pipeline trains a challenger; it is judged as any other, and nothing is promoted because of drift alone.
- A change that does not matter: `drift.ignore` or `drift.effects` in `configs/{name}.yaml`.

{compared_with(drift, link)} This text is written anew by each comparison; the issue is closed when the drift is over."""


def compared_with(drift: UseCaseDrift, link: str | None) -> str:
    """What was compared with what, when, and where the rest is."""
    version = f" ({text(drift.data_version[:8])})" if drift.data_version else ""
    run = f" [The run]({link}) keeps the whole report as its artifact `drift`." if link else ""
    source = clean(drift.source).replace("`", " ")
    return (
        f"Compared: `{source}`{version} with what version {drift.model_version} was trained on, "
        f"{datetime.fromisoformat(drift.created):%Y-%m-%d %H:%M} UTC.{run}"
    )


def over(drift: UseCaseDrift, link: str | None) -> str:
    """The last comment of an issue."""
    return f"The drift is over. {text(clean(drift.why, 600))} {compared_with(drift, link)}"


def summary(comparisons: Mapping[str, tuple[UseCaseDrift, str]], link: str | None) -> str:
    """The summary of a run as Markdown: at most `SUMMARY_BYTES` of UTF-8."""
    parts = [_section(name, drift, report, link) for name, (drift, report) in comparisons.items()]
    return shortened("\n\n".join(parts or ["There is no use case under `configs/`."]) + "\n", SUMMARY_BYTES)


def _section(name: str, drift: UseCaseDrift, report: str, link: str | None) -> str:
    if drift.compared:
        return f"{report.rstrip()}\n\n{compared_with(drift, link)}"
    what = "nothing was compared" if drift.outcome == "skipped" else "the comparison failed"
    lines = "\n".join(clean(line, 500).replace("~", "-") for line in drift.why.splitlines())
    return f"## {name}: {what}\n\n~~~~text\n{lines}\n~~~~"


def shortened(report: str, most: int) -> str:
    """A report of at most so many bytes: whole lines from its top, and no fold that is cut in two.

    A sentence says so where something was left out.
    """
    if len(report.encode()) <= most:
        return report
    note = "\nShortened: the artifact `drift` of the run has all of it.\n"
    whole = report.encode()[: max(most - len(note.encode()), 0)].decode(errors="ignore").rpartition("\n")
    start = whole[0] + whole[1]
    folds = list(_FOLD.finditer(start))
    if folds and folds[-1].group() == "<details>":
        start = start[: folds[-1].start()]
    return start + note
