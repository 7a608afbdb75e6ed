"""Rows that come again count no oftener than the repeats of the train set let expect."""

import numpy as np
import pandas as pd
import pytest

from champion.drift import repeats
from champion.drift.repeats import LEVELS, Occurrences, keys_of, weights
from champion.modeling.arrays import Block
from champion.modeling.profile import Profile
from champion.modeling.rows.repeats import frequencies
from tests.support.drift_examples import described, mixed

NAMES = np.array([f"c{number}" for number in range(24)], dtype=object)
SHARES = np.random.default_rng(0).dirichlet(np.ones(24))


def numbers(rows: int, seed: int) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(rows, 3)))


def classes(rows: int, seed: int, shares: np.ndarray = SHARES) -> pd.DataFrame:
    """A table of at most 24 different rows, as of the Titanic's class, sex and age."""
    return pd.DataFrame({"class": NAMES[np.random.default_rng(seed).choice(24, rows, p=shares)]})


def block(table: pd.DataFrame) -> Block:
    texts = table.select_dtypes("str").to_numpy(dtype=object).reshape(len(table), -1)
    return Block(table.select_dtypes("number").to_numpy(dtype=float).reshape(len(table), -1), texts)


def profile(train: pd.DataFrame) -> Profile:
    values = {"rows": len(train), "holdout_rows": 9, "target": "y", "classes": ["a"], "class_counts": [len(train)]}
    return Profile(**values, columns=[], repeats=frequencies(train))


def counted(train: Profile, new: pd.DataFrame, times: int = 1) -> float:
    """As how many rows a table counts that is asked so many times."""
    keys, occurrences = keys_of(block(new)), Occurrences()
    rows = sum(np.bincount(occurrences.levels(keys), minlength=LEVELS) for _ in range(times))
    return float((weights(rows, train) * rows).sum())


def test_the_time_that_a_row_comes_is_known_over_chunks() -> None:
    keys, occurrences = np.array([7, 7, 9, 7, 7, 3], dtype=np.uint64), Occurrences()
    assert occurrences.levels(keys).tolist() == [0, 1, 0, 1, 2, 0]
    assert occurrences.levels(keys[:3]).tolist() == [2, 2, 1]


def test_a_missing_value_a_signed_zero_and_texts_make_a_row_what_they_mean() -> None:
    numbers = np.array([[0.0], [-0.0], [np.nan], [-np.nan], [0.0]])
    texts = np.array([["a"], ["a"], ["a"], ["a"], [np.nan]], dtype=object)
    keys = keys_of(Block(numbers, texts)).tolist()
    assert (keys[0] == keys[1], keys[2] == keys[3], len(set(keys))) == (True, True, 3)


def test_memory_does_not_grow_with_ever_new_rows_and_those_that_came_again_are_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(repeats, "MOST_ROWS", 1000)
    random, occurrences = np.random.default_rng(1), Occurrences()
    for _ in range(20):
        occurrences.levels(random.integers(0, 2**63, 900).astype(np.uint64))
        again = occurrences.levels(np.array([5, 5], dtype=np.uint64)).tolist()
    assert again == [5, 5], "the 39th and 40th"
    assert len(occurrences._keys) <= 1000
    for _ in range(3):
        occurrences.levels(np.repeat(random.integers(0, 2**63, 900).astype(np.uint64), 2))
    assert len(occurrences._keys) <= 1000


def test_rows_that_a_client_asks_again_and_again_are_no_new_evidence() -> None:
    train = profile(numbers(500, 1))
    assert counted(train, numbers(20, 2), times=20) == pytest.approx(20, abs=0.5)
    assert counted(train, numbers(1000, 2), times=20) == pytest.approx(1000, abs=5)
    assert counted(train, numbers(100_000, 2)) == 100_000
    polled = pd.concat([numbers(2000, 2), *[numbers(1, 3)] * 1000])
    assert counted(train, polled) == pytest.approx(2001, abs=5)


@pytest.mark.parametrize(("trained", "rows"), [(2201, 2000), (2201, 100_000), (120, 2000), (2201, 100)])
def test_a_table_of_few_different_rows_repeats_by_nature_and_counts_in_full(trained: int, rows: int) -> None:
    assert counted(profile(classes(trained, 1)), classes(rows, 2)) == rows


def test_where_half_of_few_different_rows_are_gone_the_others_still_count() -> None:
    half = np.where(np.arange(24) < 12, 0, SHARES)
    assert counted(profile(classes(2201, 1)), classes(2000, 2, half / half.sum())) > 800


def test_a_row_that_is_frequent_by_nature_counts_and_others_that_are_asked_again_do_not() -> None:
    def with_default(rows: int, seed: int) -> pd.DataFrame:
        """Three rows in ten are all zeros."""
        return pd.concat([numbers(rows * 7 // 10, seed), pd.DataFrame(np.zeros((rows * 3 // 10, 3)))])

    train = profile(with_default(1000, 1))
    assert counted(train, with_default(2000, 2)) == 2000
    assert counted(train, pd.concat([with_default(400, 2), *[numbers(20, 3)] * 20])) == pytest.approx(430, abs=40)


def test_the_profile_tells_the_repeats_in_few_numbers_and_for_one_of_0_1_its_columns_bound_them() -> None:
    pairs = profile(classes(100_000, 1)).repeats
    assert sum(different for _, different in pairs) == 24
    assert sum(times * different for times, different in pairs) == pytest.approx(100_000, rel=0.01)
    assert frequencies(numbers(50, 1)) == [(1, 50)]
    assert len(frequencies(pd.DataFrame({"x": np.random.default_rng(1).zipf(1.5, 50_000)}))) < 100
    old = described(mixed(500, 1))[0].model_copy(update={"repeats": []})
    assert counted(old, numbers(20, 2), times=20) < 100
    few = described(pd.DataFrame({"x": classes(500, 1)["class"]}))[0].model_copy(update={"repeats": []})
    assert counted(few, classes(500, 2)) == 500
