"""What the command line shows: values in, lines on the terminal out."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from champion.bundle.batch import Tally
    from champion.comparison.decision import Decision
    from champion.comparison.evaluation import Evaluation
    from champion.comparison.provenance import Outcome
    from champion.modeling.columns import Column
    from champion.registry.versions import Record, Version

_MARKS = {"started": "...", "finished": "done", "cached": "cached"}
_PREFIXES = {"promoted": "[bold green]Promoted.[/] ", "kept": "[bold yellow]Kept.[/] ",
             "would_promote": "[bold green]Would promote.[/] ", "would_keep": "[bold yellow]Would keep.[/] "}  # fmt: skip


def out() -> Console:
    """The console for results; made when it is used, so that a captured stdout is the one written to."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def notes() -> Console:
    """The console for progress and warnings: stderr, so that stdout can be read by a program."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


class Steps:
    """Shows the steps of a run as they go."""

    def __init__(self, quiet: bool) -> None:
        self._console = notes()
        self._quiet = quiet
        self._started: dict[str, float] = {}
        self._running: set[str] = set()

    def __enter__(self) -> Steps:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del error, trace
        if kind is None or self._quiet:
            return
        what = "failed" if issubclass(kind, Exception) else "stopped"
        for step in sorted(self._running):
            self._console.print(f"  {step:<28}{what}", markup=False)

    def tell(self, step: str, what: str) -> None:
        """One line when a step starts (on a terminal only), and one when it is done."""
        now = time.perf_counter()
        begun = self._started.setdefault(step, now)
        (self._running.add if what == "started" else self._running.discard)(step)
        if self._quiet or (what == "started" and not self._console.is_terminal):
            return
        took = f"{now - begun:6.1f} s" if what == "finished" else ""
        end = "\r" if what == "started" else "\n"
        self._console.print(f"  {step:<28}{_MARKS[what]:<8}{took}", end=end, markup=False)


class Rows:
    """Shows how many rows are done, on a terminal only; entered around the run that tells of them."""

    def __init__(self, quiet: bool) -> None:
        console = notes()
        shown = console.is_terminal and not quiet
        columns = (TextColumn("  rows"), BarColumn(), TextColumn("{task.fields[done]}"), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
        self._task = self._bar.add_task("rows", total=1.0, done="") if shown else None

    def __enter__(self) -> Rows:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def tell(self, rows: int, known: int | None, share: float) -> None:
        """How many rows are done, of how many, and the share of the table."""
        if self._task is not None:
            self._bar.start()
            done = f"{rows:,}" if known is None else f"{rows:,} of {known:,}"
            self._bar.update(self._task, completed=share, done=done)


def warn(messages: Sequence[str]) -> None:
    """Warnings and notes, one a line."""
    console = notes()
    for message in messages:
        console.print(f"[yellow]Note:[/] {escape(message)}")


def training_summary(evaluation: Evaluation, decision: Decision, outcome: Outcome) -> None:
    """Champion and challenger side by side, and the decision in one sentence."""
    challenger, champion = evaluation.challenger, evaluation.champion
    table = Table(title=f"{evaluation.use_case}: {evaluation.rows.judged} holdout rows judge", title_justify="left")
    table.add_column("score")
    table.add_column(f"challenger{_number(outcome.challenger)}", justify="right")
    if champion:
        table.add_column(f"champion{_number(champion.number)}", justify="right")
        table.add_column("difference", justify="right")
    table.add_row("candidate", challenger.candidate, *([champion.candidate, ""] if champion else []))
    for name, value in challenger.scores.items():
        row = [f"[bold]{name}[/]" if name == evaluation.metric else name, f"{value:.4f}"]
        if champion:
            theirs = champion.scores.get(name)
            row += ["-" if theirs is None else f"{theirs:.4f}", "" if theirs is None else f"{value - theirs:+.4f}"]
        table.add_row(*row)
    console = out()
    console.print()
    console.print(table)
    console.print(f"{_PREFIXES[outcome.action]}{escape(decision.reason)}", soft_wrap=True)


def _number(number: int | None) -> str:
    return f"\nversion {number}" if number is not None else ""


def batch_summary(tally: Tally, written: str, rejects: str | None) -> None:
    """How many rows were scored, as what, and where they and the others are."""
    console = out()
    console.print(
        f"Predicted {tally.predicted:,} of {tally.rows:,} rows with model version {tally.model_version}: {written}",
        markup=False,
    )
    console.print("  " + ", ".join(f"{label} {count:,}" for label, count in tally.labels.items()), markup=False)
    if rejects:
        console.print(f"Rejected {tally.rejected:,}: {rejects}", markup=False)
        for reason, count in sorted(tally.reasons.items(), key=lambda found: -found[1])[:5]:
            console.print(f"  {count:,}: {reason}", markup=False)


def versions_list(use_case: str, versions: Sequence[Version]) -> None:
    """The versions, newest first."""
    console = out()
    if not versions:
        console.print(f"No model version of {use_case} yet: `python run.py train` makes the first.", markup=False)
        return
    for version in sorted(versions, key=lambda version: -version.number):
        record = version.record
        style = "bold green" if version.stage == "production" else "bold"
        console.print(f"[{style}]version {version.number:<4} {version.stage:<11}[/] {_score(record)}", soft_wrap=True)
        console.print(f"  {escape(record.reason)}", soft_wrap=True)
        made = record.created[:16].replace("T", " ")
        commit = (record.commit or "none")[:8]
        console.print(f"  [dim]{made} UTC, data {record.data_version[:8]}, commit {commit}[/]", soft_wrap=True)


def _score(record: Record) -> str:
    score = f"{record.metric} {record.challenger_score:.4f}"
    if record.champion_score is None:
        return score
    return f"{score} against {record.champion_score:.4f} of version {record.judged_against}"


def version_facts(version: Version) -> dict[str, Any]:
    """One entry of `models --json`."""
    record = version.record
    return {
        "number": version.number,
        "stage": version.stage,
        "metrics": record.metrics,
        "data_version": record.data_version,
        "commit": record.commit,
        "created": record.created,
        "reason": record.reason,
        "fingerprint": record.fingerprint,
        "judged_against": record.judged_against,
        "replaced": record.replaced,
    }


def columns_table(columns: Sequence[Column]) -> None:
    """What `init` did with each column, and why."""
    table = Table(title_justify="left")
    for name in ("column", "kind", "used", "why"):
        table.add_column(name, overflow="fold")
    for column in columns:
        table.add_row(escape(column.name), column.kind, "yes" if column.used else "no", escape(column.why))
    out().print(table)
