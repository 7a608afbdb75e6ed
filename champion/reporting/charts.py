"""How the figures of a report are drawn: what an evaluation and a profile hold, as SVG that can be inlined in a page.

Drawn with matplotlib's objects, never pyplot, so that nothing global is left behind and a server thread could do it.
All but the small histograms are 400 units wide, so that text has one size on a page. What is said of a figure is a row of
`champion.reporting.figures`, so that another sentence draws nothing anew.
"""

import io
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, Any

from champion.comparison.evaluation import Evaluation
from champion.modeling.evaluation import CandidateResult, Trial
from champion.modeling.profile import ColumnProfile, Profile
from champion.modeling.tasks import part_of
from champion.reporting import svg
from champion.reporting.words import clean, distinct

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 400
MOST_BARS = 5  # of a small figure
BARS = 15
SEARCHED_CANDIDATES = 30
TRIALS = 20
COLUMNS = 24
_PLAIN = f"fill:{svg.CHALLENGER};opacity:0.6"
ROLE_COLOURS = {"challenger": svg.CHALLENGER, "champion": svg.CHAMPION}
LINES: dict[str, Any] = {"challenger": "-", "champion": (0, (5, 2.5))}
UNIT = [0, 0.2, 0.4, 0.6, 0.8, 1], ["0", "0.2", "0.4", "0.6", "0.8", "1"]
SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.size": 11.5,
    "text.color": svg.INK,
    "axes.edgecolor": svg.RULE,
    "axes.labelcolor": svg.MUTED,
    "axes.linewidth": 0.8,
    **{f"axes.spines.{side}": False for side in ("top", "right")},
    "axes.prop_cycle": f"cycler('color', ['{svg.INK}'])",
    "axes.grid": True,
    "axes.axisbelow": True,
    **{f"{part}.facecolor": "none" for part in ("axes", "figure")},
    "grid.color": svg.RULE,
    "grid.alpha": 0.45,
    "grid.linewidth": 0.6,
    **{f"{axis}tick.color": svg.RULE for axis in "xy"},
    **{f"{axis}tick.labelcolor": svg.MUTED for axis in "xy"},
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 11.5,
}


def figures(evaluation: Evaluation, profile: Profile) -> dict[str, str]:
    """Every figure that the evidence allows, as ``<svg>``: of `DRAW`, here and in the task's module, and of `profile_figures`.

    The same input gives the same bytes.
    """
    with style():
        draw: dict[str, Callable[[Evaluation], str]] = {**part_of(__name__, evaluation.task).DRAW, **DRAW}
        drawn = {name: drawing(evaluation) for name, drawing in draw.items()}
    return {name: drawing for name, drawing in (drawn | profile_figures(profile)).items() if drawing}


@contextmanager
def style() -> Iterator[None]:
    """Draw in the style of the report, whatever matplotlib was set to; its settings are restored afterwards."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph")  # the browser's fonts know more letters
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS)  # type: ignore[arg-type]  # keys are typed as literals
        yield


class Drawing:
    """One figure, sized and placed in units of the view box, with the origin at the lower left."""

    def __init__(self, height: float) -> None:
        from matplotlib.backends.backend_svg import FigureCanvasSVG
        from matplotlib.figure import Figure

        self.size = (WIDTH, height)
        self.figure: Figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
        FigureCanvasSVG(self.figure)

    def axes(self, left: float, bottom: float, right: float = 8, top: float = 8) -> "Axes":
        """Axes that leave these margins."""
        width, height = self.size
        size = (width - left - right) / width, (height - bottom - top) / height
        axes = self.figure.add_axes((left / width, bottom / height, *size))
        axes.tick_params(length=0, pad=5)
        return axes

    def rows_of(self, names: Sequence[str], centres: Sequence[float], right: float) -> "Axes":
        """Axes whose rows have these names."""
        labels = distinct(names, 20)
        axes = self.axes(margin(labels), 36, right)
        axes.grid(False, axis="y")
        axes.set_yticks(centres, labels)
        return axes

    def legend(self, axes: "Axes", columns: int = 1) -> None:
        """A legend along the lower edge, over the whole width."""
        handles, labels = axes.get_legend_handles_labels()
        self.figure.legend(handles, labels, loc="lower left", ncols=columns, borderaxespad=0.2, handlelength=1.6)

    def svg(self, key: str, title: str) -> str:
        """The finished figure; the key keeps its ids apart from those of others."""
        from matplotlib import rc_context

        buffer = io.StringIO()
        with rc_context({"svg.hashsalt": key}):
            metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
            self.figure.savefig(buffer, format="svg", metadata=metadata)
        return svg.themed(buffer.getvalue(), title)


def margin(labels: list[str]) -> float:
    """The room that names beside an axis take."""
    return 14 + 6.6 * max(map(len, labels), default=0)


def _importance(evaluation: Evaluation) -> str:
    columns = [each for each in evaluation.challenger.importance if math.isfinite(each.mean)][:BARS]
    if not columns:
        return ""
    drawing, rows = Drawing(height=20 * len(columns) + 44), list(range(len(columns)))
    axes = drawing.rows_of([each.feature for each in columns], rows, right=12)
    means = [each.mean for each in columns]
    axes.barh(rows, means, height=0.62, color=svg.CHALLENGER, alpha=0.75, lw=0)
    deviations = [each.std if math.isfinite(each.std) else 0 for each in columns]
    axes.errorbar(means, rows, xerr=deviations, fmt="none", ecolor=svg.INK, elinewidth=1, capsize=2)
    axes.axvline(0, color=svg.MUTED, lw=0.8)
    axes.set(ylim=(len(columns) - 0.5, -0.5), xlabel=f"{evaluation.metric} lost when shuffled")
    axes.locator_params(axis="x", nbins=5)
    return drawing.svg("importance", "Permutation importance of the challenger's columns")


def _search(evaluation: Evaluation) -> str:
    candidates = [each for each in evaluation.candidates if each.cv_mean is not None or each.trials]
    candidates = candidates[:SEARCHED_CANDIDATES]
    if not candidates:
        return ""
    heights = [min(20 + 5 * max(len(each.trials) - 1, 0), 72) for each in candidates]
    tops = [0, *accumulate(heights)]
    drawing = Drawing(height=tops[-1] + 44)
    centres = [top + height / 2 for top, height in zip(tops, heights, strict=False)]
    axes = drawing.rows_of([each.name for each in candidates], centres, right=14)
    for candidate, top, height in zip(candidates, tops, heights, strict=False):
        _candidate(axes, candidate, top, height)
    axes.set(ylim=(tops[-1], 0), xlabel=f"cross-validated {evaluation.metric}, mean and deviation")
    axes.locator_params(axis="x", nbins=5)
    return drawing.svg("search", "Cross-validated scores of the candidates and of their searches")


def _candidate(axes: "Axes", candidate: CandidateResult, top: float, height: float) -> None:
    """One row: a point per trial, best above; without a search one point."""
    colour = svg.CHALLENGER if candidate.chosen else svg.MUTED
    best_first = ranked(candidate.trials)[:TRIALS]
    points = [(trial.mean, trial.std) for trial in best_first] or [(candidate.cv_mean or 0.0, candidate.cv_std or 0.0)]
    step = height / (len(points) + 1)
    for i, (mean, std) in enumerate(points):
        best = i == 0
        width, alpha, size = (1.2, 1, 5) if best else (0.7, 0.75, 3)
        face, y = colour if best else svg.SURFACE, top + step * (i + 1)
        mark: dict[str, Any] = {"fmt": "o", "ms": size, "mfc": face, "mew": 0.9}
        axes.errorbar([mean], [y], xerr=[std], color=colour, elinewidth=width, alpha=alpha, zorder=3, **mark)


DRAW: dict[str, Callable[[Evaluation], str]] = {"importance": _importance, "search": _search}
"""By name, for every task; a figure to which the evidence has nothing is empty."""


def ranked(trials: list[Trial]) -> list[Trial]:
    """The settings of a search, best first; those that failed last."""
    return sorted(trials, key=lambda trial: -trial.mean if math.isfinite(trial.mean) else math.inf)


def drawn_columns(profile: Profile) -> list[tuple[int, ColumnProfile]]:
    """The first used columns that have something to draw, with their place in the profile."""
    with_counts = [(i, column) for i, column in enumerate(profile.columns) if column.used and has_histogram(column)]
    return with_counts[:COLUMNS]


def has_histogram(column: ColumnProfile) -> bool:
    """Whether the profile counted the column's values."""
    counts = column.counts or []
    if column.edges is not None:
        finite = all(map(math.isfinite, column.edges)) and all(a < b for a, b in pairwise(column.edges))
        return len(column.edges) == len(counts) + 1 and sum(counts) > 0 and finite
    return column.categories is not None and len(column.categories) == len(counts) > 0


def profile_figures(profile: Profile) -> dict[str, str]:
    """The classes as ``profile_target``, and each drawn column as ``profile_<i>``, its place in the profile."""
    drawn = {f"profile_{i}": _column(column) for i, column in drawn_columns(profile)}
    if not profile.classes:
        return drawn
    title = f"Classes of {clean(profile.target, 60)}"
    return {"profile_target": _most_frequent(list(map(str, profile.classes)), profile.class_counts, 0, title), **drawn}


def _column(column: ColumnProfile) -> str:
    title = f"Distribution of {clean(column.name, 60)}"
    counts = column.counts or []
    if column.edges is None:
        return _most_frequent(column.categories or [], counts, column.other, title)
    return svg.density(column.edges, [(counts, _PLAIN)], svg.ends(column.edges, column.kind), title)


def _most_frequent(names: Sequence[str], counts: Sequence[int], other: int, title: str) -> str:
    """The most frequent values, and a number for the rest."""
    ranked = sorted(zip(names, counts, strict=True), key=lambda pair: -pair[1])[:MOST_BARS]
    rest = sum(counts) + other - sum(rows for _, rows in ranked)
    rows = [svg.Bar(name, [rows], f"{rows:,}") for name, rows in ranked]
    return svg.bars([*rows, *([svg.Bar("others", [0], f"{rest:,}")] if rest > 0 else [])], [_PLAIN], title)
