"""What the command line shows: values in, lines on the terminal out."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.segment import Segment
from rich.table import Table

from champion.errors import counted
from champion.harmless import printable
from champion.progress import watched
from champion.reporting.words import NOTHING, p_value, percent

if TYPE_CHECKING:
    from champion.bundle.batch import Tally
    from champion.comparison.decision import Decision
    from champion.comparison.evaluation import Evaluation, Outcome
    from champion.datastore.index import Pointer
    from champion.drift.report import DriftReport, Moment
    from champion.modeling.columns import Column
    from champion.registry.versions import Version

QUIET_SECONDS = 10.0  # after which work that goes on says so in a pipe
_MARKS = {"queued": "queued", "started": "...", "finished": "done", "cached": "cached"}
_ACTIONS = {"promoted": "green", "kept": "yellow", "would_promote": "green", "would_keep": "yellow"}
_VERDICTS = {"drift": "red", "schema": "red", "not_enough": "yellow", "none": "green"}
_SHORT = {"drift": "drift", "none": "no drift", "not_enough": "too few", "ignored": "ignored"}
_BARS = "▁▂▃▄▅▆▇█"
_MOST_FEATURES, _LAST_MOMENTS = 20, 40


class _HarmlessConsole(Console):
    """Shows what would steer a terminal as its escape, wherever it was printed from."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            text = "\r".join(map(printable, segment.text.split("\r")))  # rich keeps that of `end` alone
            yield segment if segment.control else segment._replace(text=text)


def out() -> Console:
    """The console for results; made when it is used, so that a captured stdout is the one written to."""
    return _HarmlessConsole(highlight=False, soft_wrap=not sys.stdout.isatty())


def notes() -> Console:
    """The console for progress and warnings: stderr, so that stdout can be read by a program."""
    return _HarmlessConsole(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def progress(quiet: bool) -> Iterator[Callable[[str, str], None]]:
    """Shows how far a run is; steps are told to what is yielded.

    A step has a line when it starts (on a terminal, or where it was queued before), and one when it is done. On a terminal a bar
    says how many rows are done, of how many, by the share of the table.
    """
    console = notes()
    columns = (
        TextColumn("  {task.description}"),
        BarColumn(),
        TextColumn("{task.fields[done]}"),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False)
    task = bar.add_task("rows", total=1.0, done="")
    started: dict[str, float] = {}
    running: set[str] = set()
    queued: set[str] = set()

    def tell_step(step: str, what: str) -> None:
        now = time.perf_counter()
        begun = now if what == "queued" else started.setdefault(step, now)
        (running.add if what == "started" else running.discard)(step)
        if what == "queued":
            queued.add(step)
        if quiet or (what == "started" and not console.is_terminal and step not in queued):
            return
        took = f"{now - begun:6.1f} s" if what == "finished" else ""
        over = what == "started" and step not in queued  # the line of several that go at once is not written over
        console.print(f"  {step:<28}{_MARKS[what]:<8}{took}", end="\r" if over else "\n", markup=False)

    def tell_rows(count: int, known: int | None, share: float) -> None:
        if console.is_terminal and not quiet:
            bar.start()
            bar.update(task, completed=share, done=f"{count:,}" if known is None else f"{count:,} of {known:,}")

    try:
        try:
            with watched(tell_rows, _teller_of_parts(quiet, console, bar, task)):
                yield tell_step
        finally:
            bar.stop()
    except BaseException as error:  # Ctrl-C too names the steps that it stopped
        for step in [] if quiet else sorted(running):
            console.print(f"  {step:<28}{'failed' if isinstance(error, Exception) else 'stopped'}", markup=False)
        raise


def _teller_of_parts(quiet: bool, console: Console, bar: Progress, task: TaskID) -> Callable[[str, int, int], None]:
    """Says how many fits of a candidate are done: on a terminal a bar, else a line where nothing was said for a while."""
    said = time.perf_counter()

    def tell(what: str, done: int, parts: int) -> None:
        nonlocal said
        if console.is_terminal and not quiet:
            bar.start()
            bar.update(task, description=what, completed=done / parts, done=f"{done} of {parts} fits")
        elif not quiet and time.perf_counter() - said >= QUIET_SECONDS and done < parts:
            said = time.perf_counter()
            console.print(f"  {what:<28}{done} of {parts} fits", markup=False)

    return tell


def warn(messages: Sequence[str]) -> None:
    """Warnings and notes, one a line."""
    console = notes()
    for message in messages:
        console.print(f"[yellow]Note:[/] {escape(message)}")


def training_summary(evaluation: Evaluation, decision: Decision, outcome: Outcome) -> None:
    """Champion and challenger side by side, the decision in one sentence, and how often this holdout has judged."""
    from champion.reporting import sentences

    challenger, champion = evaluation.challenger, evaluation.champion
    rows = evaluation.rows
    some = f" of {rows.holdout}" if rows.overlap_only else ""
    title = f"{evaluation.use_case}: {rows.judged}{some} holdout rows judge"
    numbers = {"challenger": outcome.challenger, **({"champion": champion.number} if champion else {})}
    heads = [name if number is None else f"{name}\nversion {number}" for name, number in numbers.items()]
    table = Table("score", title=title, title_justify="left")
    for head in [*heads, *(["difference"] if champion else [])]:
        table.add_column(head, justify="right")
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
    console.print(f"[bold {_ACTIONS[outcome.action]}]{action}.[/] {escape(decision.reason)}", soft_wrap=True)
    if rows.overlap_only:
        console.print(sentences.overlap(evaluation), markup=False, soft_wrap=True)
    if told := sentences.clients(evaluation, outcome):
        console.print(told, markup=False, soft_wrap=True)
    if outcome.judged > 1:
        console.print(sentences.holdout_use(evaluation, outcome), markup=False, soft_wrap=True)


def batch_summary(tally: Tally, written: str, rejects: str | None) -> None:
    """How many rows were scored, as what, and where they and the others are."""
    console = out()
    predicted = f"Predicted {tally.predicted:,} of {tally.rows:,} rows"
    console.print(f"{predicted} with model version {tally.model_version}: {written}", markup=False)
    console.print("  " + ", ".join(f"{label} {count:,}" for label, count in tally.labels.items()), markup=False)
    if tally.quoted:
        cells = counted(tally.quoted, "cell", "cells")
        console.print(f"  {cells} that a spreadsheet would take for a formula got an apostrophe in front", markup=False)
    if rejects:
        console.print(f"Rejected {tally.rejected:,}: {rejects}", markup=False)
        for reason, count in sorted(tally.reasons.items(), key=lambda reason: -reason[1])[:5]:
            console.print(f"  {count:,}: {reason}", markup=False)


def versions_list(use_case: str, versions: Sequence[Version], elsewhere: Pointer | None, metric: str) -> None:
    """The versions, newest first; before them a champion that only its pointer is known of."""
    console = out()
    if elsewhere:
        scored = f"{metric} {elsewhere.metrics[metric]:.4f}" if metric in elsewhere.metrics else ""
        console.print(f"[bold green]version {elsewhere.number!s:<4} production [/] {escape(scored)}", soft_wrap=True)
        console.print(
            "  Named by its pointer in git; its package is not on this machine.", markup=False, soft_wrap=True
        )
    elif not versions:
        console.print(f"No model version of {use_case} yet: `python run.py train` makes the first.", markup=False)
        return
    revisions = [each.champion_state.revision if each.champion_state else 0 for each in versions]
    for revision, version in sorted(
        zip(revisions, versions, strict=True), key=lambda pair: (-pair[1].number, -pair[0])
    ):
        record = version.record
        score = f"{record.metric} {record.challenger_score:.4f}"
        if record.champion_score is not None:
            score += f" against {record.champion_score:.4f} of version {record.judged_against}"
        style = "bold green" if version.stage == "production" else "bold"
        console.print(f"[{style}]version {version.number:<4} {version.stage:<11}[/] {score}", soft_wrap=True)
        if live := version.live:
            interval = f"95 % interval {live.low:.4f} to {live.high:.4f}"
            rows = f"{counted(live.rows, 'labelled row', 'labelled rows')}, {interval}, {live.created[:10]}"
            console.print(f"  live {live.metric} {live.score:.4f} ({rows})", markup=False, soft_wrap=True)
        console.print(f"  {escape(record.reason)}", soft_wrap=True)
        made = record.created[:16].replace("T", " ")
        commit, of = (record.commit or "none")[:8], f"revision {revision}, model" if revision else "model"
        by = version.champion_state.by if version.champion_state else None
        made_by = f", made champion by {escape(by)}" if by else ""
        what = f"data {record.data_version[:8]}, commit {commit}, {of} {record.model[:8]}"
        console.print(f"  [dim]{made} UTC, {what}{made_by}[/]", soft_wrap=True)


def pointer_facts(pointer: Pointer) -> dict[str, Any]:
    """The entry of `models --json` of a champion that only its pointer is known of."""
    known = {key: pointer.text(key) for key in ("data_version", "commit")}
    unknown = dict.fromkeys(("created", "reason", "fingerprint", "judged_against", "replaced"))
    facts = {"number": pointer.number, "stage": "production", "metrics": pointer.metrics, **known, **unknown}
    return {
        **facts,
        "made_champion_by": pointer.text("by"),
        "revision": None,
        "model": pointer.text("model"),
        "live": None,
    }


def version_facts(version: Version) -> dict[str, Any]:
    """One entry of `models --json`."""
    keys = ("metrics", "data_version", "commit", "created", "reason", "fingerprint", "judged_against", "replaced")
    state = version.champion_state
    facts = {key: getattr(version.record, key) for key in keys}
    about = {
        "made_champion_by": state and state.by,
        "revision": state and state.revision,
        "model": version.record.model,
        "live": version.live and version.live.model_dump(),
    }
    return {"number": version.number, "stage": version.stage} | facts | about


def columns_table(columns: Sequence[Column], missing: Mapping[str, float]) -> None:
    """What `init` did with each column, and why; `missing` are shares of the rows."""
    table = Table(title_justify="left")
    for name in ("column", "kind", "used", "missing", "why"):
        table.add_column(name, overflow="fold")
    for column in columns:
        share = f"{missing[column.name]:.1%}" if column.name in missing else ""
        table.add_row(escape(column.name), column.kind, "yes" if column.used else "no", share, escape(column.why))
    out().print(table)


def class_counts(classes: Mapping[str, int], most: int = 8) -> None:
    """How many rows each class has."""
    each = [f"{name} {count:,}" for name, count in classes.items()]
    more = f" and {len(each) - most} more" if len(each) > most else ""
    out().print(f"Rows by class: {', '.join(each[:most])}{more}.", markup=False)


def drift_summary(report: DriftReport) -> None:
    """The features, worst first, and the verdict."""
    from champion.reporting.drift.page import BADGES, version_lines, worst_first

    features = worst_first(report)
    listed, console = features[:_MOST_FEATURES], out()
    fewer = report.counted_rows is not None and report.counted_rows < report.current_rows
    again = f" (counted as {report.counted_rows:,})" if fewer else ""
    rows = f"{report.current_rows:,} new rows{again} beside {report.reference_rows:,}"
    title = f"{report.use_case}: {rows} of champion v{report.model_version}"
    table = Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("feature", overflow="fold", min_width=14)
    for head in ("verdict", "test", "p", "moved", "limit", "missing", "range", "unseen"):
        table.add_column(head, justify="left" if head in ("verdict", "test") else "right", no_wrap=True)
    for feature in listed:
        bold = "bold red" if feature.verdict == "drift" else "default"
        p = NOTHING if feature.p_corrected is None else p_value(feature.p_corrected).replace("below ", "<")
        shares = (feature.effect, feature.threshold, feature.missing, feature.outside, feature.unseen)
        parts = (NOTHING if share is None else percent(share) for share in shares)
        name, test = f"[{bold}]{escape(feature.name)}[/]", feature.test or NOTHING
        table.add_row(name, _SHORT[feature.verdict], test, p, *parts)
    console.print()
    console.print(table)
    if len(features) > len(listed):
        console.print(f"and {len(features) - len(listed)} more in the report", markup=False)
    for feature in (each for each in listed if each.verdict == "drift"):
        console.print(f"  {escape(feature.name)}: {escape(feature.reason)}", soft_wrap=True)
    for difference in report.schema_differences:
        column = f"{escape(difference.column)} ({difference.what})"
        console.print(f"  column {column}: {escape(difference.text)}", soft_wrap=True)
    for line in version_lines(report):
        console.print(line, markup=False, soft_wrap=True)
    console.print(
        f"[bold {_VERDICTS[report.verdict]}]{BADGES[report.verdict]}.[/] {escape(report.reason)}", soft_wrap=True
    )


def history_summary(moments: Sequence[Moment]) -> None:
    """Every feature over the last comparisons, as a line of bars."""
    last = moments[-_LAST_MOMENTS:]
    console = out()
    title = f"Share of rows that moved, {last[0].created[:10]} to {last[-1].created[:10]}"
    table = Table("feature", "over time", "last", "drift", title=title, title_justify="left")
    for name in dict.fromkeys(name for moment in last for name in moment.effects):
        effects = [moment.effects.get(name) for moment in last]
        times = sum(name in moment.drifted for moment in last)
        newest = effects[-1]
        bars = "".join(" " if each is None else _BARS[min(int(each * 16), 7)] for each in effects)
        share = NOTHING if newest is None else percent(newest)
        table.add_row(escape(name), bars, share, str(times) if times else NOTHING)
    console.print(table)
    verdicts = [moment.verdict for moment in moments]
    console.print(f"{len(moments)} comparisons, {verdicts.count('drift')} with drift.", markup=False)
