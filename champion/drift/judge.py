"""New data beside the champion's profile: which features drifted, the verdict over the table, and why, in a sentence each.

A feature has drifted when its p-value is significant after correction over all features, and the share of rows that
moved is at least the threshold. With too few rows nothing is said.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from champion.drift import statistics
from champion.drift.counts import FeatureCounts, reference_cells
from champion.drift.report import Cells, FeatureDrift, Finding, SchemaDifference, Unseen, Verdict
from champion.drift.statistics import MISSING_SHARE, Tested, run_tests
from champion.errors import DONE, FAILED, GATE_SAID_NO, NOT_ENOUGH_DATA, ConfigurationError, listed, nearest
from champion.modeling.features import MOST_CATEGORIES, Feature
from champion.modeling.profile import BINS, ColumnProfile, Profile
from champion.use_case.policy import Drift

PREDICTIONS = "predictions"  # name and kind of what is compared beside the features
MOST_UNSEEN = 5  # categories named
_WRONG_TYPE = 0.5  # of the values of another type: the column is no longer what it was
_OTHERS = "{moved}: the classes are not as frequent as in training, by more than the champion's own errors explain."
_ORDER: dict[Finding, int] = {"drift": 0, "none": 1, "not_enough": 2, "ignored": 3}


class TestResult(NamedTuple):
    """One way in which a feature can drift, and what is said of it then; `p` counts with its share of the error already."""

    test: str
    says: str
    statistic: float
    p: float
    effect: float

    @classmethod
    def of(cls, tested: Tested, share: float) -> "TestResult":
        """A test of a feature's values, which have this share of its error."""
        row, test, effect = tested
        return cls(row.name, row.says, float(test.statistic), float(test.p) / share, float(effect))


class ComparedFeature(NamedTuple):
    """A feature beside its profile, before all features are judged together.

    `judged` says whether it may have a verdict at all, `enough` whether there were values enough for every test.
    """

    column: ColumnProfile
    reference_rows: int
    counts: FeatureCounts
    threshold: float
    judged: bool
    results: tuple[TestResult, ...]
    enough: bool


class JudgedFeatures(NamedTuple):
    """What came of a table: features worst first, and the predictions where there are any."""

    features: list[FeatureDrift]
    predictions: FeatureDrift | None


def require_known_columns(rules: Drift, features: Sequence[Feature]) -> None:
    """Raise ConfigurationError where a threshold is for a column that the model does not have."""
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
    counts = {}
    for feature in (feature for feature in features if feature.name in columns):
        column, known = columns[feature.name], feature.categories
        if feature.kind == "boolean":
            known = ("false", "true") if column.distinct > 1 else tuple(column.categories or ())
        whole = None if known is None or len(known) >= MOST_CATEGORIES else frozenset(known)
        counts[feature.name] = FeatureCounts(column, whole)
    return counts


def judge(
    profile: Profile, counts: Mapping[str, FeatureCounts], answers: Mapping[str, int], error: float | None, rules: Drift
) -> JudgedFeatures:
    """Compare every feature with the profile, and all together.

    `answers` is how often the champion answered each label, empty where it was not asked. `error` is how often it errs: the
    profile has the true labels of the train set, and the shares of predictions can differ from those of the truth by as much,
    without any drift. Predictions are not judged without it.
    """
    columns = [column for column in profile.columns if column.name in counts]
    compared = [_compare(column, counts[column.name], profile.rows, rules) for column in columns]
    if answers and error is not None:
        compared.append(_compare_predictions(profile, answers, error, rules))
    features = list(_judged_together(compared, rules))
    predictions = features.pop() if len(features) > len(columns) else None
    features.sort(key=lambda each: (_ORDER[each.verdict], -(each.effect or 0.0), 1.0 if each.p is None else each.p))
    return JudgedFeatures(features, predictions)


def _compare(column: ColumnProfile, counts: FeatureCounts, rows: int, rules: Drift) -> ComparedFeature:
    """Test one feature: its values, and how many are missing or of another type."""
    moment = column.kind == "datetime" and column.name not in rules.effects
    results: list[TestResult] = []
    enough = min(rows - column.missing, counts.values) >= rules.min_rows
    if min(rows, counts.rows) >= rules.min_rows:
        unusable, share = counts.missing + counts.wrong, 1.0
        if column.missing + unusable:
            before = np.array([column.missing, rows - column.missing])
            tested = run_tests("missing", before, np.array([unusable, counts.rows - unusable]))
            results += [TestResult.of(each, 1.0) for each in tested]
            share -= MISSING_SHARE
        if enough:
            if column.edges is None:
                tested = run_tests("category", *counts.category_cells(column))
            else:
                kind = "few values" if column.distinct <= BINS else "number"
                tested = run_tests(kind, reference_cells(column), counts.cells)
            results += [TestResult.of(each, share) for each in tested]
    threshold = rules.effects.get(column.name, rules.min_effect)
    judged = not moment and column.name not in rules.ignore
    return ComparedFeature(column, rows, counts, threshold, judged, tuple(results), enough)


def _compare_predictions(profile: Profile, predicted: Mapping[str, int], error: float, rules: Drift) -> ComparedFeature:
    """Test the predictions against the true labels of the train set.

    Without drift their total variation distance is at most the error rate: differences are shrunk, the threshold raised by it.
    """
    names = [str(label) for label in profile.classes]
    column = ColumnProfile(
        name=PREDICTIONS, kind=PREDICTIONS, used=True, why="It is what the champion answers.", dtype="str", missing=0,
        distinct=len(names), categories=names, counts=profile.class_counts,
    )  # fmt: skip
    counts = FeatureCounts(column)
    for name, rows in predicted.items():
        counts.cells[names.index(name) if name in names else -1] += rows
        counts.rows += rows
    enough = min(profile.rows, counts.rows) >= rules.min_rows
    results: tuple[TestResult, ...] = ()
    if enough:
        cells = reference_cells(column), counts.cells
        merged = statistics.merged(*cells)
        distance = float(statistics.total_variation(*merged))
        beyond = max(0.0, 1 - error / distance) if distance else 0.0
        statistic = float(statistics.cell_test(*cells).statistic) * beyond**2
        freedom = int((merged[0] + merged[1] > 0).sum()) - 1
        p = float(chdtrc(freedom, statistic)) if freedom > 0 else 1.0
        results = (TestResult("cells", _OTHERS, statistic, p, float(statistics.moved_share(*merged, ordered=False))),)
    return ComparedFeature(column, profile.rows, counts, min(rules.min_effect + error, 1.0), True, results, enough)


def drifting(
    p: NDArray[np.float64], effects: NDArray[np.float64], thresholds: NDArray[np.float64], alpha: float
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which tests show drift: significant after correction over the table, and of an effect that matters.

    `p` and `effects` are of shape (..., features, tests), the p-values divided by their shares of a feature's error and
    infinite where there is no test; `thresholds` are the effects that matter, by feature, and `alpha` is the most false
    alarms for a table. The second answer is the corrected p-value of each feature, shape (..., features).
    """
    smallest = np.minimum(p.min(axis=-1), 1.0)
    adjusted = statistics.corrected(smallest)
    line = np.where(adjusted <= alpha, smallest, -1.0).max(axis=-1)
    return (p <= line[..., None, None]) & (effects >= thresholds[:, None]), adjusted


def _judged_together(compared: Sequence[ComparedFeature], rules: Drift) -> Iterator[FeatureDrift]:
    """Judge all features together; each has the test that decided, and its corrected p-value."""
    family = [each for each in compared if each.results and each.judged]
    width = max((len(each.results) for each in family), default=1)
    p, effects = np.full((len(family), width), np.inf), np.zeros((len(family), width))
    for row, each in enumerate(family):
        p[row, : len(each.results)] = [result.p for result in each.results]
        effects[row, : len(each.results)] = [result.effect for result in each.results]
    rows: Iterator[tuple[list[bool], float]] = iter(())
    if family:
        drift, adjusted = drifting(p, effects, np.array([each.threshold for each in family]), rules.alpha)
        rows = zip(drift.tolist(), adjusted.tolist(), strict=True)
    for each in compared:
        shows, corrected = next(rows) if each.results and each.judged else ([False] * width, None)
        drifted = [result for result, is_drift in zip(each.results, shows, strict=False) if is_drift]
        decisive = min(drifted or each.results, key=lambda result: result.p, default=None)
        yield _feature_drift(each, bool(drifted), decisive, corrected, rules)


def _feature_drift(
    each: ComparedFeature, drifted: bool, decisive: TestResult | None, corrected: float | None, rules: Drift
) -> FeatureDrift:
    column, counts = each.column, each.counts
    verdict: Finding = "ignored" if not each.judged else "none" if each.enough else "not_enough"
    if drifted:
        verdict = "drift"
    rows, before, is_number = max(counts.rows, 1), max(each.reference_rows, 1), column.edges is not None
    reference, current = reference_cells(column).tolist(), counts.cells.tolist()
    decided = {} if decisive is None else {name: getattr(decisive, name) for name in ("test", "statistic", "effect")}
    return FeatureDrift(
        **decided, name=column.name, kind=column.kind, verdict=verdict,
        reason=_reason(each, verdict, decisive, corrected, rules),
        p=min([1.0, *(result.p for result in each.results)]) if each.results else None,
        p_corrected=corrected, threshold=each.threshold,
        reference_rows=each.reference_rows - column.missing, current_rows=counts.values,
        reference_missing=column.missing / before, missing=counts.missing / rows, wrong=counts.wrong / rows,
        outside=counts.outside / rows if is_number else None,
        unseen=counts.unseen_rows / rows if column.kind == "categorical" else None,
        unseen_values=[Unseen(value=value, rows=rows) for value, rows in counts.unseen(MOST_UNSEEN)],
        reference_mean=column.mean if is_number else None,
        mean=counts.mean if is_number and counts.values else None,
        cells=Cells(edges=column.edges, names=column.categories, reference=reference, current=current),
    )  # fmt: skip


def _reason(each: ComparedFeature, verdict: Finding, test: TestResult | None, p: float | None, rules: Drift) -> str:
    """Why a feature has its verdict, in one sentence."""
    if verdict == "ignored":
        if each.column.name in rules.ignore:
            return "The use case ignores it."
        return "Time goes on: a moment is judged only where drift.effects names it."
    if verdict == "not_enough" or test is None:
        fewest = min(each.reference_rows - each.column.missing, each.counts.values)
        return f"Only {fewest:,} values on one side, fewer than the {rules.min_rows} that a verdict takes."
    if verdict == "drift":
        return _what_moved(each, test)
    if p is None or p > rules.alpha:
        return "No difference beyond what chance explains."
    return f"There is a difference, but only {test.effect:.1%} of the rows moved; {each.threshold:.0%} would matter."


def _what_moved(each: ComparedFeature, decisive: TestResult) -> str:
    counts, column = each.counts, each.column
    before, now = column.missing / each.reference_rows, (counts.missing + counts.wrong) / counts.rows
    return decisive.says.format(
        moved=f"{decisive.effect:.0%} of the rows moved",
        means=f"the mean went from {column.mean or 0.0:.4g} to {counts.mean:.4g}",
        unseen=f"; {counts.unseen_rows:,} rows hold categories that training had not" if counts.unseen_rows else "",
        unusable=f"{now:.1%} of the rows have no usable value; it was {before:.1%} in training",
    )


def without_verdicts(judged: JudgedFeatures, why: str) -> JudgedFeatures:
    """The same where the table as a whole cannot be judged: then no feature of it is."""

    def unjudged(each: FeatureDrift) -> FeatureDrift:
        return each.model_copy(update={} if each.verdict == "ignored" else {"verdict": "not_enough", "reason": why})

    predictions = None if judged.predictions is None else unjudged(judged.predictions)
    return JudgedFeatures([unjudged(each) for each in judged.features], predictions)


def changed_types(features: Sequence[Feature], counts: Mapping[str, FeatureCounts]) -> list[SchemaDifference]:
    """Columns most of whose values are of another type than in training."""
    differences = []
    for feature in features:
        seen = counts.get(feature.name)
        if seen is None or not seen.wrong or seen.wrong < _WRONG_TYPE * (seen.rows - seen.missing):
            continue
        values = seen.rows - seen.missing
        text = f"{seen.wrong:,} of {values:,} values are not {feature.kind} or not finite; in training they were"
        differences.append(SchemaDifference(column=feature.name, what="type", text=text))
    return differences


class ComparedTable(NamedTuple):
    """A table beside a profile, feature by feature; `worse` says that the champion has become worse, where it has.

    `counted` is how many rows the `rows` count as, see `champion.drift.repeats`.
    """

    reference_rows: int
    rows: int
    counted: int
    counts: Mapping[str, FeatureCounts]
    judged: JudgedFeatures
    differences: Sequence[SchemaDifference]
    worse: str


def table_verdict(table: ComparedTable, rules: Drift) -> tuple[Verdict, str]:
    """Judge the table: other columns come before too few rows, and those before drift."""
    missing = [each.column for each in table.differences if each.what == "missing"]
    other = [each.column for each in table.differences if each.what == "type"]
    if missing or other:
        sentences = [f"The data lack the column(s) {listed(missing)}."] if missing else []
        sentences += [f"The column(s) {listed(other)} hold another type than in training."] if other else []
        return "schema", f"{' '.join(sentences)} What can be compared is below."
    same = bool(table.counts) and not any(each.varied for each in table.counts.values())
    if same and min(table.rows, table.reference_rows) >= rules.min_rows:
        text = f"All {table.rows:,} rows are the same: they say no more than one. Look at what collects them."
        return "not_enough", text
    fewest = min(table.counted, table.reference_rows)
    if fewest < rules.min_rows:
        which = "new rows" if table.counted <= table.reference_rows else "rows in training"
        again = (
            f" ({table.rows:,} that repeat each other count as so many)"
            if fewest < table.rows and which == "new rows"
            else ""
        )
        return "not_enough", f"There are {fewest:,} {which}{again}; a verdict takes {rules.min_rows}. Collect more."
    drift = _drift(table)
    if drift:
        return "drift", drift
    judgeable = [each for each in table.judged.features if each.verdict != "ignored"]
    if judgeable and all(each.verdict == "not_enough" for each in judgeable):
        return "not_enough", f"No column has {rules.min_rows} values on both sides. Collect more."
    again = f" (they count as {table.counted:,}, because they repeat each other)" if table.counted < table.rows else ""
    return (
        "none",
        f"{table.rows:,} new rows{again} look like the {table.reference_rows:,} that the champion was trained on.",
    )


def _drift(table: ComparedTable) -> str:
    drifted = [each.name for each in table.judged.features if each.verdict == "drift"]
    predictions = table.judged.predictions
    sentences = [f"The values of {listed(drifted)} changed."] if drifted else []
    if predictions is not None and predictions.verdict == "drift":
        sentences.append("The champion answers other classes than before.")
    return " ".join([*sentences, *([table.worse] if table.worse else [])])


def exit_code(verdict: Verdict, fail_on: str) -> int:
    """The code that a verdict ends the command with.

    With ``drift`` any verdict but "no drift" has its code, with ``schema`` drift is no failure, and with ``never`` nothing is.
    """
    codes = {"none": DONE, "drift": GATE_SAID_NO, "not_enough": NOT_ENOUGH_DATA, "schema": FAILED}
    if fail_on == "never" or (fail_on == "schema" and verdict == "drift"):
        return DONE
    return codes[verdict]
