"""The claims of the drift gate, by simulation: it does not cry wolf, and finds what matters.

Counts are drawn in the bins of a profile, thousands of tables at a time; `python -m devtools.benchmarks.drift` has more of them.
That counts drawn are like rows counted is shown with real rows below.
"""

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from champion.drift.judge import drifting, judge
from champion.drift.statistics import run_tests
from champion.modeling.profile import Profile
from champion.use_case.policy import Drift
from devtools.benchmarks.drift import ALLOWED, GRID, KINDS, LAWS, alarms, as_in_0_1, column_alarms, most
from tests.support.drift_examples import judged

ALPHA = 0.05
TABLES = {4: 2000, 20: 1000, 100: 400}
SIZES = (120, 10_000, 1_000_000), (100, 1_000, 100_000)  # of the reference, and of the new rows


def share_of(kind: str, columns: int, reference: int, rows: int, tables: int, **more: Any) -> float:
    return float(alarms(kind, columns, reference, rows, tables, 3, **more).any(axis=1).mean())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("columns", "sizes"),
    [
        (4, [(120, 100), (10_000, 100_000)]),
        *(pytest.param(columns, list(product(*SIZES)), marks=pytest.mark.long) for columns in TABLES),
    ],
)
def test_without_drift_at_most_one_table_in_twenty_is_an_alarm(
    kind: str, columns: int, sizes: list[tuple[int, int]]
) -> None:
    tables = TABLES[columns] // (8 if kind == "rare categories" else 1)
    for reference, rows in sizes:
        assert share_of(kind, columns, reference, rows, tables) <= most(tables, ALPHA), (reference, rows)


FIVE = [("zipf", (40, 120, 5_000)), ("even", (40, 60, 100)), ("zipf", (500, 60, 100_000)), ("even", (2, 60, 100)),
        ("steep", (150, 10_000, 5_000))]  # fmt: skip
HUNDREDS = [pytest.param(law, sizes, marks=pytest.mark.long) for law in LAWS for sizes in product(*GRID)]


@pytest.mark.parametrize(("law", "sizes"), [*FIVE, *HUNDREDS])
def test_categories_that_one_sample_has_by_luck_are_no_drift(law: str, sizes: tuple[int, int, int]) -> None:
    limit = most(600, ALLOWED * ALPHA)
    assert column_alarms(sizes, law, 600, 3) <= limit
    assert column_alarms(sizes, law, 600, 3, effect=0.0) <= limit, "whatever would matter"
    assert column_alarms(sizes, law, 600, 3, effect=0.0, tests=as_in_0_1) <= limit, "with a profile of version 0.1"


@pytest.mark.parametrize("law", ["even", "zipf"])
@pytest.mark.parametrize("categories", [2, 5, 12, 30])
def test_a_fifth_of_the_rows_that_moved_between_frequent_categories_is_found(categories: int, law: str) -> None:
    for reference, rows in [(1_000, 1_000), (1_000, 100_000), (10_000, 1_000)]:
        assert column_alarms((categories, reference, rows), law, 200, 4, moved=0.2) >= 0.95
        assert column_alarms((categories, reference, rows), law, 200, 4, moved=0.2, tests=as_in_0_1) >= 0.95


def test_a_fifth_of_the_rows_in_fifty_new_categories_is_found_beside_sixty_training_rows() -> None:
    random, none = np.random.default_rng(4), np.zeros(50)
    ours = random.multinomial(60, np.append([0.5, 0.5], none), 400)
    theirs = random.multinomial(100, np.append([0.4, 0.4], none + 0.004), 400)
    tested = run_tests("category", *(np.pad(each, [(0, 0), (0, 1)]) for each in (ours, theirs)))
    p, effects = (np.stack(each, -1)[:, None] for each in ([test.p for _, test, _ in tested], [e for *_, e in tested]))
    assert drifting(p, effects, np.array([Drift().min_effect]), ALPHA)[0].any(axis=(1, 2)).mean() >= 0.92


@pytest.mark.long
def test_over_all_sizes_together_it_is_less_than_one_in_twenty() -> None:
    sizes = product(TABLES, SIZES[1])
    shares = [share_of("numbers", columns, 120, rows, 2 * TABLES[columns]) for columns, rows in sizes]
    assert 0.02 < np.mean(shares) < 0.05


@pytest.mark.parametrize(
    ("reference", "columns", "rows", "shift", "tables", "least", "below"),
    [
        (120, 1, 300, 0.5, 3000, 0.95, 2),
        (120, 4, 300, 0.5, 3000, 0.95, 2),
        (10_000, 20, 300, 0.5, 500, 0.95, 2),
        (120, 20, 300, 0.5, 1000, 0.85, 0.95),  # twenty columns of a small reference leave a little less
        (120, 20, 50, 1.0, 2000, 0.95, 2),
        pytest.param(10_000, 100, 300, 0.5, 500, 0.95, 2, marks=pytest.mark.long),
        pytest.param(1_000_000, 100, 300, 0.5, 500, 0.95, 2, marks=pytest.mark.long),
    ],
)
def test_a_shift_of_half_a_standard_deviation_is_found_in_300_rows_and_a_whole_one_in_50(
    reference: int, columns: int, rows: int, shift: float, tables: int, least: float, below: float
) -> None:
    assert least <= alarms("numbers", columns, reference, rows, tables, 5, shift=shift)[:, 0].mean() < below


@pytest.mark.parametrize("columns", [4, 20, 100])
def test_a_meaningless_shift_in_a_million_rows_is_not_reported(columns: int) -> None:
    assert not alarms("numbers", columns, 1_000_000, 1_000_000, 200, 5, shift=0.02).any()


@pytest.mark.parametrize(("reference", "rows"), [(120, 100), (120, 10_000), (10_000, 100)])
def test_a_champion_that_errs_in_one_direction_gives_no_more_alarms(reference: int, rows: int) -> None:
    random, tables, rules = np.random.default_rng(13), 400, Drift()
    truth, answered = np.array([0.4, 0.35, 0.25]), {"a": 0.46, "b": 0.35, "c": 0.19}
    alarmed = 0
    for _ in range(tables):
        profile = Profile(
            rows=reference, holdout_rows=100, target="y", classes=list("abc"), columns=[],
            class_counts=random.multinomial(reference, truth).tolist(),
        )  # fmt: skip
        new = random.multinomial(rows, list(answered.values())).tolist()
        result = judge(profile, {}, dict(zip(answered, new, strict=True)), 0.06, rules).predictions
        alarmed += result is not None and result.verdict == "drift"
    assert alarmed / tables <= most(tables, ALPHA)


def one_factor(random: np.random.Generator, rows: int) -> pd.DataFrame:
    """Ten columns that go together (a correlation of 0.7), the last ones heavy-tailed, rounded, and in few values."""
    factor = random.normal(size=(rows, 1))
    values = np.sqrt(0.7) * factor + np.sqrt(0.3) * random.normal(size=(rows, 10))
    values[:, 7] = np.exp(3 * values[:, 7])
    values[:, 8] = np.round(values[:, 8], 1)
    values[:, 9] = np.round(values[:, 9])
    return pd.DataFrame(values, columns=[f"x{i}" for i in range(10)])


@pytest.mark.parametrize("tables", [50, pytest.param(250, marks=pytest.mark.long)])
def test_real_rows_of_columns_that_go_together_give_no_more_alarms(tables: int) -> None:
    random, alarmed = np.random.default_rng(11), 0
    for _ in range(tables):
        result = judged(one_factor(random, 120), one_factor(random, 150))
        alarmed += any(each.verdict == "drift" for each in result.features)
    assert alarmed / tables <= most(tables, ALPHA)


@pytest.mark.parametrize(("tables", "off"), [(100, 0.12), pytest.param(300, 0.08, marks=pytest.mark.long)])
def test_counts_that_are_drawn_find_a_shift_as_often_as_rows_that_are_counted(tables: int, off: float) -> None:
    random, result = np.random.default_rng(12), 0
    for _ in range(tables):
        train = pd.DataFrame(random.normal(size=(120, 4)), columns=list("wxyz"))
        new = pd.DataFrame(random.normal(size=(300, 4)), columns=list("wxyz"))
        new["w"] += 0.4
        result += {each.name: each.verdict for each in judged(train, new).features}["w"] == "drift"
    drawn = alarms("numbers", 4, 120, 300, 4000, 5, shift=0.4)[:, 0].mean()
    assert 0.6 < drawn < 0.95
    assert result / tables == pytest.approx(drawn, abs=off)
