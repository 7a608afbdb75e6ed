"""Curves and matrices of classes, as far as a reader can take them in, and their drawings for `champion.reporting.charts`."""

import math
from bisect import bisect_left
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from champion.comparison.evaluation import Evaluation, Performance
from champion.modeling.evaluation import Label
from champion.modeling.tasks.classification.evidence import Curve
from champion.reporting import svg
from champion.reporting.charts import LINES, ROLE_COLOURS, UNIT, WIDTH, Drawing, margin
from champion.reporting.words import distinct

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MATRIX_CLASSES = 12
CLASS_CURVES = 4
GRID = [step / 100 for step in range(101)]
CurveKind = Literal["roc", "precision_recall"]


class Matrix(NamedTuple):
    """A confusion matrix that can be read: rows are truth, columns are predictions."""

    labels: list[str]
    counts: list[list[int]]


class Line(NamedTuple):
    """A curve to draw; without a label it is the mean over all classes."""

    role: str
    label: Label | None
    x: list[float]
    y: list[float]
    area: float | None
    of: int = 1  # how many classes it is the mean of


class Bin(NamedTuple):
    """Predictions of about the same probability: what was said, what was so, and for how many."""

    said: float
    so: float
    rows: int


def matrix_of(performance: Performance, classes: list[Label]) -> Matrix:
    """A confusion matrix of the twelve classes with most errors; the rest is summed up in the last row and column."""
    counts = performance.confusion
    size = len(classes)
    if size <= MATRIX_CLASSES:
        return Matrix([str(label) for label in classes], counts)
    errors = [sum(counts[i]) + sum(row[i] for row in counts) - 2 * counts[i][i] for i in range(size)]
    worst = sorted(sorted(range(size), key=lambda i: -errors[i])[:MATRIX_CLASSES])
    row_of = {index: position for position, index in enumerate(worst)}
    folded = [[0] * (MATRIX_CLASSES + 1) for _ in range(MATRIX_CLASSES + 1)]
    for i, row in enumerate(counts):
        for j, rows in enumerate(row):
            folded[row_of.get(i, MATRIX_CLASSES)][row_of.get(j, MATRIX_CLASSES)] += rows
    return Matrix([*(str(classes[i]) for i in worst), f"{size - MATRIX_CLASSES} others"], folded)


def usable(curves: list[Curve]) -> list[Curve]:
    """The curves that have points, all of them finite."""
    return [curve for curve in curves if curve.x and all(map(math.isfinite, [*curve.x, *curve.y]))]


def positive(curves: list[Curve], classes: list[Label]) -> list[Curve]:
    """With two classes the curve of the second, the positive one; else all of them."""
    if len(classes) != 2 or len(curves) < 2:
        return curves
    return [curve for curve in curves if curve.label == classes[1]] or curves[:1]


def lines_of(evaluation: Evaluation, kind: CurveKind) -> list[Line]:
    """The few curves that can be read in one pair of axes.

    With two classes one per side. With more the mean over the classes of each side, then the challenger's four weakest
    classes, weakest first.
    """
    drawn: list[Line] = []
    for performance in (evaluation.challenger, evaluation.champion):
        curves = positive(usable(getattr(performance, kind)), evaluation.classes) if performance else []
        if not performance or not curves:
            continue
        if len(curves) == 1:
            only = curves[0]
            drawn.append(Line(performance.role, only.label, only.x, only.y, only.area))
        else:
            drawn.append(_mean_line(performance.role, curves, kind))
    if drawn and drawn[0].role == "challenger" and drawn[0].label is None:
        curves = usable(getattr(evaluation.challenger, kind))
        weakest = sorted(curves, key=lambda curve: math.inf if curve.area is None else curve.area)[:CLASS_CURVES]
        drawn += [Line("challenger", curve.label, curve.x, curve.y, curve.area) for curve in weakest]
    return drawn


def _mean_line(role: str, curves: list[Curve], kind: CurveKind) -> Line:
    columns = zip(*map(heights, curves), strict=True)
    mean = [math.fsum(column) / len(curves) for column in columns]
    areas = [curve.area for curve in curves if curve.area is not None and math.isfinite(curve.area)]
    start = ([0.0], [0.0]) if kind == "roc" else ([], [])
    area = math.fsum(areas) / len(areas) if areas else None
    return Line(role, None, [*start[0], *GRID], [*start[1], *mean], area, len(curves))


def heights(curve: Curve) -> list[float]:
    """The curve's heights over the grid, on straight lines between its points; the highest where it is upright."""
    highest: dict[float, float] = {}
    for x, y in zip(curve.x, curve.y, strict=True):
        highest[x] = max(y, highest.get(x, y))
    xs = sorted(highest)
    heights = []
    for x in GRID:
        after = min(max(bisect_left(xs, x), 1), len(xs) - 1) if len(xs) > 1 else 0
        before = max(after - 1, 0)
        width = xs[after] - xs[before]
        along = min(max((x - xs[before]) / width, 0.0), 1.0) if width else 0.0
        heights.append(highest[xs[before]] + along * (highest[xs[after]] - highest[xs[before]]))
    return heights


def reliability(performance: Performance | None, classes: list[Label], bins: int = 10) -> list[Bin]:
    """What was said and what was so, in bins of equal width: of the second of two classes, or pooled over all.

    Empty bins are left out; there is none where the estimator has no probabilities.
    """
    sums = [[0.0, 0.0, 0] for _ in range(bins)]
    for curve in positive(usable(performance.calibration), classes) if performance else []:
        weights = curve.counts or [1] * len(curve.x)
        for said, so, rows in zip(curve.x, curve.y, weights, strict=True):
            of_bin = sums[min(int(said * bins), bins - 1)]
            of_bin[:] = of_bin[0] + said * rows, of_bin[1] + so * rows, of_bin[2] + rows
    return [Bin(said / rows, so / rows, int(rows)) for said, so, rows in sums if rows]


def calibration_error(bins: list[Bin]) -> float:
    """The expected calibration error: the mean gap between said and so, weighted by rows.

    Source: Naeini, Cooper and Hauskrecht (2015), AAAI, section 3.
    """
    return sum(abs(each.said - each.so) * each.rows for each in bins) / sum(each.rows for each in bins)


def _confusion(evaluation: Evaluation, performance: Performance | None) -> str:
    if performance is None or not performance.confusion:
        return ""
    matrix = matrix_of(performance, evaluation.classes)
    size = len(matrix.labels)
    labels = distinct(matrix.labels, 14)
    left = margin(labels)
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
    summed_up = right and row == MATRIX_CLASSES
    share = rows / of if of else 0.0
    alpha = 0.14 + 0.46 * (share if right else min(1.0, 2 * share)) if rows else 0.06
    face = svg.RULE if not rows or summed_up else svg.RIGHT if right else svg.WRONG
    axes.add_patch(Rectangle((column + 0.03, row + 0.03), 0.94, 0.94, fc=face, alpha=alpha, lw=0, clip_on=False))
    if rows or size <= 5:
        digits = len(str(rows))
        look: dict[str, Any] = {"fontsize": 13 if size <= 5 else 11 if digits <= 3 else 36 / digits}
        look["color"] = svg.INK if rows else svg.MUTED
        axes.text(column + 0.5, row + 0.5, str(rows), ha="center", va="center_baseline", **look)


def _curves(evaluation: Evaluation, kind: CurveKind) -> str:
    lines = lines_of(evaluation, kind)
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
    drawn = {each.role: bins for each in sides if (bins := reliability(each, evaluation.classes))}
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


DRAW: dict[str, Callable[[Evaluation], str]] = {
    "confusion_challenger": lambda evaluation: _confusion(evaluation, evaluation.challenger),
    "confusion_champion": lambda evaluation: _confusion(evaluation, evaluation.champion),
    "roc": lambda evaluation: _curves(evaluation, "roc"),
    "precision_recall": lambda evaluation: _curves(evaluation, "precision_recall"),
    "calibration": _calibration,
}
