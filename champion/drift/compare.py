"""One feature of the new data beside its profile: which tests it takes, and what they find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from champion.drift import statistics as tests
from champion.drift.counts import FeatureCounts, reference_cells
from champion.modeling.profile import BINS, CATEGORIES, ColumnProfile, Profile
from champion.use_case.policy import Drift

PREDICTIONS = "predictions"  # name and kind of what is compared beside the features
MISSING_SHARE = 0.2  # of a feature's error, where any value is missing; the values have the rest


TestName = Literal["rank", "shape", "cells", "rare", "missing"]
Tested = tuple[TestName, tests.Test, tests.Floats]


@dataclass(frozen=True)
class Part:
    """One way in which a feature can drift: `p` counts with its share of the error already."""

    test: TestName
    statistic: float
    p: float
    effect: float


@dataclass(frozen=True)
class Decisive:
    """What came of a feature among all others: whether it drifted, the test that decided, whether it is significant."""

    drift: bool
    part: Part | None
    significant: bool


@dataclass(frozen=True)
class Compared:
    """A feature beside its profile, before all features are judged together.

    Attributes
    ----------
    judged : bool
        Whether it may have a verdict at all.
    enough : bool
        Whether there were values enough for all of them.
    """

    column: ColumnProfile
    reference_rows: int
    counts: FeatureCounts
    threshold: float
    judged: bool
    parts: tuple[Part, ...]
    enough: bool

    @property
    def p(self) -> float | None:
        """Of all parts together; None where nothing was tested."""
        return min([1.0, *(part.p for part in self.parts)]) if self.parts else None


def compare(column: ColumnProfile, counts: FeatureCounts, rows: int, rules: Drift) -> Compared:
    """Test one feature: its values, and how many are missing or of another type.

    Parameters
    ----------
    column : ColumnProfile
        Of the reference, which has `rows` rows.
    """
    moment = column.kind == "datetime" and column.name not in rules.effects
    judged = not moment and column.name not in rules.ignore
    threshold = rules.effects.get(column.name, rules.min_effect)
    parts: list[Part] = []
    enough = min(rows - column.missing, counts.values) >= rules.min_rows
    if min(rows, counts.rows) >= rules.min_rows:
        gone = counts.missing + counts.wrong
        share = 1 - MISSING_SHARE if column.missing + gone else 1.0
        if column.missing + gone:
            parts.append(_missing_part(column.missing, rows, gone, counts.rows))
        if enough:
            parts += value_parts(column, counts, share)
    return Compared(column, rows, counts, threshold, judged, tuple(parts), enough)


def _missing_part(before: int, rows: int, gone: int, now: int) -> Part:
    test = tests.missing_test(np.array(before), np.array(rows), np.array(gone), np.array(now))
    effect = tests.moved_share(np.array([before, rows - before]), np.array([gone, now - gone]), ordered=False)
    return Part("missing", float(test.statistic), float(test.p) / MISSING_SHARE, float(effect))


def value_parts(column: ColumnProfile, counts: FeatureCounts, share: float = 1.0) -> list[Part]:
    """The tests of a feature's values, which may spend a share of its error together."""
    ours = reference_cells(column)
    if column.edges is not None:
        found = number_tests(ours, counts.cells, few=column.distinct <= BINS)
    else:
        safe = np.append(tests.safe_categories(ours[:-1], column.distinct, CATEGORIES), True)
        found = category_tests(ours, counts.cells, safe)
    return [Part(name, float(test.statistic), float(test.p) / share, float(effect)) for name, test, effect in found]


def number_tests(ours: tests.Counts, theirs: tests.Counts, few: bool) -> list[Tested]:
    """The tests of a number, their p-values divided by their shares of the error.

    Parameters
    ----------
    ours, theirs : ndarray of int, shape (..., bins)
        Reference and new data.
    few : bool
        Whether a bin is a single value: then differences between neighbours can be seen too.

    Returns
    -------
    list of (str, Test, ndarray of float64)
        Name, test and effect, of the shape (...).
    """
    rank = tests.rank_test(ours, theirs)
    shape = tests.cell_test(ours, theirs) if few else tests.shape_test(ours, theirs)
    moved = tests.moved_share(ours, theirs, ordered=True)
    return [
        ("rank", tests.Test(rank.statistic, rank.p / tests.RANK_SHARE), tests.shifted_share(ours, theirs)),
        ("cells" if few else "shape", tests.Test(shape.statistic, shape.p / tests.SHAPE_SHARE), moved),
    ]


def category_tests(ours: tests.Counts, theirs: tests.Counts, safe: NDArray[np.bool_]) -> list[Tested]:
    """The tests of a category, their p-values divided by their shares of the error.

    Parameters
    ----------
    ours, theirs : ndarray of int, shape (..., categories)
        Reference and new data; the last one are all others.
    safe : ndarray of bool, shape (..., categories)
        Categories that are not listed by luck; those that are count among the others, but for the test of rare ones.

    Returns
    -------
    list of (str, Test, ndarray of float64)
        Name, test and effect, of the shape (...).
    """
    together = [_with_others(sample, safe) for sample in (ours, theirs)]
    cells = tests.cell_test(*together)
    rare, rare_effect = tests.rare_test(ours, theirs, safe)
    moved = tests.moved_share(*tests.merged(*together), ordered=False)
    return [
        ("cells", tests.Test(cells.statistic, cells.p / tests.CELL_SHARE), moved),
        ("rare", tests.Test(rare.statistic, rare.p / (1 - tests.CELL_SHARE)), rare_effect),
    ]


def _with_others(sample: tests.Counts, safe: NDArray[np.bool_]) -> tests.Counts:
    kept = np.where(safe, sample, 0)
    kept[..., -1] += np.where(safe, 0, sample).sum(axis=-1)
    return kept


def compare_predictions(profile: Profile, predicted: Mapping[str, int], error: float, rules: Drift) -> Compared:
    """Test the predictions against the true labels of the train set.

    The shares of what a model answers can differ from the shares of the truth by as much as it errs, without any drift:
    the total variation distance of the two is at most the error rate. So the differences are shrunk by that much before
    they are tested, and the threshold is raised by it.

    Parameters
    ----------
    predicted : mapping of str to int
        How often the champion answered each label.
    """
    column, counts = _as_feature(profile, predicted)
    enough = min(profile.rows, counts.rows) >= rules.min_rows
    parts = (_prediction_part(reference_cells(column), counts.cells, error),) if enough else ()
    return Compared(column, profile.rows, counts, min(rules.min_effect + error, 1.0), True, parts, enough)


def _prediction_part(reference: tests.Counts, current: tests.Counts, error: float) -> Part:
    ours, theirs = tests.merged(reference, current)
    distance = float(tests.total_variation(ours, theirs))
    beyond = max(0.0, 1 - error / distance) if distance else 0.0
    statistic = float(tests.cell_test(reference, current).statistic) * beyond**2
    freedom = int(((ours + theirs) > 0).sum()) - 1
    p = float(chdtrc(freedom, statistic)) if freedom > 0 else 1.0
    return Part("cells", statistic, p, float(tests.moved_share(ours, theirs, ordered=False)))


def _as_feature(profile: Profile, predicted: Mapping[str, int]) -> tuple[ColumnProfile, FeatureCounts]:
    """Predictions as a feature, with the labels of the train set as its profile."""
    names = [str(label) for label in profile.classes]
    column = ColumnProfile(
        name=PREDICTIONS, kind=PREDICTIONS, used=True, why="It is what the champion answers.", dtype="str",
        missing=0, distinct=len(names), categories=names, counts=profile.class_counts,
    )  # fmt: skip
    counts = FeatureCounts(column)
    for name, rows in predicted.items():
        counts.cells[names.index(name) if name in names else -1] += rows
        counts.rows += rows
    return column, counts
