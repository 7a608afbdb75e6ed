"""The figures of a report: a row for each says where it stands, what it is called and what to see in it.

`FIGURES` is for the page; its drawings come from `champion.reporting.charts.DRAW`, by name. `COMMENT_FIGURES` is for a pull
request's comment, where GitHub draws Mermaid's charts itself. A new figure is a row here and a row there, and no template.
"""

import math
from collections.abc import Callable
from functools import partial
from itertools import accumulate
from typing import NamedTuple

from champion.comparison.evaluation import Evaluation
from champion.modeling.evaluation import Curve
from champion.reporting import classification, facts, markdown, sentences
from champion.reporting.markdown import code, table, text
from champion.reporting.tables import Head, Row, Table
from champion.reporting.words import NOTHING, clean, count, counted, params, score

CHALLENGER, CHAMPION = "#2563b8", "#b27400"
SEARCHES = 3  # drawn in a comment; every candidate is in the table


class Figure(NamedTuple):
    """A figure of the page; a wide one has its caption beside it."""

    name: str
    section: str
    title: str  # a role gets its version
    caption: Callable[[Evaluation], str]
    wide: bool = False


class FigureSection(NamedTuple):
    """A section of the page: its name in the navigation, its heading, and what it says without a figure."""

    name: str
    heading: str
    otherwise: Callable[[Evaluation], str] = lambda _: ""


class CommentFigure(NamedTuple):
    """Folded details of the comment: where all cannot stay, the highest rank goes first; no parts where it does not apply."""

    title: str
    rank: int
    parts: Callable[[Evaluation], list[str]]


def _errors(role: str, evaluation: Evaluation) -> str:
    return classification.errors(getattr(evaluation, role), evaluation)


NO_PROBABILITIES = (
    "The estimator gives no probabilities, so there is no ROC, no precision-recall curve and no calibration."
)
SECTIONS: dict[str, FigureSection] = {
    "errors": FigureSection("Errors", "Errors"),
    "probabilities": FigureSection("Probabilities", "Probabilities", lambda _: NO_PROBABILITIES),
    "importance": FigureSection("Importance", "Permutation importance", lambda _: "It was not measured."),
    "candidates": FigureSection("Candidates", "Candidates and search", sentences.search),
}
_recall = partial(classification.curves, kind="precision_recall")
FIGURES = (
    Figure("confusion_champion", "errors", "champion", partial(_errors, "champion")),
    Figure("confusion_challenger", "errors", "challenger", partial(_errors, "challenger")),
    Figure("roc", "probabilities", "ROC", partial(classification.curves, kind="roc")),
    Figure("precision_recall", "probabilities", "Precision and recall", _recall),
    Figure("calibration", "probabilities", "Calibration", classification.calibration, wide=True),
    Figure("importance", "importance", "", sentences.importance, wide=True),
    Figure("search", "candidates", "", sentences.search, wide=True),
)


def _confusion(evaluation: Evaluation) -> list[str]:
    parts = []
    for side in (evaluation.challenger, evaluation.champion):
        if side is None or not side.confusion:
            continue
        matrix = facts.matrix(side, evaluation.classes)
        heads = (Head("truth, taken for", "name"), *(Head(clean(name, 24), "number") for name in matrix.labels))
        rows = [
            Row((clean(name, 40), *(count(rows) if rows else NOTHING for rows in counts)))
            for name, counts in zip(matrix.labels, matrix.counts, strict=True)
        ]
        parts += [f"**{side.role}**: {text(classification.errors(side, evaluation))}", table(Table("", heads, rows))]
    return parts


def _roc(evaluation: Evaluation) -> list[str]:
    lines = {line.role: line for line in reversed(facts.lines(evaluation, "roc"))}
    if not lines:
        return []
    drawn = [
        markdown.Series("line", colour, facts.heights(Curve(label="", x=lines[role].x, y=lines[role].y))[::5])
        for role, colour in (("challenger", CHALLENGER), ("champion", CHAMPION))
        if role in lines
    ]
    axis = markdown.number_axis("false positive rate", 0, 1)
    chart = markdown.xychart("ROC", axis, "true positive rate", 0, 1, drawn)
    areas = ", ".join(f"{role} {score(line.area)}" for role, line in sorted(lines.items(), reverse=True))
    many = ", the mean over the classes, each against the rest" if len(evaluation.classes) > 2 else ""
    legend = " Blue is the challenger, brown the champion." if len(drawn) > 1 else ""
    return [chart, text(f"Area under the curve: {areas}{many}.{legend}")]


def _learning(evaluation: Evaluation) -> list[str]:
    searched = [each for each in evaluation.candidates if len(each.trials) > 1]
    parts = []
    for candidate in searched[:SEARCHES]:
        means = [trial.mean for trial in candidate.trials[: markdown.MOST_POINTS]]
        finite = [mean for mean in means if math.isfinite(mean)]
        if not finite:
            continue
        lowest, highest = min(finite), max(finite)
        room = (highest - lowest) / 4 or abs(highest) / 20 or 0.05
        best = next((trial.params for trial in candidate.trials if trial.mean == highest), {})
        axis = markdown.name_axis(range(1, len(means) + 1))
        bars = markdown.Series("bar", CHALLENGER, means)
        line = markdown.Series("line", CHAMPION, list(accumulate(means, _better)))
        title, ends = f"Search of {clean(candidate.name, 40)}", (lowest - room, highest + room / 4)
        parts += [
            markdown.xychart(title, axis, "cross-validated score", *ends, [bars, line]),
            f"Bars are the settings in the order they were tried, the line is the best so far: {code(params(best, 160))}.",
        ]
    hidden = len(searched) - SEARCHES
    return [*parts, *([text(f"{counted(hidden, 'more search')} in the full report.")] if parts and hidden > 0 else [])]


def _better(best: float, mean: float) -> float:
    return mean if mean > best or not math.isfinite(best) else best


COMMENT_FIGURES = (
    CommentFigure("Confusion matrix", 2, _confusion),
    CommentFigure("ROC", 4, _roc),
    CommentFigure("Learning of the search", 5, _learning),
)
