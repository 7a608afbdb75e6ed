"""The report as Markdown: one screen first, details folded below; and what all our Markdown is made of.

Charts are Mermaid's `xychart-beta` and `pie`, which GitHub draws itself from the text.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from champion.comparison.evaluation import Evaluation
from champion.harmless import code as code
from champion.harmless import text as text
from champion.reporting import sentences, tables
from champion.reporting.report import ReportedRun, report_of
from champion.reporting.tables import Head, Table
from champion.reporting.words import NOTHING, clause, clean, name

WARNINGS = 5
ALIGNED = {"number": "--:", "change": "--:"}
MOST_POINTS = 40  # of one chart: more cannot be told apart in a comment's width

_PUNCTUATION = frozenset(" .,:()+-_/=%")  # that may stand in a chart


def folded(title: str, parts: list[str]) -> str:
    """Details that open at a click; nothing where there is nothing to tell."""
    inside = "\n\n".join(filter(None, parts))
    return f"<details>\n<summary>{title}</summary>\n\n{inside}\n\n</details>" if inside else ""


def table(content: Table) -> str:
    """A table of GitHub's Markdown, every cell of it escaped."""
    head = "| " + " | ".join(text(column.title) for column in content.columns) + " |"
    rule = "|" + "|".join(ALIGNED.get(column.kind, ":--") for column in content.columns) + "|"
    rows = [
        "| " + " | ".join(map(_cell, row.cells, content.columns, [row.tone] * len(row.cells))) + " |"
        for row in content.rows
    ]
    return "\n".join([head, rule, *rows, *(["", text(content.note)] if content.note else [])])


def _cell(value: str, column: Head, tone: str) -> str:
    safe = code(value) if column.kind == "name" else text(value)
    return f"**{safe}**" if tone and value != NOTHING else safe


def warnings(evaluation: Evaluation) -> str:
    """The first warnings as a list, and how many more there are."""
    lines = [f"- {text(clean(warning, 400))}" for warning in evaluation.warnings]
    more = [f"- and {len(lines) - WARNINGS} more"] if len(lines) > WARNINGS else []
    return "\n".join(["**Warnings**", "", *lines[:WARNINGS], *more]) if lines else ""


class Series(NamedTuple):
    """One line, or one set of bars, with its colour as ``#rrggbb``."""

    kind: str  # "line" or "bar"
    colour: str
    values: Sequence[float]


def chart_label(value: object, limit: int = 40) -> str:
    """A name as it can stand between Mermaid's quotes: letters, digits and a little punctuation, else a space.

    >>> chart_label('a "b" `c`;d')
    'a b c d'
    """
    calm = "".join(char if char.isalnum() or char in _PUNCTUATION else " " for char in clean(value, limit))
    return " ".join(calm.replace("%%", " ").split()) or "(empty)"


def xychart(title: str, x_axis: str, y_axis: str, lowest: float, highest: float, series: Sequence[Series]) -> str:
    """A chart of lines and bars; what is not finite stands at the lowest end.

    `x_axis` is in Mermaid's words, see `name_axis` and `number_axis`. All series have the same length, at most `MOST_POINTS`.
    """
    colours = ", ".join(each.colour for each in series)
    lines = [f"  {each.kind} [{', '.join(_number(one, lowest, highest) for one in each.values)}]" for each in series]
    palette = f'%%{{init: {{"themeVariables": {{"xyChart": {{"plotColorPalette": "{colours}"}}}}}}}}%%'
    axes = f"  x-axis {x_axis}", f'  y-axis "{chart_label(y_axis)}" {lowest:g} --> {highest:g}'
    return _mermaid([palette, "xychart-beta", f'  title "{chart_label(title, 80)}"', *axes, *lines])


def number_axis(name: str, start: float, end: float) -> str:
    """A level axis of numbers."""
    return f'"{chart_label(name)}" {start:g} --> {end:g}'


def name_axis(values: Sequence[object]) -> str:
    """A level axis of names."""
    return "[" + ", ".join(f'"{chart_label(value, 16)}"' for value in values) + "]"


def pie(title: str, parts: dict[str, int]) -> str:
    """A pie of counts; parts of nothing are left out, and without any there is no pie."""
    slices = [f'  "{chart_label(name)}" : {count}' for name, count in parts.items() if count > 0]
    return _mermaid([f"pie showData title {chart_label(title, 80)}", *slices]) if slices else ""


def _number(value: float, lowest: float, highest: float) -> str:
    return f"{min(max(value, lowest), highest) if math.isfinite(value) else lowest:.4f}"


def _mermaid(lines: Sequence[str]) -> str:
    return "\n".join(["```mermaid", *lines, "```"])


def render_markdown(run: ReportedRun) -> str:
    """The report as GitHub's Markdown: headings, tables and folded details; no image and no link.

    Names of the user's stand in code spans, so that none of them is taken for markup, a mention or HTML.
    """
    evaluation, decision, profile, provenance, outcome = run
    clients = sentences.clients(evaluation, outcome)
    task = report_of(evaluation.task)
    test = task.paired_table(evaluation)
    paired = [table(test), text(task.paired(evaluation.paired))] if test and evaluation.paired else []
    told = sentences.baseline(evaluation)
    policy = [
        table(tables.checks(decision)) if decision.checks else "",
        text(told) if told else "",
        *paired,
        text(task.smallest_gain(evaluation)),
    ]
    sides, periods = tables.sides(profile), tables.periods(evaluation)
    data = [text(task.target(profile)), text(sentences.columns(profile))]
    data += [*([table(sides)] if sides else []), table(tables.data(profile))]
    parts = [
        f"## {text(clean(evaluation.use_case))}: {text(clause(sentences.headline(outcome)))}",
        text(clean(decision.reason, 600)),
        table(tables.scores(evaluation, outcome)),
        text(clients) if clients else "",
        text(sentences.compared_rows(evaluation, outcome)),
        warnings(evaluation),
        folded(f"{clean(evaluation.metric)} by period", [table(periods)]) if periods else "",
        folded("Why: policy and paired test", policy),
        folded(task.DETAILS, [_errors(evaluation), table(task.details(evaluation))]),
        folded("Candidates", [text(sentences.search(evaluation)), table(tables.candidates(evaluation))]),
        folded("Columns that matter", [text(sentences.importance(evaluation))]),
        folded("Data", data),
        folded("Provenance", [table(tables.provenance(provenance, evaluation))]),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _errors(evaluation: Evaluation) -> str:
    sides = [side for side in (evaluation.challenger, evaluation.champion) if side]
    lines = [f"- {side.role}: {text(report_of(evaluation.task).errors(side, evaluation))}" for side in sides]
    absent = evaluation.rows.missing_classes
    if absent:
        lines.append(f"- not in the holdout: {text(', '.join(map(name, absent[:20])))}")
    return "\n".join(lines)
