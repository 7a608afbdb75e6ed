"""What the command line shows: values in, lines on the terminal out."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
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
    from champion.registry.versions import Version

_MARKS = {"started": "...", "finished": "done", "cached": "cached"}
_COLOURS = {"promoted": "green", "kept": "yellow", "would_promote": "green", "would_keep": "yellow"}


def out() -> Console:
    """The console for results; made when it is used, so that a captured stdout is the one written to."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def notes() -> Console:
    """The console for progress and warnings: stderr, so that stdout can be read by a program."""
    return Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def steps(quiet: bool) -> Iterator[Callable[[str, str], None]]:
    """Shows the steps of a run as they go: a line when one starts (on a terminal only), and one when it is done."""
    console = notes()
    started: dict[str, float] = {}
    running: set[str] = set()

    def tell(step: str, what: str) -> None:
        now = time.perf_counter()
        begun = started.setdefault(step, now)
        (running.add if what == "started" else running.discard)(step)
        if quiet or (what == "started" and not console.is_terminal):
            return
        took = f"{now - begun:6.1f} s" if what == "finished" else ""
        console.print(f"  {step:<28}{_MARKS[what]:<8}{took}", end="\r" if what == "started" else "\n", markup=False)

    try:
        yield tell
    except BaseException as error:
        for step in [] if quiet else sorted(running):
            console.print(f"  {step:<28}{'failed' if isinstance(error, Exception) else 'stopped'}", markup=False)
        raise


@contextmanager
def rows(quiet: bool) -> Iterator[Callable[[int, int | None, float], None]]:
    """Shows how many rows are done, of how many, by the share of the table; on a terminal only."""
    console = notes()
    columns = (TextColumn("  rows"), BarColumn(), TextColumn("{task.fields[done]}"), TimeRemainingColumn())
    bar = Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
    task = bar.add_task("rows", total=1.0, done="")

    def tell(count: int, known: int | None, share: float) -> None:
        if console.is_terminal and not quiet:
            bar.start()
            bar.update(task, completed=share, done=f"{count:,}" if known is None else f"{count:,} of {known:,}")

    try:
        yield tell
    finally:
        bar.stop()


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
    columns = {
        "challenger": outcome.challenger,
        **({"champion": champion.number, "difference": None} if champion else {}),
    }
    for name, number in columns.items():
        table.add_column(name if number is None else f"{name}\nversion {number}", justify="right")
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
    action = outcome.action.replace("_", " ").capitalize()
    console.print(f"[bold {_COLOURS[outcome.action]}]{action}.[/] {escape(decision.reason)}", soft_wrap=True)


def batch_summary(tally: Tally, written: str, rejects: str | None) -> None:
    """How many rows were scored, as what, and where they and the others are."""
    console = out()
    predicted = f"Predicted {tally.predicted:,} of {tally.rows:,} rows"
    console.print(f"{predicted} with model version {tally.model_version}: {written}", markup=False)
    console.print("  " + ", ".join(f"{label} {count:,}" for label, count in tally.labels.items()), markup=False)
    if rejects:
        console.print(f"Rejected {tally.rejected:,}: {rejects}", markup=False)
        for reason, count in sorted(tally.reasons.items(), key=lambda reason: -reason[1])[:5]:
            console.print(f"  {count:,}: {reason}", markup=False)


def versions_list(use_case: str, versions: Sequence[Version]) -> None:
    """The versions, newest first."""
    console = out()
    if not versions:
        console.print(f"No model version of {use_case} yet: `python run.py train` makes the first.", markup=False)
        return
    for version in sorted(versions, key=lambda version: -version.number):
        record = version.record
        score = f"{record.metric} {record.challenger_score:.4f}"
        if record.champion_score is not None:
            score += f" against {record.champion_score:.4f} of version {record.judged_against}"
        style = "bold green" if version.stage == "production" else "bold"
        console.print(f"[{style}]version {version.number:<4} {version.stage:<11}[/] {score}", soft_wrap=True)
        console.print(f"  {escape(record.reason)}", soft_wrap=True)
        made = record.created[:16].replace("T", " ")
        commit = (record.commit or "none")[:8]
        console.print(f"  [dim]{made} UTC, data {record.data_version[:8]}, commit {commit}[/]", soft_wrap=True)


def version_facts(version: Version) -> dict[str, Any]:
    """One entry of `models --json`."""
    keys = ("metrics", "data_version", "commit", "created", "reason", "fingerprint", "judged_against", "replaced")
    return {"number": version.number, "stage": version.stage} | {key: getattr(version.record, key) for key in keys}


def columns_table(columns: Sequence[Column]) -> None:
    """What `init` did with each column, and why."""
    table = Table(title_justify="left")
    for name in ("column", "kind", "used", "why"):
        table.add_column(name, overflow="fold")
    for column in columns:
        table.add_row(escape(column.name), column.kind, "yes" if column.used else "no", escape(column.why))
    out().print(table)
