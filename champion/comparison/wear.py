"""How much a holdout has been used, and what that makes of a score and of a p-value.

Every challenger that a holdout judges has a chance to look better than it is, and the best of many is one that had luck
(Blum and Hardt 2015, The Ladder; Dwork et al. 2015, The reusable holdout). So the best that luck alone would reach stands
beside the score, and a test that gates is held to a part of its level that shrinks with every comparison.
"""

import math
from typing import NamedTuple

from champion.comparison.evaluation import Evaluation

_POWER = 1.73  # 1/t**1.73, over all t from 1 on, sums up to a little less than two
_SPREAD = 12  # standard deviations beside which a binomial number has no mass that counts


class Luck(NamedTuple):
    """What the luckiest of so many draws would be right on, as a share of the judged rows; None where nothing tells.

    `no_better`: of challengers that are no better than the champion; `guessing`: of models that know nothing but how
    frequent the largest class is.
    """

    no_better: float | None
    guessing: float | None


def allowed_p(level: float, judged: int) -> float:
    """The most that a p-value may be, for a test whose false promotions stay below `level` over all comparisons together.

    `judged` counts the challengers that the holdout has judged, the present one included; the first of them was compared
    with none. The t-th comparison is held to the level divided by t to the power of 1.73. These parts sum up to twice the
    level, and the test is two-sided where only one side is promoted, so that by the union bound all promotions of what is no
    better are together as likely as the level at most. Spending a level over a sequence of tests: Foster and Stine (2008).
    """
    return float(level / max(judged - 1, 1) ** _POWER)


def luck(evaluation: Evaluation, judged: int) -> Luck:
    """What the luckiest of `judged` draws would reach on the rows of a comparison.

    A challenger that is no better wins each row on which both differ with one half, as in McNemar's test: what the luckiest
    wins more than it loses comes on top of the champion's own share.
    """
    test, of_classes = evaluation.paired, [each.support for each in evaluation.challenger.per_class]
    no_better = guessing = None
    if test is not None:
        differing = test.only_challenger_right + test.only_champion_right
        rows = test.both_right + differing + test.both_wrong
        if rows:
            gain = 2 * _luckiest(differing, 0.5, judged) - differing
            no_better = min(1.0, (test.both_right + test.only_champion_right + gain) / rows)
    if sum(of_classes):
        guessing = _luckiest(sum(of_classes), max(of_classes) / sum(of_classes), judged) / sum(of_classes)
    return Luck(no_better, guessing)


def _luckiest(rows: int, share: float, draws: int) -> float:
    """The mean of the largest of some binomial numbers."""
    import numpy as np
    from scipy.special import bdtr

    middle, spread = rows * share, _SPREAD * math.sqrt(rows * share * (1 - share)) + 1
    least, most = max(0, int(middle - spread)), min(rows, int(middle + spread) + 1)
    return float(least + (1 - bdtr(np.arange(least, most), rows, share) ** max(draws, 1)).sum())
