"""What the training data looked like."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from palmerpenguins import load_penguins

from champion.modeling.columns import infer
from champion.modeling.profile import BINS, CATEGORIES, ColumnProfile, Profile, build

ROWS = 200


def profiled(kinds: dict[str, Any] | None = None, **columns: Any) -> dict[str, ColumnProfile]:
    frame = pd.DataFrame({"y": ["a", "b"] * (ROWS // 2), **columns})
    made = build(frame, 0, "y", infer(frame, exclude=["y"], kinds=kinds or {}), ["a", "b"])
    return {column.name: column for column in made.columns}


def test_the_profile_of_penguins_survives_json_and_counts_every_row() -> None:
    frame = load_penguins()
    made = build(frame, 7, "species", infer(frame, exclude=["species"], kinds={}), ["Adelie", "Chinstrap", "Gentoo"])
    assert Profile.model_validate_json(made.model_dump_json()) == made
    assert (made.rows, made.holdout_rows, made.class_counts) == (344, 7, [152, 68, 124])
    for column in made.columns:
        assert sum(column.counts or []) + column.other + column.missing == 344


def test_bins_rise_cover_the_range_and_are_about_equally_full() -> None:
    values = np.random.default_rng(0).lognormal(size=ROWS)
    column = profiled(x=values)["x"]
    assert len(column.counts) == BINS == len(column.edges) - 1
    assert np.all(np.diff(column.edges) > 0)
    assert (column.edges[0], column.edges[-1]) == (values.min(), values.max())
    assert column.counts == np.histogram(values, column.edges)[0].tolist()
    assert max(column.counts) <= 2 * ROWS / BINS
    assert np.isclose(column.mean or 0, values.mean())
    assert np.isclose(column.std or 0, values.std())


@pytest.mark.parametrize(
    ("values", "edges", "counts"),
    [
        ([0] * 150 + [1] * 40 + [5] * 10, [0.0, 0.5, 3.0, 5.0], [150, 40, 10]),
        ([7.0] * (ROWS - 1) + [None], [6.5, 7.5], [ROWS - 1]),
        ([np.nan] * ROWS, None, None),
    ],
    ids=["few distinct numbers have a bin each", "a single number has one", "no value has none"],
)
def test_few_numbers_have_few_bins(values: list[Any], edges: Any, counts: Any) -> None:
    column = profiled({"x": "numeric"}, x=values)["x"]
    assert (column.edges, column.counts) == (edges, counts)
    assert column.missing == ROWS - sum(counts or [])


def test_equal_quantiles_are_one_edge() -> None:
    column = profiled(x=[0.0] * 150 + list(np.linspace(1, 2, 50)))["x"]
    assert np.all(np.diff(column.edges) > 0)
    assert sum(column.counts) == ROWS


def test_moments_are_seconds_since_1970() -> None:
    column = profiled(x=pd.date_range("1970-01-02", periods=ROWS).astype(str))["x"]
    assert (column.minimum, column.maximum) == (86_400.0, 86_400.0 * ROWS)


def test_categories_are_the_most_frequent_and_the_others_are_counted() -> None:
    values = [f"c{place % 70:02d}" for place in range(ROWS)]
    column = profiled(x=values)["x"]
    assert column.categories == [f"c{place:02d}" for place in range(CATEGORIES)]
    assert (column.counts, column.other, column.distinct) == ([3] * CATEGORIES, ROWS - 3 * CATEGORIES, 70)
    assert column.unlisted == [3] * 30 + [2] * 10, "in the order of their names, which are not told"


def test_a_category_of_a_single_row_is_not_listed() -> None:
    column = profiled(x=["a"] * 198 + ["Ada Lovelace", "b"])["x"]
    assert (column.categories, column.counts, column.other, column.distinct) == (["a"], [198], 2, 3)


def test_a_boolean_counts_true_and_false_however_it_is_written() -> None:
    column = profiled(x=["Yes", "no", None, "yes"] * (ROWS // 4))["x"]
    assert (column.categories, column.counts, column.missing) == (["true", "false"], [100, 50], 50)


def test_nothing_of_an_unused_column_is_shown_but_how_much_there_is() -> None:
    made = profiled(key=[f"secret {place}" for place in range(ROWS)], nested=[[1]] * ROWS, same=["only"] * ROWS)
    assert [made[name].distinct for name in ("key", "nested", "same")] == [ROWS, 1, 1]
    for column in made.values():
        assert (column.categories, column.edges, column.minimum) == (None, None, None)
        assert "secret" not in column.model_dump_json()


def test_a_class_without_a_row_counts_zero_and_true_is_not_one() -> None:
    frame = pd.DataFrame({"y": [1] * 9 + [2], "x": np.linspace(0, 1, 10)})
    made = build(frame, 0, "y", infer(frame, exclude=["y"], kinds={}), [True, 1, 2, "none"])
    assert made.class_counts == [0, 9, 1, 0]
