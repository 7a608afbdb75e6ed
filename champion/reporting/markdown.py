"""The report as Markdown for a pull request: one screen first, details folded below; and what all our Markdown is made of."""

import re

from champion.comparison.decision import Decision
from champion.comparison.evaluation import Evaluation
from champion.comparison.provenance import Outcome, Provenance
from champion.modeling.profile import Profile
from champion.reporting import sentences, tables
from champion.reporting.tables import Head, Table
from champion.reporting.words import NOTHING, clause, clean, name

WARNINGS = 5
ALIGNED = {"number": "--:", "change": "--:"}

_MARKUP = re.compile(r"[\\`*\[\]|~#$]|(?<![^\W_])_|_(?![^\W_])")


def text(sentence: str) -> str:
    """A sentence in which nothing is markup, HTML, a link or a mention: word joiners keep those apart."""
    calm = clean(sentence, 2000).replace("@", "@\u2060").replace("://", ":\u2060//").replace("www.", "www\u2060.")
    safe = _MARKUP.sub(lambda match: "\\" + match[0], calm)
    return safe.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def code(value: str) -> str:
    """A name as a code span of a table's cell, whatever it contains."""
    if value == NOTHING:
        return value
    longest = max(map(len, re.findall("`+", value)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if value.startswith("`") or value.endswith("`") else ""
    return f"{fence}{pad}{value}{pad}{fence}".replace("|", "\\|")


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


def render_markdown(
    evaluation: Evaluation, decision: Decision, profile: Profile, provenance: Provenance, outcome: Outcome
) -> str:
    """The report as GitHub's Markdown: headings, tables and folded details; no image and no link.

    Names of the user's stand in code spans, so that none of them is taken for markup, a mention or HTML.
    """
    test = tables.paired(evaluation)
    paired = [table(test), text(sentences.paired(evaluation.paired))] if test and evaluation.paired else []
    policy = [table(tables.checks(decision)) if decision.checks else "", *paired, text(sentences.ladder(evaluation))]
    data = [text(sentences.classes(profile)), text(sentences.columns(profile)), table(tables.data(profile))]
    parts = [
        f"## {text(clean(evaluation.use_case))}: {text(clause(sentences.headline(outcome)))}",
        text(clean(decision.reason, 600)),
        table(tables.scores(evaluation, outcome)),
        text(sentences.compared_rows(evaluation, outcome)),
        warnings(evaluation),
        folded("Why: policy and paired test", policy),
        folded("Class by class", [_errors(evaluation), table(tables.per_class(evaluation))]),
        folded("Candidates", [text(sentences.search(evaluation)), table(tables.candidates(evaluation))]),
        folded("Columns that matter", [text(sentences.importance(evaluation))]),
        folded("Data", data),
        folded("Provenance", [table(tables.provenance(provenance, evaluation))]),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _errors(evaluation: Evaluation) -> str:
    sides = [side for side in (evaluation.challenger, evaluation.champion) if side]
    lines = [f"- {side.role}: {text(sentences.confusion(side, evaluation))}" for side in sides]
    absent = evaluation.rows.missing_classes
    if absent:
        lines.append(f"- not in the holdout: {text(', '.join(map(name, absent[:20])))}")
    return "\n".join(lines)
