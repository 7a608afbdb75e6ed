"""The statistics of drift beside those of scipy, and where both are known."""

import numpy as np
import pytest
from scipy import stats

from champion.drift import statistics as tests
from champion.drift.classification.labels import difference, wilson

RANDOM = np.random.default_rng(7)


def in_bins(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    return np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)


def test_the_rank_test_is_that_of_mann_and_whitney_with_ties() -> None:
    ours, theirs = RANDOM.integers(0, 8, 120), RANDOM.integers(1, 9, 90)
    edges = np.arange(0.5, 9)
    result = tests.rank_test(in_bins(ours, edges), in_bins(theirs, edges))
    known = stats.mannwhitneyu(theirs, ours, method="asymptotic", use_continuity=False)
    assert result.p == pytest.approx(known.pvalue, rel=1e-9)
    assert result.statistic > 0


def test_the_cell_test_is_the_larger_p_of_pearson_and_of_the_likelihood_ratio() -> None:
    ours, theirs = np.array([60, 30, 30]), np.array([40, 45, 35])
    names = ("pearson", "log-likelihood")
    known = [stats.chi2_contingency([ours, theirs], correction=False, lambda_=name) for name in names]
    result = tests.cell_test(ours, theirs)
    assert result.p == pytest.approx(max(each.pvalue for each in known), rel=1e-9)
    assert result.statistic == pytest.approx(known[0].statistic)


def test_cells_that_expect_too_few_rows_are_merged_and_a_small_rest_joins_the_smallest_other() -> None:
    ours, theirs = tests.merged(np.array([300, 60, 2, 1]), np.array([200, 40, 1, 0]))
    assert ours[ours > 0].tolist() == [300, 63]
    assert theirs[theirs > 0].tolist() == [200, 41]
    many = np.repeat([200, 20, 2], [2, 4, 40])
    ours, theirs = tests.merged(many, many // 2)
    assert ours[ours > 0].tolist() == [200, 200, 80, 80], "those that are about as rare"
    assert theirs[theirs > 0].tolist() == [100, 100, 40, 40]


def test_a_single_cell_or_nothing_missing_is_no_difference() -> None:
    assert tests.cell_test(np.array([50, 0]), np.array([80, 0])).p == 1.0
    assert tests.rank_test(np.array([50, 0]), np.array([80, 0])).p == 1.0
    for every in (np.array([0, 100]), np.array([100, 0])):
        assert tests.missing_test(every, every).p == 1.0


def test_kuipers_distance_over_bins_is_at_most_that_of_the_rows() -> None:
    for _ in range(20):
        ours, theirs = RANDOM.normal(size=100), RANDOM.normal(0.3, 2, size=80)
        edges = np.quantile(ours, np.linspace(0, 1, 11))
        result = float(tests.kuiper(in_bins(ours, edges), in_bins(theirs, edges)))
        more, less = (stats.ks_2samp(ours, theirs, alternative=side).statistic for side in ("less", "greater"))
        assert 0 < result <= more + less + 1e-12


def test_a_wider_spread_is_found_by_shape_and_not_by_rank() -> None:
    edges = np.linspace(-3, 3, 21)
    ours, theirs = in_bins(RANDOM.normal(size=1000), edges), in_bins(RANDOM.normal(0, 2, size=1000), edges)
    assert tests.shape_test(ours, theirs).p < 1e-6
    assert tests.rank_test(ours, theirs).p > 0.01
    assert tests.moved_share(ours, theirs, ordered=True) == pytest.approx(0.32, abs=0.06)


@pytest.mark.parametrize("shift", [0.25, 0.5, 1.0])
def test_the_effect_of_a_shift_is_the_share_of_rows_that_it_moves(shift: float) -> None:
    edges = np.linspace(-4, 5, 400)
    ours, theirs = in_bins(RANDOM.normal(size=200_000), edges), in_bins(RANDOM.normal(shift, 1, size=200_000), edges)
    moved = 2 * stats.norm.cdf(shift / 2) - 1
    assert tests.shifted_share(ours, theirs) == pytest.approx(moved, abs=0.005)
    assert tests.moved_share(ours, theirs, ordered=True) == pytest.approx(moved, abs=0.005)


def test_what_small_samples_differ_by_without_drift_is_taken_out_of_the_effect() -> None:
    shares = np.full(10, 0.1)
    ours, theirs = RANDOM.multinomial(120, shares, 2000), RANDOM.multinomial(100, shares, 2000)
    assert tests.total_variation(ours, theirs).mean() > 0.15
    assert tests.moved_share(ours, theirs, ordered=False).mean() < 0.06


def test_a_rare_category_that_becomes_frequent_is_found_and_so_are_many_new_ones_together() -> None:
    result, effect = tests.rare_test(np.array([9000, 500, 300, 200, 0]), np.array([70, 4, 2, 24, 0]), tests.ALL_LISTED)
    assert result.p < 1e-9
    assert result.statistic == pytest.approx(0.22)
    assert effect > 0.2
    before, now = np.repeat([250, 0], [4, 101]), np.repeat([200, 2, 0], [4, 100, 1])
    assert tests.rare_test(before, now, tests.ALL_LISTED)[0].p == 1.0
    assert tests.rarest_test(before, now, tests.ALL_LISTED)[0].p < 1e-9


def test_all_others_are_rarest_and_what_might_have_been_left_out_is_among_them() -> None:
    """Two categories had two rows by luck and are listed; of the others, three with one row each, there are more now."""
    before, now = np.array([59, 52, 2, 2, 5]), np.array([2400, 2100, 70, 80, 350])
    assert tests.rarest_test(before, now, tests.Unlisted(1, 5))[0].p > 0.4
    few, many = np.array([59, 51, 3, 3, 3, 1]), np.array([2400, 2060, 40, 40, 40, 420])
    assert tests.rare_test(few, many, tests.Unlisted(1, 1))[0].p > 0.4, "all others are no category"
    assert tests.rarest_test(np.array([120, 0]), np.array([4000, 1000]), tests.Unlisted(1, 5))[0].p < 1e-9
    assert tests.frequent_categories(before, now, 1).tolist() == [True, True, False, False, True]
    assert tests.frequent_categories(before, now, -1).all(), "nothing was left out"


@pytest.mark.parametrize(
    ("before", "now"), [((3, 120), (30, 100)), ((0, 10_000), (9, 300)), ((5000, 10_000), (400, 500))]
)
def test_more_missing_values_are_found_and_as_many_are_not(before: tuple[int, int], now: tuple[int, int]) -> None:
    def missing_test(*shares: tuple[int, int]) -> float:
        return float(tests.missing_test(*(np.array([missing, rows - missing]) for missing, rows in shares)).p)

    assert missing_test(before, now) < 1e-4
    assert missing_test(before, (before[0] * now[1] // before[1], now[1])) > 0.2


def test_p_values_are_corrected_as_scipy_does() -> None:
    p = RANDOM.uniform(size=(3, 15)) ** 2
    assert tests.corrected(p) == pytest.approx(np.stack([stats.false_discovery_control(row) for row in p]))


def test_wilsons_interval_is_that_of_scipy_within_0_and_1_and_that_of_a_difference_newcombes() -> None:
    known = stats.binomtest(37, 40).proportion_ci(method="wilson")
    assert wilson(37, 40) == pytest.approx((known.low, known.high))
    assert (wilson(0, 5)[0], wilson(5, 5)[1]) == (0.0, 1.0)
    assert difference(56, 70, 48 / 80, 80) == pytest.approx((0.0524, 0.3339), abs=1e-4)  # his example (a)


def test_a_rare_category_pays_only_for_those_that_could_be_as_conspicuous() -> None:
    ours, theirs = np.array([60, 0, *[1] * 20, 0]), np.array([60, 12, *[1] * 20, 0])
    rows, current = ours.sum() + theirs.sum(), theirs.sum()
    result, _ = tests.rare_test(ours, theirs, tests.ALL_LISTED)
    alone = 2 * (current / rows) ** 12
    assert result.p == pytest.approx(alone), "twenty others of two rows each have no p-value so small"
    unlisted, _ = tests.rare_test(ours, theirs, tests.Unlisted(np.int64(5), 3))
    assert unlisted.p == pytest.approx(4 * alone)
    assert result.least == pytest.approx(2 * (1 - current / rows) ** 12)


def test_the_error_of_a_test_that_cannot_be_as_conspicuous_falls_to_the_others() -> None:
    ours, theirs = np.array([500, 500, 1, 0]), np.array([400, 600, 1, 0])
    cells, rare, rarest = (test.p for _, test, _ in tests.run_tests("category", ours, theirs))
    assert cells == pytest.approx(tests.cell_test(ours, theirs).p), "neither of the others can be so small"
    assert rare > 0.2
    assert rarest > 0.1
