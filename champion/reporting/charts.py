"""The figures of a report: what an evaluation and a profile hold, drawn as SVG that can be inlined in a page.

Drawn with matplotlib's objects, never pyplot, so that nothing global is left behind and a server thread could do it.
All figures but the small histograms are 400 units wide, so that text has one size on a page.
"""

import math
from typing import TYPE_CHECKING

from champion.comparison.evaluation import Evaluation, Performance
from champion.modeling.evaluation import CandidateResult
from champion.modeling.profile import ColumnProfile, Profile
from champion.reporting import facts, svg
from champion.reporting import profile_figures as small
from champion.reporting.drawing import UNIT, WIDTH, Drawing, style
from champion.reporting.words import clean, distinct, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROLE_COLOURS = {"challenger": svg.CHALLENGER, "champion": svg.CHAMPION}


def figures(evaluation: Evaluation, profile: Profile) -> dict[str, str]:
    """Every figure that the evidence allows.

    Parameters
    ----------
    profile : Profile
        The train set; the first 24 used columns get a small histogram each.

    Returns
    -------
    dict of str to str
        ``<svg>`` elements by name: ``confusion_challenger``, ``confusion_champion``, ``roc``, ``precision_recall``,
        ``calibration``, ``importance``, ``search``, ``profile_target``, and ``profile_<i>`` for the i-th column.
        The same input gives the same bytes.
    """
    with style():
        return _drawn(evaluation, profile)


def _drawn(evaluation: Evaluation, profile: Profile) -> dict[str, str]:
    drawn = {
        "confusion_challenger": _confusion(evaluation, evaluation.challenger),
        "confusion_champion": _confusion(evaluation, evaluation.champion),
        "roc": _curves(evaluation, "roc"),
        "precision_recall": _curves(evaluation, "precision_recall"),
        "calibration": _calibration(evaluation),
        "importance": _importance(evaluation),
        "search": _search(evaluation),
        "profile_target": _target(profile),
    }
    drawn |= {f"profile_{i}": _histogram(column) for i, column in facts.drawn_columns(profile)}
    return {key: drawing for key, drawing in drawn.items() if drawing}


def _margin(labels: list[str]) -> float:
    return 14 + 6.6 * max(map(len, labels), default=0)


def _confusion(evaluation: Evaluation, performance: Performance | None) -> str:
    if performance is None:
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
    axes.set_xticks(
        centres, labels, rotation=0 if upright else 45, ha="center" if upright else "right", rotation_mode="anchor"
    )
    axes.set_title("rows: truth, columns: prediction", fontsize=11.5, color=svg.MUTED, loc="left")
    for i, row in enumerate(matrix.counts):
        for j, found in enumerate(row):
            _cell(axes, i, j, found, sum(row), size)
    return drawing.svg(performance.role, f"Confusion matrix of the {performance.role}")


def _cell(axes: "Axes", row: int, column: int, found: int, of: int, size: int) -> None:
    from matplotlib.patches import Rectangle

    colour = svg.RIGHT if row == column else svg.WRONG
    summed_up = row == column == facts.MATRIX_CLASSES
    share = found / of if of else 0.0
    alpha = 0.06 if not found else 0.14 + 0.46 * (share if row == column else min(1.0, 2 * share))
    face = svg.RULE if not found or summed_up else colour
    axes.add_patch(Rectangle((column + 0.03, row + 0.03), 0.94, 0.94, fc=face, alpha=alpha, lw=0, clip_on=False))
    if found or size <= 5:
        digits = len(str(found))
        fontsize = 13 if size <= 5 else 11 if digits <= 3 else 36 / digits
        colour = svg.INK if found else svg.MUTED
        axes.text(
            column + 0.5, row + 0.5, str(found), ha="center", va="center_baseline", fontsize=fontsize, color=colour
        )


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
        style = "-" if line.role == "challenger" else (0, (5, 2.5))
        of = f"mean of {line.of} classes" if line.label is None else label
        who = of if line in thin else f"{line.role}, {of}"
        area = "" if line.area is None else f", {measure} {line.area:.3f}"
        width = 1.2 if line in thin else 2.2
        axes.plot(
            line.x,
            line.y,
            color=colour,
            ls=style,
            lw=width,
            label=who + area,
            clip_on=False,
            zorder=2 if line in thin else 3,
        )
    axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set_xticks(*UNIT)
    axes.set_yticks(*UNIT)
    drawing.legend(axes)
    return drawing.svg(kind, "ROC curves" if kind == "roc" else "Precision-recall curves")


def _calibration(evaluation: Evaluation) -> str:
    found = {
        performance.role: facts.reliability(performance, evaluation.classes)
        for performance in (evaluation.challenger, evaluation.champion)
        if performance
    }
    if not any(found.values()):
        return ""
    drawing = Drawing(height=352)
    axes = drawing.axes(48, 126, right=12)
    below = drawing.axes(48, 62, right=12, top=352 - 116)
    axes.plot([0, 1], [0, 1], color=svg.MUTED, lw=0.8, dashes=(2, 3))
    for role, bins in found.items():
        if not bins:
            continue
        said = [each.said for each in bins]
        style, shift = ("-", 0.0) if role == "challenger" else ((0, (5, 2.5)), 0.045)
        so, most = [each.so for each in bins], max(each.rows for each in bins)
        sizes = [8 + 52 * math.sqrt(each.rows / most) for each in bins]
        axes.plot(said, so, color=ROLE_COLOURS[role], ls=style, lw=1.4, label=role, alpha=0.7, clip_on=False)
        axes.scatter(said, so, s=sizes, color=ROLE_COLOURS[role], lw=0, clip_on=False, zorder=3)
        places = [min(int(each.said * 10), 9) / 10 + 0.005 + shift for each in bins]
        heights = [each.rows for each in bins]
        below.bar(places, heights, width=0.042, align="edge", color=ROLE_COLOURS[role], alpha=0.65, lw=0)
    axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="share that was so")
    axes.set_yticks(*UNIT)
    axes.set_xticks(*UNIT)
    below.set_xticks(*UNIT)
    axes.tick_params(labelbottom=False)
    below.set(xlim=(0, 1), xlabel="predicted probability, and how many of them")
    most = max(each.rows for bins in found.values() for each in bins)
    below.set_yticks([0, most], ["0", f"{most}" if most < 10_000 else f"{most / 1000:.0f}k"])
    drawing.legend(axes, columns=2)
    return drawing.svg("calibration", "Calibration: predicted probability against what was so")


def _importance(evaluation: Evaluation) -> str:
    shown = [each for each in evaluation.challenger.importance if math.isfinite(each.mean)][: facts.BARS]
    if not shown:
        return ""
    labels = distinct([each.feature for each in shown], 20)
    drawing = Drawing(height=20 * len(shown) + 44)
    axes = drawing.axes(_margin(labels), 36, right=12)
    axes.grid(False, axis="y")
    places = list(range(len(shown)))
    axes.barh(places, [each.mean for each in shown], height=0.62, color=svg.CHALLENGER, alpha=0.75, lw=0)
    deviations = [each.std if math.isfinite(each.std) else 0 for each in shown]
    axes.errorbar([each.mean for each in shown], places, xerr=deviations,
                  fmt="none", ecolor=svg.INK, elinewidth=1, capsize=2)  # fmt: skip
    axes.axvline(0, color=svg.MUTED, lw=0.8)
    axes.set(ylim=(len(shown) - 0.5, -0.5), xlabel=f"{evaluation.metric} lost when shuffled")
    axes.set_yticks(places, labels)
    axes.locator_params(axis="x", nbins=5)
    return drawing.svg("importance", "Permutation importance of the challenger's columns")


def _search(evaluation: Evaluation) -> str:
    shown = [each for each in evaluation.candidates if each.cv_mean is not None or each.trials]
    shown = shown[: facts.SEARCHED_CANDIDATES]
    if not shown:
        return ""
    labels = distinct([each.name for each in shown], 20)
    heights = [min(20 + 5 * max(len(each.trials) - 1, 0), 72) for each in shown]
    drawing = Drawing(height=sum(heights) + 44)
    axes = drawing.axes(_margin(labels), 36, right=14)
    axes.grid(False, axis="y")
    top, places = 0.0, []
    for candidate, height in zip(shown, heights, strict=True):
        _candidate(axes, candidate, top, height)
        places.append(top + height / 2)
        top += height
    axes.set(ylim=(top, 0), xlabel=f"cross-validated {evaluation.metric}, mean and deviation")
    axes.set_yticks(places, labels)
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
        axes.errorbar([mean], [top + step * (i + 1)], xerr=[std], fmt="o", ms=5 if best else 3, color=colour,
                      elinewidth=1.2 if best else 0.7, mfc=colour if best else svg.SURFACE, mew=0.9,
                      alpha=1 if best else 0.75, zorder=3)  # fmt: skip


def _histogram(column: ColumnProfile) -> str:
    title = f"Distribution of {clean(column.name, 60)}"
    if column.edges is None:
        return small.bars(column.categories or [], column.counts or [], column.other, title)
    first, last = (
        facts.day(edge) if column.kind == "datetime" else number(edge) for edge in (column.edges[0], column.edges[-1])
    )
    return small.histogram(column.edges, column.counts or [], (first, last), title)


def _target(profile: Profile) -> str:
    if not profile.classes:
        return ""
    names = [str(label) for label in profile.classes]
    return small.bars(names, profile.class_counts, 0, f"Classes of {clean(profile.target, 60)}")
