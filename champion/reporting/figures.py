"""The figures that the report of every task has: a row for each says where it stands, what it is called and what to see in it.

`FIGURES` is for the page; its drawings come from `champion.reporting.charts.DRAW`, by name. `COMMENT_FIGURES` is for a pull
request's comment, where GitHub draws Mermaid's charts itself. A new figure is a row here and a row there, and no template; one of
a single task is a row of its folder's `report` and of its `charts`.
"""

import math
from itertools import accumulate

from champion.comparison.evaluation import Evaluation
from champion.reporting import markdown, sentences
from champion.reporting.markdown import code, text
from champion.reporting.report import CommentFigure, Figure, FigureSection
from champion.reporting.words import clean, counted, params

CHALLENGER, CHAMPION = "#2563b8", "#b27400"
SEARCHES = 3  # drawn in a comment; every candidate is in the table


SECTIONS: dict[str, FigureSection] = {
    "errors": FigureSection("Errors", "Errors"),
    "importance": FigureSection("Importance", "Permutation importance", lambda _: "It was not measured."),
    "candidates": FigureSection("Candidates", "Candidates and search", sentences.search),
}
FIGURES = (
    Figure("importance", "importance", "", sentences.importance, wide=True),
    Figure("search", "candidates", "", sentences.search, wide=True),
)


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


COMMENT_FIGURES = (CommentFigure("Learning of the search", 5, _learning),)
