"""The exam: champion and challenger on the same holdout rows, each through its own preprocessing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from champion.comparison.evaluation import ComparisonRows, Evaluation, Performance
from champion.errors import DataError, NotEnoughDataError
from champion.modeling.classifier import Classifier, Predictions
from champion.modeling.evaluation import CandidateResult, Importance, Label
from champion.modeling.scoring import (
    ALWAYS_SHOWN,
    Answers,
    calibration,
    confusion,
    paired_test,
    per_class,
    precision_recall_curves,
    roc_curves,
    score,
    smallest_gain,
)
from champion.modeling.split import SplitRule, missing_columns, overlap
from champion.modeling.table import canonical_labels, class_list, listed
from champion.modeling.training import encode
from champion.use_case.policy import ComparisonRules

IMPORTANCE_ROWS = 400
IMPORTANCE_REPEATS = 5
_IMPORTANCE_VALUES = 1_000_000  # of a table that is asked at once
FEW_ROWS = 30


@dataclass(frozen=True)
class ComparedModel:
    """Who takes the exam: a classifier and where it comes from.

    `rule` is the split rule it was trained under; `number` its model version, where it has one.
    """

    role: str
    classifier: Classifier
    rule: SplitRule
    candidate: str
    estimator: str
    params: dict[str, Any]
    number: int | None = None


def compare(
    holdout: pd.DataFrame,
    train_rows: int,
    rules: ComparisonRules,
    challenger: ComparedModel,
    champion: ComparedModel | None,
    candidates: Sequence[CandidateResult],
) -> Evaluation:
    """Ask both the same rows, and score the answers.

    Rows on which the champion may have been trained are left out: where its split rule was another one, only rows
    that are holdout under both rules count.

    Parameters
    ----------
    holdout : DataFrame, shape (rows, columns)
        Today's holdout, target included.
    rules : ExamRules
        Target, metric, guardrails and `min_overlap`.
    challenger, champion : Contender
        The champion may be None.
    candidates : sequence of CandidateResult
        All of this run, best first.

    Raises
    ------
    NotEnoughDataError
        When fewer than `min_overlap` rows are holdout under both rules, or the metric cannot be computed.
    """
    judged, theirs, unjudged = _ask_champion(holdout, rules, challenger, champion)
    rival = champion if theirs is not None else None
    asked = _some(holdout, judged)
    truth = canonical_labels(asked[rules.target])
    classes = class_list(
        [*challenger.classifier.classes, *(rival.classifier.classes if rival else ()), *truth.tolist()]
    )
    ours = _answers(challenger.classifier.predict(asked), challenger, classes, truth)
    rivals = _answers(theirs, rival, classes, truth) if theirs is not None and rival is not None else None
    paired = paired_test(ours, rivals) if rivals else None
    discordant = paired.only_challenger_right + paired.only_champion_right if paired else 0
    sample = _sample(asked, truth, rules.seed)
    missing = [label for code, label in enumerate(classes) if code not in ours.present]
    return Evaluation(
        use_case=rules.use_case,
        metric=rules.metric,
        classes=classes,
        rows=ComparisonRows(
            train=train_rows, holdout=len(holdout), judged=len(asked), overlap_only=not judged.all(),
            missing_classes=missing, smallest_gain=smallest_gain(len(asked), discordant),
            sampled_for_importance=len(sample),
        ),
        candidates=list(candidates),
        challenger=_performance(challenger, ours, rules, _importance(challenger, sample, classes, rules)),
        champion=_performance(rival, rivals, rules, []) if rival and rivals else None,
        champion_unjudged=unjudged,
        paired=paired,
        alone=None if judged.all() else _alone(holdout, challenger, rules),
        warnings=[
            *_missing_warning(missing),
            *_new_warning(truth, challenger, "the train set lacks"),
            *(_new_warning(truth, rival, "the champion never saw") if rival else ()),
            *_few_warning(len(asked)),
        ],
    )  # fmt: skip


def _ask_champion(
    holdout: pd.DataFrame, rules: ComparisonRules, challenger: ComparedModel, champion: ComparedModel | None
) -> tuple[NDArray[np.bool_], Predictions | None, str | None]:
    """Which holdout rows count, the champion's answers to them, and why it cannot be judged (None: it can)."""
    everything = np.ones(len(holdout), dtype=np.bool_)
    if champion is None:
        return everything, None, None
    lacking = missing_columns(holdout, [feature.name for feature in champion.classifier.features])
    if lacking:
        return everything, None, f"the table has no column {', '.join(map(repr, lacking))}, which it needs"
    foreign = _foreign_classes(holdout, rules, champion)
    if foreign:
        return everything, None, foreign
    try:
        judged = _rows_of_both(holdout, rules, challenger, champion)
        return judged, champion.classifier.predict(_some(holdout, judged)), None
    except DataError as error:
        return everything, None, str(error).rstrip(".")


def _some(rows: pd.DataFrame, judged: NDArray[np.bool_]) -> pd.DataFrame:
    return rows if judged.all() else rows[judged]


def _foreign_classes(holdout: pd.DataFrame, rules: ComparisonRules, champion: ComparedModel) -> str | None:
    """Why the champion can get no row right: 0 and 1 have become True and False, or the target is another one."""
    asked = class_list(canonical_labels(holdout[rules.target].drop_duplicates()))
    known = {(type(label), label) for label in champion.classifier.classes}
    if any((type(label), label) in known for label in asked):
        return None
    return f"it knows the classes {listed(champion.classifier.classes)}, and the holdout has {listed(asked)}"


def _rows_of_both(
    holdout: pd.DataFrame, rules: ComparisonRules, challenger: ComparedModel, champion: ComparedModel
) -> NDArray[np.bool_]:
    """The rows that are holdout under both rules."""
    both = overlap(holdout, challenger.rule, champion.rule)
    if both is None:
        gone = ", ".join(map(repr, missing_columns(holdout, champion.rule.needs())))
        raise DataError(f"the table has no column {gone}, without which its own holdout is unknown")
    least = rules.min_overlap
    if not challenger.rule.same_rows(champion.rule) and both.sum() < least:
        raise NotEnoughDataError(
            f"Nothing is decided: the split rule changed ({champion.rule.in_words()} before, "
            f"{challenger.rule.in_words()} now), and only {int(both.sum())} rows are holdout under both, "
            f"fewer than split.min_overlap = {least}. Add rows, return to the former rule, or lower min_overlap."
        )
    return both


def _answers(
    predictions: Predictions, compared_model: ComparedModel, classes: Sequence[Label], truth: NDArray[np.object_]
) -> Answers:
    """Put a contender's answers into the codes of all classes."""
    place = encode(np.array([*compared_model.classifier.classes], dtype=object), classes)
    probabilities = None
    if predictions.probabilities is not None:
        probabilities = np.zeros((len(truth), len(classes)))
        probabilities[:, place] = predictions.probabilities
    return Answers(classes, encode(truth, classes), place[predictions.codes], probabilities)


def _performance(
    compared_model: ComparedModel, answers: Answers, rules: ComparisonRules, importance: list[Importance]
) -> Performance:
    scores = score(answers, ALWAYS_SHOWN, required=rules.metric)
    for name in rules.guardrails:
        scores |= score(answers, (), required=name)
    return Performance(
        role=compared_model.role, number=compared_model.number, candidate=compared_model.candidate,
        estimator=compared_model.estimator,
        params=compared_model.params, scores=scores, per_class=per_class(answers), confusion=confusion(answers),
        roc=roc_curves(answers), precision_recall=precision_recall_curves(answers),
        calibration=calibration(answers), importance=importance,
    )  # fmt: skip


def _alone(holdout: pd.DataFrame, challenger: ComparedModel, rules: ComparisonRules) -> Performance:
    truth = canonical_labels(holdout[rules.target])
    classes = class_list([*challenger.classifier.classes, *truth.tolist()])
    answers = _answers(challenger.classifier.predict(holdout), challenger, classes, truth)
    return _performance(challenger, answers, rules, [])


def _sample(rows: pd.DataFrame, truth: NDArray[np.object_], seed: int) -> pd.DataFrame:
    """Rows for the importance: at random, but every class is among them, since a metric may need all."""
    if len(rows) <= IMPORTANCE_ROWS:
        return rows
    order = np.random.default_rng(seed).permutation(len(rows))
    codes = pd.factorize(truth[order])[0]
    first_of_class = np.unique(codes, return_index=True)[1]
    return rows.iloc[order[np.union1d(first_of_class, np.arange(IMPORTANCE_ROWS))]]


def _importance(
    challenger: ComparedModel, sample: pd.DataFrame, classes: Sequence[Label], rules: ComparisonRules
) -> list[Importance]:
    """Loss of the metric when one column is shuffled (Breiman 2001)."""
    random = np.random.default_rng(rules.seed)
    metric = rules.metric
    truth = canonical_labels(sample[rules.target])
    names = [feature.name for feature in challenger.classifier.features]
    table = sample[names]

    def metric_of(predictions: Predictions, part: slice) -> float:
        probabilities = predictions.probabilities
        some = Predictions(predictions.codes[part], None if probabilities is None else probabilities[part])
        return score(_answers(some, challenger, classes, truth), (), required=metric)[metric]

    whole = metric_of(challenger.classifier.predict(table), slice(None))
    found = []
    for some in _groups(names, len(table)):
        predictions = challenger.classifier.predict(_shuffled(table, some, random))
        ends = range(len(table), len(predictions.codes) + 1, len(table))
        losses = [whole - metric_of(predictions, slice(end - len(table), end)) for end in ends]
        of_each = np.array(losses).reshape(len(some), IMPORTANCE_REPEATS)
        found += [
            Importance(feature=name, mean=float(np.mean(these)), std=float(np.std(these)))
            for name, these in zip(some, of_each, strict=True)
        ]
    return sorted(found, key=lambda importance: -importance.mean)


def _groups(names: list[str], rows: int) -> list[list[str]]:
    """The columns in groups, each small enough for all its repeats to be asked at once."""
    size = max(1, _IMPORTANCE_VALUES // (rows * IMPORTANCE_REPEATS * len(names)))
    return [names[start : start + size] for start in range(0, len(names), size)]


def _shuffled(table: pd.DataFrame, names: list[str], random: np.random.Generator) -> pd.DataFrame:
    """The table once for each column and repeat, one after another, with that column shuffled."""
    parts = []
    for name in names:
        for _ in range(IMPORTANCE_REPEATS):
            part = table.copy(deep=False)
            part[name] = table[name].iloc[random.permutation(len(table))].array
            parts.append(part)
    return pd.concat(parts, ignore_index=True)


def _missing_warning(missing: Sequence[Label]) -> list[str]:
    if not missing:
        return []
    return [f"The judged rows lack {len(missing)} class(es): {listed(missing)}. Scores are over those present."]


def _new_warning(truth: NDArray[np.object_], compared_model: ComparedModel, who_lacks: str) -> list[str]:
    known = {(type(label), label) for label in compared_model.classifier.classes}
    new = [label for label in class_list(truth.tolist()) if (type(label), label) not in known]
    if not new:
        return []
    rows = int(np.isin(truth, np.array(new, dtype=object)).sum())
    return [
        f"The judged rows have {len(new)} class(es) that {who_lacks}: {listed(new)}. "
        f"Their {rows} row(s) count as wrong for the {compared_model.role}."
    ]


def _few_warning(rows: int) -> list[str]:
    if rows >= FEW_ROWS:
        return []
    return [f"Only {rows} rows judge: an accuracy moves by {1 / rows:.1%} with every row."]
