"""A holdout wears out: what luck would reach stands beside the score, and a test that gates leaves less and less to it."""

import numpy as np
import pytest

from champion.comparison.decision import decide
from champion.comparison.wear import allowed_p, luck
from champion.modeling.evaluation import PairedTest
from champion.use_case.policy import Promotion
from devtools.benchmarks.holdout import LEVEL, POLICIES, measured, promotions
from tests.support.report_examples import evaluation, performance

ANY_GAIN, ALONE, TOGETHER = POLICIES


def pairs(*rows: int, p: float = 1.0) -> PairedTest:
    names = ("both_right", "only_challenger_right", "only_champion_right", "both_wrong")
    return PairedTest(**dict(zip(names, rows, strict=True)), p_value=p)


@pytest.mark.parametrize("draws", [1, 7, 18])
def test_what_the_luckiest_would_reach_is_the_mean_of_the_largest_of_so_many_draws(draws: int) -> None:
    random, evidence = np.random.default_rng(0), evaluation(paired=pairs(100, 22, 18, 60))
    found = luck(evidence, draws)
    wins = random.binomial(40, 0.5, (40_000, draws)).max(axis=1)
    no_better = (100 + 18 + (wins - (40 - wins)).mean()) / 200
    guessing = random.binomial(30, 1 / 3, (40_000, draws)).max(axis=1).mean() / 30
    assert found == pytest.approx((no_better, guessing), abs=2e-3)


def test_without_a_champion_or_without_classes_nothing_is_said_of_luck() -> None:
    first = evaluation(champion=None, paired=None, challenger=performance("challenger", [0, 1], per_class=[]))
    assert luck(first, 5) == (None, None)
    assert luck(evaluation(paired=pairs(0, 0, 0, 0)), 5).no_better is None
    assert luck(evaluation(paired=pairs(27, 2, 1, 0)), 500).no_better == 1.0, "no more than all rows"


def test_the_luckiest_of_a_million_rows_is_found_at_once() -> None:
    found = luck(evaluation(paired=pairs(400_000, 100_000, 100_000, 400_000)), 18).no_better
    assert found == pytest.approx(0.5 + 2 * 1.82 * np.sqrt(200_000 * 0.25) / 1e6, rel=1e-3)


def test_the_first_comparison_is_held_to_the_level_and_all_together_to_twice_of_it_two_sided() -> None:
    assert [allowed_p(LEVEL, judged) for judged in (1, 2)] == [LEVEL, LEVEL]
    every = [allowed_p(LEVEL, judged) for judged in range(2, 100_000)]
    assert every == sorted(every, reverse=True)
    assert 1.99 * LEVEL < sum(every) < 2 * LEVEL


@pytest.mark.parametrize(("judged", "promoted"), [(2, True), (3, True), (4, False), (18, False)])
def test_the_same_gain_is_enough_for_the_first_comparisons_and_not_for_later_ones(judged: int, promoted: bool) -> None:
    evidence = evaluation(paired=pairs(20, 16, 4, 1, p=0.0118))  # allowed: 0.05, 0.0151, 0.0075, ...
    decision = decide(evidence, Promotion(max_p_value=0.05), judged)
    assert decision.promote == promoted
    if not promoted:
        assert decision.reason_code == "p_value"
        least = f"at most {0.05 / (judged - 1) ** 1.73:.4g} (0.05 for the first comparison, and this holdout has judged"
        assert f"{least} {judged} challengers) is required" in decision.reason
    assert decide(evidence, Promotion(), judged).promote, "where no test is asked for, none gates"


def test_on_noise_luck_makes_champions_and_a_test_that_gates_keeps_them_below_its_level() -> None:
    """The long form, with its table, is ``python -m devtools.benchmarks.holdout``."""
    shares = [(promotions(policy, 300, 18, 1.0, 400, 0)[0] > 0).mean() for policy in POLICIES]
    assert shares[0] > 0.85
    assert shares[1] > 2 * LEVEL
    assert shares[2] <= LEVEL


def test_what_is_truly_better_is_still_found_after_many() -> None:
    before, after = (promotions(TOGETHER, 2_000, at, 0.2, 200, 0, better=0.05)[1].mean() for at in (2, 18))
    assert before > 0.99
    assert after > 0.8


@pytest.mark.long
def test_no_row_of_the_table_of_a_worn_holdout_breaks_its_limit() -> None:
    for claim, policy, *row, share, limit in measured(2_000, 5):
        assert limit is None or share <= limit, (claim, policy, row, share)
