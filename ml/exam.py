"""The exam: champion and challenger on the same holdout rows, each through its own preprocessing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.classifier import Classifier, Predictions
from ml.errors import DataError, NotEnoughDataError
from ml.evaluation import CandidateResult, Contestant, Evaluation, ExamRows, Importance, Label
from ml.scoring import (
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
from ml.split import SplitRule, missing_columns, overlap
from ml.table import canonical_labels, class_list
from ml.training import encode
from ml.use_case import ExamRules

IMPORTANCE_ROWS = 1000
IMPORTANCE_REPEATS = 5


@dataclass(frozen=True)
class Contender:
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


def examine(
    holdout: pd.DataFrame,
    train_rows: int,
    rules: ExamRules,
    challenger: Contender,
    champion: Contender | None,
    candidates: Sequence[CandidateResult],
) -> Evaluation:
    """Ask both the same rows, and score the answers.

    Rows on which the champion may have been trained are left out: where its split rule was another one, only rows
    that are holdout under both rules count.

    Parameters
    ----------
    holdout : DataFrame, shape (rows, columns)
        Today's holdout, target included.
    train_rows : int
        Rows of today's train set.
    rules : ExamRules
        Target, metric, guardrails and `min_overlap`.
    challenger, champion : Contender
        The champion may be None.
    candidates : sequence of CandidateResult
        All of this run, best first.

    Returns
    -------
    Evaluation

    Raises
    ------
    NotEnoughDataError
        When fewer than `min_overlap` rows are holdout under both rules, or the metric cannot be computed.
    """
    judged, unjudged = _judged_rows(holdout, rules, challenger, champion)
    asked = holdout if judged.all() else holdout[judged]
    truth = canonical_labels(asked[rules.target])
    theirs = None
    if champion is not None and unjudged is None:
        try:
            theirs = champion.classifier.predict(asked)
        except DataError as error:
            unjudged = str(error).rstrip(".")
    rival = champion if theirs is not None else None
    classes = class_list([*challenger.classifier.classes, *(rival.classifier.classes if rival else ()), *truth.tolist()])
    ours = _answers(challenger.classifier.predict(asked), challenger, classes, truth)
    rivals = _answers(theirs, rival, classes, truth) if theirs is not None and rival is not None else None
    paired = paired_test(ours, rivals) if rivals else None
    discordant = paired.only_challenger_right + paired.only_champion_right if paired else 0
    sample = _sample(asked, rules.seed)
    missing = [label for code, label in enumerate(classes) if code not in ours.present]
    return Evaluation(
        use_case=rules.use_case,
        metric=rules.metric,
        classes=classes,
        rows=ExamRows(
            train=train_rows, holdout=len(holdout), judged=len(asked), overlap_only=not judged.all(),
            missing_classes=missing, smallest_gain=smallest_gain(len(asked), discordant),
            sampled_for_importance=len(sample),
        ),
        candidates=list(candidates),
        challenger=_contestant(challenger, ours, rules, _importance(challenger, sample, classes, rules)),
        champion=_contestant(rival, rivals, rules, []) if rival and rivals else None,
        champion_unjudged=unjudged if champion is not None else None,
        paired=paired,
        alone=None if judged.all() else _alone(holdout, challenger, rules),
        warnings=_warnings(missing, len(asked)),
    )  # fmt: skip


def _judged_rows(
    holdout: pd.DataFrame, rules: ExamRules, challenger: Contender, champion: Contender | None
) -> tuple[NDArray[np.bool_], str | None]:
    """Which holdout rows count, and why the champion cannot be judged at all (None: it can)."""
    everything = np.ones(len(holdout), dtype=np.bool_)
    if champion is None:
        return everything, None
    lacking = missing_columns(holdout, [feature.name for feature in champion.classifier.features])
    if lacking:
        return everything, f"the table has no column {', '.join(map(repr, lacking))}, which it needs"
    both = overlap(holdout, challenger.rule, champion.rule)
    if both is None:
        gone = ", ".join(map(repr, missing_columns(holdout, champion.rule.needs())))
        return everything, f"the table has no column {gone}, without which its own holdout is unknown"
    least = rules.min_overlap
    if not challenger.rule.same_rows(champion.rule) and both.sum() < least:
        raise NotEnoughDataError(
            f"Nothing is decided: the split rule changed ({champion.rule.in_words()} before, "
            f"{challenger.rule.in_words()} now), and only {int(both.sum())} rows are holdout under both, "
            f"fewer than split.min_overlap = {least}. Add rows, return to the former rule, or lower min_overlap."
        )
    return both, None


def _answers(
    predictions: Predictions, contender: Contender, classes: Sequence[Label], truth: NDArray[np.object_]
) -> Answers:
    """A contender's answers in the codes of all classes."""
    place = encode(np.array([*contender.classifier.classes], dtype=object), classes)
    probabilities = None
    if predictions.probabilities is not None:
        probabilities = np.zeros((len(truth), len(classes)))
        probabilities[:, place] = predictions.probabilities
    return Answers(classes, encode(truth, classes), place[predictions.codes], probabilities)


def _contestant(
    contender: Contender, answers: Answers, rules: ExamRules, importance: list[Importance]
) -> Contestant:
    metric = rules.metric
    names = (*ALWAYS_SHOWN, *rules.guardrails)
    scores = score(answers, names, required=metric)
    for name in rules.guardrails:
        if name not in scores:
            raise NotEnoughDataError(
                f"The guardrail {name!r} cannot be computed for {contender.role} {contender.candidate!r} on "
                f"{len(answers.truth)} rows with the classes {len(answers.present)}; drop it, or enlarge the holdout."
            )
    return Contestant(
        role=contender.role, number=contender.number, candidate=contender.candidate, estimator=contender.estimator,
        params=contender.params, scores=scores, per_class=per_class(answers), confusion=confusion(answers),
        roc=roc_curves(answers), precision_recall=precision_recall_curves(answers),
        calibration=calibration(answers), importance=importance,
    )  # fmt: skip


def _alone(holdout: pd.DataFrame, challenger: Contender, rules: ExamRules) -> Contestant:
    truth = canonical_labels(holdout[rules.target])
    classes = class_list([*challenger.classifier.classes, *truth.tolist()])
    answers = _answers(challenger.classifier.predict(holdout), challenger, classes, truth)
    return _contestant(challenger, answers, rules, [])


def _sample(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    return rows.sample(IMPORTANCE_ROWS, random_state=seed) if len(rows) > IMPORTANCE_ROWS else rows


def _importance(
    challenger: Contender, sample: pd.DataFrame, classes: Sequence[Label], rules: ExamRules
) -> list[Importance]:
    """Loss of the metric when one column is shuffled (Breiman 2001), all repeats of a column in one prediction."""
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
    stacked = pd.concat([table] * IMPORTANCE_REPEATS, ignore_index=True)
    for name in names:
        orders = [random.permutation(len(table)) for _ in range(IMPORTANCE_REPEATS)]
        shuffled = stacked.copy(deep=False)
        shuffled[name] = pd.concat([table[name].iloc[order] for order in orders], ignore_index=True)
        predictions = challenger.classifier.predict(shuffled)
        losses = [
            whole - metric_of(predictions, slice(repeat * len(table), (repeat + 1) * len(table)))
            for repeat in range(IMPORTANCE_REPEATS)
        ]
        found.append(Importance(feature=name, mean=float(np.mean(losses)), std=float(np.std(losses))))
    return sorted(found, key=lambda importance: -importance.mean)


def _warnings(missing: Sequence[Label], rows: int) -> list[str]:
    found = []
    if missing:
        shown = ", ".join(str(label) for label in missing[:10]) + (", ..." if len(missing) > 10 else "")
        found.append(f"The judged rows lack {len(missing)} class(es): {shown}. Scores are over those present.")
    if rows < 30:
        found.append(f"Only {rows} rows judge: a score moves by {1 / rows:.1%} with every row.")
    return found
