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
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from champion.comparison.evaluation import Evaluation, Performance
from champion.modeling.evaluation import CandidateResult
from champion.modeling.profile import ColumnProfile, Profile
from champion.reporting import facts, svg
from champion.reporting.words import clean, distinct

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 400
MOST_BARS = 5
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
    """Every figure that the evidence allows: ``<svg>`` elements by their names in `DRAW`, and those of `profile_figures`.

    The same input gives the same bytes.
    """
    with style():
        drawn = {name: draw(evaluation) for name, draw in DRAW.items()}
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
        axes = self.axes(_margin(labels), 36, right)
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


def _margin(labels: list[str]) -> float:
    return 14 + 6.6 * max(map(len, labels), default=0)


def _confusion(evaluation: Evaluation, performance: Performance | None) -> str:
    if performance is None or not performance.confusion:
        return ""
    matrix = facts.matrix(performance, evaluation.classes)
    size = len(matrix.labels)
    labels = distinct(matrix.labels, 14)
    left = _margin(labels)
    cell = min(80.0, (WIDTH - left - 8) / size)
    upright = max(map(len, labels)) * 6.6 < cell
    bottom = 22 if upright else 14 + 4.9 * max(map(len, labels))
    drawing = Drawing(height=cell * size + bottom + 24)
    axes = drawing.axes(left, bottom, right=WIDTH - left - cell * size, top=24)
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.set(xlim=(0, size), ylim=(size, 0))
    centres = [i + 0.5 for i in range(size)]
    axes.set_yticks(centres, labels)
    turned: dict[str, Any] = {"rotation": 0, "ha": "center"} if upright else {"rotation": 45, "ha": "right"}
    axes.set_xticks(centres, labels, rotation_mode="anchor", **turned)
    axes.set_title("rows: truth, columns: prediction", fontsize=11.5, color=svg.MUTED, loc="left")
    for i, row in enumerate(matrix.counts):
        for j, rows in enumerate(row):
            _cell(axes, i, j, rows, sum(row), size)
    return drawing.svg(performance.role, f"Confusion matrix of the {performance.role}")


def _cell(axes: "Axes", row: int, column: int, rows: int, of: int, size: int) -> None:
    from matplotlib.patches import Rectangle

    right = row == column
    summed_up = right and row == facts.MATRIX_CLASSES
    share = rows / of if of else 0.0
    alpha = 0.14 + 0.46 * (share if right else min(1.0, 2 * share)) if rows else 0.06
    face = svg.RULE if not rows or summed_up else svg.RIGHT if right else svg.WRONG
    axes.add_patch(Rectangle((column + 0.03, row + 0.03), 0.94, 0.94, fc=face, alpha=alpha, lw=0, clip_on=False))
    if rows or size <= 5:
        digits = len(str(rows))
        look: dict[str, Any] = {"fontsize": 13 if size <= 5 else 11 if digits <= 3 else 36 / digits}
        look["color"] = svg.INK if rows else svg.MUTED
        axes.text(column + 0.5, row + 0.5, str(rows), ha="center", va="center_baseline", **look)


def _curves(evaluation: Evaluation, kind: facts.CurveKind) -> str:
    lines = facts.lines(evaluation, kind)
    if not lines:
        return ""
    labels = distinct(["" if line.label is None else line.label for line in lines], 24)
    thin = [line for line in lines if line.label is not None and line is not lines[0] and line.role == "challenger"]
    drawing = Drawing(height=296 + 18 * len(lines))
    axes = drawing.axes(48, 44 + 18 * len(lines), right=12)
    measure = "AUC" if kind == "roc" else "AP"
    if kind == "roc":
        axes.plot([0, 1], [0, 1], color=svg.MUTED, lw=0.8, dashes=(2, 3))
        axes.set(xlabel="others taken for the class (false positive rate)", ylabel="found (true positive rate)")
    else:
        axes.set(xlabel="found (recall)", ylabel="right among those found (precision)")
    for line, label in zip(lines, labels, strict=True):
        colour = svg.CLASS_COLOURS[thin.index(line)] if line in thin else ROLE_COLOURS[line.role]
        of = f"mean of {line.of} classes" if line.label is None else label
        who = of if line in thin else f"{line.role}, {of}"
        area = "" if line.area is None else f", {measure} {line.area:.3f}"
        width, above = (1.2, 2) if line in thin else (2.2, 3)
        look: dict[str, Any] = {"color": colour, "ls": LINES[line.role], "lw": width, "zorder": above}
        axes.plot(line.x, line.y, label=who + area, clip_on=False, **look)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_xticks(*UNIT)
    axes.set_yticks(*UNIT)
    drawing.legend(axes)
    return drawing.svg(kind, "ROC curves" if kind == "roc" else "Precision-recall curves")


def _calibration(evaluation: Evaluation) -> str:
    sides = [each for each in (evaluation.challenger, evaluation.champion) if each]
    drawn = {each.role: bins for each in sides if (bins := facts.reliability(each, evaluation.classes))}
    if not drawn:
        return ""
    drawing = Drawing(height=352)
    axes = drawing.axes(48, 126, right=12)
    below = drawing.axes(48, 62, right=12, top=352 - 116)
    axes.plot([0, 1], [0, 1], color=svg.MUTED, lw=0.8, dashes=(2, 3))
    for role, bins in drawn.items():
        shift = 0.0 if role == "challenger" else 0.045
        said, so, most = [each.said for each in bins], [each.so for each in bins], max(each.rows for each in bins)
        sizes = [8 + 52 * math.sqrt(each.rows / most) for each in bins]
        axes.plot(said, so, color=ROLE_COLOURS[role], ls=LINES[role], lw=1.4, label=role, alpha=0.7, clip_on=False)
        axes.scatter(said, so, s=sizes, color=ROLE_COLOURS[role], lw=0, clip_on=False, zorder=3)
        lefts = [min(int(each.said * 10), 9) / 10 + 0.005 + shift for each in bins]
        heights = [each.rows for each in bins]
        below.bar(lefts, heights, width=0.042, align="edge", color=ROLE_COLOURS[role], alpha=0.65, lw=0)
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="share that was so")
    axes.set_yticks(*UNIT)
    axes.set_xticks(*UNIT)
    below.set_xticks(*UNIT)
    axes.tick_params(labelbottom=False)
    below.set(xlim=(0, 1), xlabel="predicted probability, and how many of them")
    most = max(each.rows for bins in drawn.values() for each in bins)
    below.set_yticks([0, most], ["0", f"{most}" if most < 10_000 else f"{most / 1000:.0f}k"])
    drawing.legend(axes, columns=2)
    return drawing.svg("calibration", "Calibration: predicted probability against what was so")


def _importance(evaluation: Evaluation) -> str:
    columns = [each for each in evaluation.challenger.importance if math.isfinite(each.mean)][: facts.BARS]
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
    candidates = candidates[: facts.SEARCHED_CANDIDATES]
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
    ranked = facts.ranked(candidate.trials)[: facts.TRIALS]
    points = [(trial.mean, trial.std) for trial in ranked] or [(candidate.cv_mean or 0.0, candidate.cv_std or 0.0)]
    step = height / (len(points) + 1)
    for i, (mean, std) in enumerate(points):
        best = i == 0
        width, alpha, size = (1.2, 1, 5) if best else (0.7, 0.75, 3)
        face, y = colour if best else svg.SURFACE, top + step * (i + 1)
        mark: dict[str, Any] = {"fmt": "o", "ms": size, "mfc": face, "mew": 0.9}
        axes.errorbar([mean], [y], xerr=[std], color=colour, elinewidth=width, alpha=alpha, zorder=3, **mark)


DRAW: dict[str, Callable[[Evaluation], str]] = {
    "confusion_challenger": lambda evaluation: _confusion(evaluation, evaluation.challenger),
    "confusion_champion": lambda evaluation: _confusion(evaluation, evaluation.champion),
    "roc": lambda evaluation: _curves(evaluation, "roc"),
    "precision_recall": lambda evaluation: _curves(evaluation, "precision_recall"),
    "calibration": _calibration,
    "importance": _importance,
    "search": _search,
}
"""By name; a figure to which the evidence has nothing is empty."""


def profile_figures(profile: Profile) -> dict[str, str]:
    """The classes as ``profile_target``, and each drawn column as ``profile_<i>``, its place in the profile."""
    drawn = {f"profile_{i}": _column(column) for i, column in facts.drawn_columns(profile)}
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
