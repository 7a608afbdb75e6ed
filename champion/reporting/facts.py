"""The numbers behind figures and sentences: what is shown where a run holds more than a reader can take in.

Plain Python over the lists of an `Evaluation`, so that nothing heavy is imported.
"""

import math
from bisect import bisect_left
from itertools import pairwise
from typing import Literal, NamedTuple

from champion.comparison.decision import Decision
from champion.comparison.evaluation import Evaluation, Outcome, Performance, Provenance
from champion.modeling.evaluation import Curve, Label, Trial
from champion.modeling.profile import ColumnProfile, Profile

MATRIX_CLASSES = 12
CLASS_CURVES = 4
BARS = 15
SEARCHED_CANDIDATES = 30
TRIALS = 20
COLUMNS = 24
GRID = [step / 100 for step in range(101)]
CurveKind = Literal["roc", "precision_recall"]


class ReportedRun(NamedTuple):
    """All that the report of a run tells."""

    evaluation: Evaluation
    decision: Decision
    profile: Profile
    provenance: Provenance
    outcome: Outcome


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


def matrix(performance: Performance, classes: list[Label]) -> Matrix:
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


def lines(evaluation: Evaluation, kind: CurveKind) -> list[Line]:
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
