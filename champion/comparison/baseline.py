"""The model without knowledge on the rows that judge: whoever is not better than it is no model.

It knows how frequent each class is in the train set, and nothing of a row: it always answers the largest, with these shares as
probabilities.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from champion.comparison.evaluation import BASELINE_LEVEL, NOISE, Baseline
from champion.errors import NotEnoughDataError
from champion.modeling.contract import Contract
from champion.modeling.tasks.judging import judging_of
from champion.modeling.tasks.learning import learning_of
from champion.use_case.policy import ComparisonRules

MOST_DRAWS, FEWEST_DRAWS = 500, 100
DRAWN_ROWS = 4_000_000  # in all draws together, as long as there are `FEWEST_DRAWS`


def against_baseline(
    answers: Any, contract: Contract, classes: Sequence[Any], target_counts: Sequence[int], rules: ComparisonRules
) -> Baseline:
    """How the challenger stands beside the model without knowledge, on the same rows.

    `answers` are the challenger's, as its task has them over `classes`; `target_counts` the train rows of each class of its
    contract. Where the metric counts right answers the test is McNemar's; else the rows are drawn anew, with
    replacement, and it is the share of draws in which the challenger is not better. In a draw in which the metric has no
    meaning it is not.

    Source of both: Dietterich (1998), Neural Computation 10(7); Efron and Tibshirani (1993), An Introduction to the Bootstrap.
    """
    judging, learning, metric = judging_of(contract.task), learning_of(contract.task), rules.metric
    ignorant = judging.without_knowledge(answers, contract, classes, target_counts)
    score = learning.score(ignorant, (), required=metric)[metric]
    perfect = judging.perfect(answers)
    if judging.counts_right_answers(metric):
        p_value, best = (judging.one_sided(side, ignorant) for side in (answers, perfect))
        return Baseline(score=score, p_value=p_value, test="mcnemar", reachable=best < BASELINE_LEVEL)
    p_value = _drawn(answers, ignorant, contract.task, rules)
    reachable = p_value < BASELINE_LEVEL or _drawn(perfect, ignorant, contract.task, rules) < BASELINE_LEVEL
    return Baseline(score=score, p_value=p_value, test="bootstrap", reachable=reachable)


def _drawn(answers: Any, ignorant: Any, task: str, rules: ComparisonRules) -> float:
    """The share of draws of the rows in which some answers score no higher than those of the model without knowledge."""
    judging, learning, random = judging_of(task), learning_of(task), np.random.default_rng(rules.seed)
    rows = judging.rows(answers)
    draws = min(MOST_DRAWS, max(FEWEST_DRAWS, DRAWN_ROWS // max(rows, 1)))
    behind = 0
    for _ in range(draws):
        drawn = random.integers(rows, size=rows)
        try:
            ours, theirs = (
                learning.score(judging.part(side, drawn), (), required=rules.metric)[rules.metric]
                for side in (answers, ignorant)
            )
        except NotEnoughDataError:
            behind += 1
            continue
        behind += ours <= theirs + NOISE
    return (behind + 1) / (draws + 1)
