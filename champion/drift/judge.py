"""The verdict: what of the new data differs from what the champion was trained on, by more than chance and enough to matter.

A feature has drifted when its p-value is significant after correction over all features, and the share of rows that
moved is at least the threshold. With too few rows nothing is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from champion.drift import statistics as tests
from champion.drift.compare import Compared, Decisive, compare, compare_predictions
from champion.drift.counts import FeatureCounts, reference_cells
from champion.drift.report import Cells, FeatureDrift, Finding, SchemaDifference, Unseen
from champion.drift.sentences import reason
from champion.errors import ConfigurationError, nearest
from champion.modeling.features import MOST_CATEGORIES, Feature
from champion.modeling.profile import Profile
from champion.use_case.policy import Drift

MOST_UNSEEN = 5  # categories named
_WRONG_TYPE = 0.5  # of the values of another type: the column is no longer what it was
_BADNESS: dict[Finding, int] = {"drift": 0, "none": 1, "not_enough": 2, "ignored": 3}


@dataclass(frozen=True)
class Judged:
    """What came of a table: features worst first, and the predictions where there are any."""

    features: list[FeatureDrift]
    predictions: FeatureDrift | None


def require_known_columns(rules: Drift, features: Sequence[Feature]) -> None:
    """Refuse thresholds for columns that the model does not have.

    Raises
    ------
    ConfigurationError
        Naming the first of them.
    """
    names = [feature.name for feature in features]
    for key, columns in (("ignore", rules.ignore), ("effects", tuple(rules.effects))):
        for column in columns:
            if column not in names:
                raise ConfigurationError(
                    f"drift.{key} names the column {column!r}, which the champion does not use. {nearest(column, names)}"
                )


def counts_of(profile: Profile, features: Sequence[Feature]) -> dict[str, FeatureCounts]:
    """Empty counts of every feature that the profile describes, by name."""
    columns = {column.name: column for column in profile.columns if column.counts is not None}
    return {
        feature.name: FeatureCounts(columns[feature.name], _known(feature))
        for feature in features
        if feature.name in columns
    }


def _known(feature: Feature) -> frozenset[str] | None:
    if feature.categories is None or len(feature.categories) >= MOST_CATEGORIES:
        return None
    return frozenset(feature.categories)


def judge(
    profile: Profile,
    counts: Mapping[str, FeatureCounts],
    predicted: Mapping[str, int],
    error: float | None,
    rules: Drift,
) -> Judged:
    """Compare every feature with the profile, and all together.

    Parameters
    ----------
    counts : mapping of str to FeatureCounts
        As `counts_of` makes them, filled.
    predicted : mapping of str to int
        How often the champion answered each label; empty where it was not asked.
    error : float, optional
        How often the champion errs. The profile has the true labels of the train set, and the shares of predictions
        can differ from those of the truth by as much, without any drift. Predictions are not judged without it.
    """
    compared = [
        compare(column, counts[column.name], profile.rows, rules) for column in profile.columns if column.name in counts
    ]
    answers = []
    if predicted and error is not None:
        answers = [compare_predictions(profile, predicted, error, rules)]
    everything = [*compared, *answers]
    verdicts = _verdicts(everything, rules)
    found = [_found(each, decisive, adjusted, rules) for each, decisive, adjusted in verdicts]
    features = found[: len(compared)]
    return Judged(sorted(features, key=_badness), found[-1] if answers else None)


def drifting(
    p: NDArray[np.float64], effects: NDArray[np.float64], thresholds: NDArray[np.float64], alpha: float
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which tests show drift: significant after correction over the table, and of an effect that matters.

    Parameters
    ----------
    p, effects : ndarray of float64, shape (..., features, tests)
        The p-values divided by their shares of a feature's error; infinite where there is no test.
    thresholds : ndarray of float64, shape (features,)
        The effects that matter.
    alpha : float
        The most false alarms for a table.

    Returns
    -------
    found : ndarray of bool, shape (..., features, tests)
    adjusted : ndarray of float64, shape (..., features)
        The corrected p-value of each feature.
    """
    smallest = np.minimum(p.min(axis=-1), 1.0)
    adjusted = tests.corrected(smallest)
    line = np.where(adjusted <= alpha, smallest, -1.0).max(axis=-1)
    return (p <= line[..., None, None]) & (effects >= thresholds[:, None]), adjusted


def _verdicts(compared: Sequence[Compared], rules: Drift) -> list[tuple[Compared, Decisive, float | None]]:
    """Judge all features together; of each the test that decided, and the corrected p-value."""
    family = [each for each in compared if each.parts and each.judged]
    width = max((len(each.parts) for each in family), default=1)
    p, effects = np.full((len(family), width), np.inf), np.zeros((len(family), width))
    for row, each in enumerate(family):
        p[row, : len(each.parts)] = [part.p for part in each.parts]
        effects[row, : len(each.parts)] = [part.effect for part in each.parts]
    found, adjusted = np.empty((0, width), dtype=np.bool_), np.empty(0)
    if family:
        found, adjusted = drifting(p, effects, np.array([each.threshold for each in family]), rules.alpha)
    verdicts = []
    rows = iter(zip(found, adjusted.tolist(), strict=True))
    for each in compared:
        shown, value = next(rows) if each.parts and each.judged else (np.zeros(width, dtype=np.bool_), None)
        drift = [part for part, is_drift in zip(each.parts, shown, strict=False) if is_drift]
        decisive = min(drift or each.parts, key=lambda part: part.p, default=None)
        verdicts.append((each, Decisive(bool(drift), decisive, value is not None and value <= rules.alpha), value))
    return verdicts


def _badness(found: FeatureDrift) -> tuple[int, float, float]:
    return _BADNESS[found.verdict], -(found.effect or 0.0), 1.0 if found.p is None else found.p


def _found(each: Compared, decisive: Decisive, adjusted: float | None, rules: Drift) -> FeatureDrift:
    column, counts, shown = each.column, each.counts, decisive.part
    verdict: Finding = "ignored" if not each.judged else "none" if each.enough else "not_enough"
    if decisive.drift:
        verdict = "drift"
    rows = max(counts.rows, 1)
    number = column.edges is not None
    return FeatureDrift(
        name=column.name, kind=column.kind, verdict=verdict, reason=reason(each, verdict, decisive, rules),
        test=shown.test if shown else None, statistic=shown.statistic if shown else None, p=each.p,
        p_corrected=adjusted, effect=shown.effect if shown else None, threshold=each.threshold,
        reference_rows=each.reference_rows - column.missing, current_rows=counts.values,
        reference_missing=column.missing / max(each.reference_rows, 1), missing=counts.missing / rows,
        wrong=counts.wrong / rows, outside=counts.outside / rows if number else None,
        unseen=counts.unseen_rows / rows if column.kind == "categorical" else None,
        unseen_values=[Unseen(value=value, rows=rows) for value, rows in counts.unseen(MOST_UNSEEN)],
        reference_mean=column.mean if number else None, mean=counts.mean if number and counts.values else None,
        cells=Cells(
            edges=column.edges, names=column.categories,
            reference=reference_cells(column).tolist(), current=counts.cells.tolist(),
        ),
    )  # fmt: skip


def without_verdicts(judged: Judged, why: str) -> Judged:
    """The same where the table as a whole cannot be judged: then no feature of it is."""

    def unjudged(each: FeatureDrift) -> FeatureDrift:
        return each.model_copy(update={} if each.verdict == "ignored" else {"verdict": "not_enough", "reason": why})

    predictions = None if judged.predictions is None else unjudged(judged.predictions)
    return Judged([unjudged(each) for each in judged.features], predictions)


def changed_types(features: Sequence[Feature], counts: Mapping[str, FeatureCounts]) -> list[SchemaDifference]:
    """Columns most of whose values are of another type than in training."""
    found = []
    for feature in features:
        seen = counts.get(feature.name)
        if seen is None or not seen.wrong or seen.wrong < _WRONG_TYPE * (seen.rows - seen.missing):
            continue
        text = f"{seen.wrong:,} of {seen.rows - seen.missing:,} values are not {feature.kind}, as the column was in training"
        found.append(SchemaDifference(column=feature.name, what="type", text=text))
    return found


def all_the_same(counts: Mapping[str, FeatureCounts]) -> bool:
    """Whether no two rows differ in any feature, though training had more than one value of some."""
    return bool(counts) and not any(each.varied for each in counts.values())
