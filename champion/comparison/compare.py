"""Champion and challenger on the same holdout rows, each through its own preprocessing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from champion.bundle.libraries import unable
from champion.comparison.baseline import against_baseline
from champion.comparison.clients import contract_change
from champion.comparison.doubts import cut_by_chance_in_words
from champion.comparison.evaluation import ComparisonRows, Evaluation, LearnedRows, Performance, Period
from champion.comparison.learned import Sketches, rows_not_learned
from champion.errors import DataError, NotEnoughDataError, listed
from champion.failures import of_a_warning
from champion.modeling.contract import Contract
from champion.modeling.evaluation import CandidateResult, Importance, Label
from champion.modeling.predictor import Predictions, Predictor
from champion.modeling.rows.train_rows import TrainRows
from champion.modeling.split import SplitRule, missing_columns, moments, overlap
from champion.modeling.tasks.judging import judging_of
from champion.modeling.tasks.learning import learning_of
from champion.modeling.tasks.target import target_of
from champion.use_case.policy import ComparisonRules

FAR_OFF = 0.4  # of the wanted share, by which the share of the holdout may be off without a word
MOSTLY_GONE = 0.9  # of the train rows, from which on one has to ask whether it is the same table
PERIODS, ROWS_PER_PERIOD = 12, 20
IMPORTANCE_ROWS = 400
IMPORTANCE_REPEATS = 5
IMPORTANCE_CELLS = 40_000_000  # that may be asked in all: some seconds, and every column of a table with a hundred
_SCREEN_BLOCKS, _FEWEST_COLUMNS = 16, 10
_IMPORTANCE_VALUES = 1_000_000  # of a table that is asked at once


@dataclass(frozen=True)
class ComparedModel:
    """One side of a comparison: what predicts, and where it comes from.

    `rule` is the split rule it was trained under; `number` its model version, where it has one;
    `made_with` are the versions of its libraries, where they may be others than those of here; `train_rows` is the sketch of
    what it learned from, which version 0.1 did not keep.
    """

    role: str
    predictor: Predictor
    rule: SplitRule
    candidate: str
    estimator: str
    params: dict[str, Any]
    number: int | None = None
    made_with: dict[str, str] = field(default_factory=dict)
    train_rows: TrainRows | None = None


class _Answered(NamedTuple):
    """What one side answered to the judged rows."""

    predictions: Predictions
    contract: Contract


def compare(
    holdout: pd.DataFrame,
    train_rows: int,
    rules: ComparisonRules,
    challenger: ComparedModel,
    champion: ComparedModel | None,
    candidates: Sequence[CandidateResult],
    unjudged: str | None = None,
    in_production: Contract | None = None,
    target_counts: Sequence[int] = (),
) -> Evaluation:
    """Ask both the same rows of today's holdout, target included, and score the answers.

    Rows on which the champion may have been trained are left out: where its split rule was another one, only rows
    that are holdout under both rules count. `candidates` are all of this run, best first;
    `unjudged` says why there is no champion to ask where there is one in production, `in_production` is its contract;
    `target_counts` are the train rows of each class, which is all that the model without knowledge knows.

    Raises NotEnoughDataError when fewer than `min_overlap` rows are holdout under both rules, or the metric cannot be computed.
    """
    task = challenger.predictor.contract.task
    judging, labels_of = judging_of(task), target_of(task).canonical_labels
    former = champion.predictor.contract if champion else in_production
    judged, learned, predictions, why = _ask_champion(holdout, rules, challenger, champion)
    if predictions is None:
        champion = None
    asked = _some(holdout, judged)
    truth = labels_of(asked[rules.target])
    contracts = [side.predictor.contract for side in (challenger, champion) if side]
    classes = judging.classes(contracts, truth)
    sides = [_Answered(challenger.predictor.predict(asked), contracts[0])]
    answers = judging.answers(sides[0].predictions, contracts[0], classes, truth)
    performance = paired = None
    if champion and predictions:
        sides.append(_Answered(predictions, champion.predictor.contract))
        champion_answers = judging.answers(predictions, champion.predictor.contract, classes, truth)
        paired = judging.paired_test(answers, champion_answers)
        performance = _performance(champion, champion_answers, rules, [])
    sample = _for_importance(asked, truth, rules, task)
    return Evaluation(
        use_case=rules.use_case,
        task=task,
        metric=rules.metric,
        classes=classes,
        rows=ComparisonRows(
            train=train_rows,
            holdout=len(holdout),
            judged=len(asked),
            overlap_only=(learned.judged if learned else len(asked)) < len(holdout),
            missing_classes=judging.missing_classes(answers),
            smallest_gain=judging.smallest_gain(len(asked), paired),
            sampled_for_importance=len(sample),
            wanted=challenger.rule.share if challenger.rule.by != "time" else None,
            learned=learned,
            columns=len(contracts[0].features),
        ),
        candidates=list(candidates),
        challenger=_performance(challenger, answers, rules, _importance(challenger, sample, classes, rules)),
        champion=performance,
        champion_unjudged=why or unjudged,
        paired=paired,
        alone=None if judged.all() else _alone(holdout, challenger, rules),
        periods=_periods(asked, challenger.rule, rules, sides),
        warnings=[
            *_failures(candidates),
            *(cut_by_chance_in_words(each, str(challenger.rule.column)) for each in candidates if each.cut_by_chance),
            *_doubts(train_rows, len(holdout), challenger.rule, learned),
            *judging.doubts(truth, answers, contracts),
        ],
        contract_change=contract_change(former, contracts[0]) if former else None,
        baseline=against_baseline(answers, contracts[0], classes, target_counts, rules) if target_counts else None,
    )


def _failures(candidates: Sequence[CandidateResult]) -> list[str]:
    return [
        f"The candidate {each.name!r} failed and was left out: {each.failed.reason.splitlines()[0]}"
        for each in candidates
        if each.failed
    ]


def _doubts(train_rows: int, holdout_rows: int, rule: SplitRule, learned: LearnedRows | None) -> list[str]:
    """What is amiss with the rows that judge: how many they are, and whether the champion knows them."""
    share, texts = holdout_rows / (train_rows + holdout_rows), []
    if rule.by != "time" and abs(share - rule.share) > max(
        FAR_OFF * rule.share, 3 * (rule.share / holdout_rows) ** 0.5
    ):
        why = {
            "hash": "many rows are equal. Where they are observations of their own, say split.repeats: observations.",
            "group": "some groups have many rows. More groups, or another split.salt, bring it nearer.",
        }[rule.by]
        texts.append(f"The holdout has {share:.0%} of the rows, and split.share asks for {rule.share:.0%}: {why}")
    if learned and learned.learned:
        texts.append(f"{learned.learned:,} of the rows that judge trained the champion, and were left out for both.")
    if learned and learned.gone >= MOSTLY_GONE and not learned.respelled:
        texts.append(
            f"{learned.gone:.0%} of the champion's train rows are not in this table any more. Where it is the same table, "
            "written otherwise, the champion is judged on rows that it learned: write it as it was."
        )
    if learned and learned.respelled:
        texts.append(
            f"About {learned.respelled_share:.1%} of the rows that judge seem to be train rows of the champion in which "
            f"{listed(learned.respelled)} was changed."
        )
    return texts


def _periods(asked: pd.DataFrame, rule: SplitRule, rules: ComparisonRules, sides: Sequence[_Answered]) -> list[Period]:
    """Both, the challenger first, in stretches of about equally many rows, the earliest first; of a time split alone."""
    if rule.by != "time":
        return []
    contract = sides[0].contract
    judging, learning = judging_of(contract.task), learning_of(contract.task)
    truth = target_of(contract.task).canonical_labels(asked[rules.target])
    classes, column = judging.classes([side.contract for side in sides], truth), asked[str(rule.column)]

    def metric(side: _Answered | None, rows: NDArray[np.int64]) -> float | None:
        if side is None:
            return None
        try:
            answers = judging.answers(side.predictions.part(rows.tolist()), side.contract, classes, truth[rows])
            return learning.score(answers, (), required=rules.metric)[rules.metric]
        except NotEnoughDataError:
            return None

    order = np.argsort(moments(column, rule.cutoff), kind="stable")
    champion = sides[1] if len(sides) > 1 else None
    return [
        Period(
            first=str(column.iloc[rows[0]]),
            last=str(column.iloc[rows[-1]]),
            rows=len(rows),
            challenger=metric(sides[0], rows),
            champion=metric(champion, rows),
        )
        for rows in np.array_split(order, max(1, min(PERIODS, len(order) // ROWS_PER_PERIOD)))
    ]


def _ask_champion(
    holdout: pd.DataFrame, rules: ComparisonRules, challenger: ComparedModel, champion: ComparedModel | None
) -> tuple[NDArray[np.bool_], LearnedRows | None, Predictions | None, str | None]:
    """Which holdout rows count, what the sketch told of them, the champion's answers, and why there are none (None: some)."""
    everything = np.ones(len(holdout), dtype=np.bool_)
    if champion is None:
        return everything, None, None, None
    theirs, ours = champion.predictor.contract, challenger.predictor.contract
    if theirs.task != ours.task:
        return everything, None, None, f"it was made for {theirs.task}, and the use case is one of {ours.task}"
    lacking = missing_columns(holdout, [feature.name for feature in theirs.features])
    if lacking:
        return everything, None, None, f"the table has no column {', '.join(map(repr, lacking))}, which it needs"
    unknown = judging_of(ours.task).unknown_target(holdout[rules.target], theirs)
    if unknown:
        return everything, None, None, unknown
    try:
        judged, learned = _rows_of_neither(holdout, rules, challenger, champion)
        return judged, learned, champion.predictor.predict(_some(holdout, judged)), None
    except NotEnoughDataError as error:
        if not rules.replace_unjudged:
            raise
        return everything, None, None, str(error).partition(": ")[2].partition(". ")[0]
    except MemoryError:
        raise
    except Exception as error:  # a model of other libraries may fail in any way
        if of_a_warning(error):
            raise
        of_the_table = isinstance(error, DataError) and error.__cause__ is None
        return everything, None, None, str(error).rstrip(".") if of_the_table else unable(error, champion.made_with)


def _some(rows: pd.DataFrame, judged: NDArray[np.bool_]) -> pd.DataFrame:
    return rows if judged.all() else rows[judged]


def _rows_of_neither(
    holdout: pd.DataFrame, rules: ComparisonRules, challenger: ComparedModel, champion: ComparedModel
) -> tuple[NDArray[np.bool_], LearnedRows | None]:
    """The rows that neither was trained on: holdout under both rules, and not in the sketch of the champion's train rows."""
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
    if champion.train_rows is None:
        return both, None
    sketches = Sketches(champion.train_rows, challenger.train_rows, champion.rule, champion.predictor.contract)
    judged, learned = rows_not_learned(holdout, both, sketches, challenger.rule)
    left, learnt = int(judged.sum()), int(both.sum() - judged.sum())
    if left < min(least, left + learnt):
        raise NotEnoughDataError(
            f"Nothing is decided, because too few rows judge: {learnt} of {left + learnt} trained the champion and are left out. "
            f"At least split.min_overlap = {least} are needed. Add rows, write the table as it was, or lower min_overlap."
        )
    return judged, learned


def _for_importance(asked: pd.DataFrame, truth: NDArray[np.object_], rules: ComparisonRules, task: str) -> pd.DataFrame:
    """The judged rows, or a sample of them, by which the importance of columns is measured."""
    if len(asked) <= IMPORTANCE_ROWS:
        return asked
    order = np.random.default_rng(rules.seed).permutation(len(asked))
    return asked.iloc[judging_of(task).sample(truth, order, IMPORTANCE_ROWS)]


def _alone(holdout: pd.DataFrame, challenger: ComparedModel, rules: ComparisonRules) -> Performance:
    """The challenger on the whole holdout, where both were judged on a part of it."""
    contract = challenger.predictor.contract
    judging, truth = judging_of(contract.task), target_of(contract.task).canonical_labels(holdout[rules.target])
    classes = judging.classes([contract], truth)
    answers = judging.answers(challenger.predictor.predict(holdout), contract, classes, truth)
    return _performance(challenger, answers, rules, [])


def _performance(side: ComparedModel, answers: Any, rules: ComparisonRules, columns: list[Importance]) -> Performance:
    task = side.predictor.contract.task
    learning = learning_of(task)
    scores = learning.score(answers, learning.ALWAYS_SHOWN, required=rules.metric)
    for name in rules.guardrails:
        scores |= learning.score(answers, (), required=name)
    of_side = {name: getattr(side, name) for name in ("role", "number", "candidate", "estimator", "params")}
    return Performance(**of_side, scores=scores, importance=columns, **judging_of(task).evidence(answers))


def _importance(
    challenger: ComparedModel, sample: pd.DataFrame, classes: Sequence[Label], rules: ComparisonRules
) -> list[Importance]:
    """Loss of the metric when one column is shuffled (Breiman 2001).

    Where asking for every column would take more than `IMPORTANCE_CELLS`, blocks of columns are shuffled together first,
    and those of the blocks that cost most are measured one by one.
    """
    random = np.random.default_rng(rules.seed)
    contract, metric = challenger.predictor.contract, rules.metric
    judging, learning = judging_of(contract.task), learning_of(contract.task)
    truth = target_of(contract.task).canonical_labels(sample[rules.target])
    names = [feature.name for feature in contract.features]
    table = sample[names]

    def metric_of(predictions: Predictions, part: slice) -> float:
        answers = judging.answers(predictions.part(part), contract, classes, truth)
        return learning.score(answers, (), required=metric)[metric]

    whole = metric_of(challenger.predictor.predict(table), slice(None))

    def losses(blocks: Sequence[Sequence[str]], repeats: int) -> NDArray[np.float64]:
        """What is lost when the columns of a block are shuffled together, of shape (blocks, repeats)."""
        lost = []
        at_once = max(1, _IMPORTANCE_VALUES // (len(table) * repeats * len(names)))  # blocks, with all repeats
        for some in (blocks[start : start + at_once] for start in range(0, len(blocks), at_once)):
            predictions = challenger.predictor.predict(_shuffled(table, some, repeats, random))
            ends = range(len(table), len(predictions.values) + 1, len(table))
            lost += [whole - metric_of(predictions, slice(end - len(table), end)) for end in ends]
        return np.array(lost).reshape(len(blocks), repeats)

    measured = names
    affordable = IMPORTANCE_CELLS // (len(table) * len(names) * IMPORTANCE_REPEATS)
    while len(measured) > max(affordable, _FEWEST_COLUMNS):
        size = -(-len(measured) // _SCREEN_BLOCKS)
        blocks = [measured[start : start + size] for start in range(0, len(measured), size)]
        kept = max(len(blocks) // 4, -(-_FEWEST_COLUMNS // size))
        costly = np.argsort(-losses(blocks, 1)[:, 0], kind="stable")[:kept]
        measured = [name for index in sorted(costly) for name in blocks[index]]
    of_each = losses([[name] for name in measured], IMPORTANCE_REPEATS)
    each = zip(measured, of_each, strict=True)
    columns = [Importance(feature=name, mean=float(np.mean(lost)), std=float(np.std(lost))) for name, lost in each]
    return sorted(columns, key=lambda importance: -importance.mean)


def _shuffled(
    table: pd.DataFrame, blocks: Sequence[Sequence[str]], repeats: int, random: np.random.Generator
) -> pd.DataFrame:
    """The table once for each block and repeat, one after another, with the columns of that block shuffled together."""
    parts = []
    for block in blocks:
        for _ in range(repeats):
            part, order = table.copy(deep=False), random.permutation(len(table))
            for name in block:
                part[name] = table[name].iloc[order].array
            parts.append(part)
    return pd.concat(parts, ignore_index=True)
