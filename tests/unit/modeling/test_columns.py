"""What each column of a table is."""

import datetime as dt
import warnings
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from champion.modeling.columns import Column, describe, infer, is_identifier_name
from champion.modeling.features import model_frame, signature

ROWS = 60
RNG = np.random.default_rng(0)
DATES = [dt.date(2020, 1, 1) + dt.timedelta(days=int(day)) for day in RNG.integers(0, 300, ROWS)]
DAYS = pd.to_datetime(["2026-01-31", "2026-02-01", None])


def arrow(values: Any, kind: Any) -> pd.Series:
    return pd.Series(values, dtype=pd.ArrowDtype(kind))


def kind_of(values: Any, name: str = "x") -> Column:
    return describe(pd.Series(values).rename(name))


FOUND: list[tuple[Any, str, list[Any]]] = [
    ([0.5, 2.5], "numeric", [0.5, 2.5]),
    ([3.0, None], "numeric", [3, None]),
    (np.array([1, 2], dtype="uint8"), "numeric", [1, 2]),
    (pd.array([1, 2, None], dtype="Int64"), "numeric", [1, 2, None]),
    (arrow([1, 2, None], pa.int64()), "numeric", [1, 2, None]),
    (arrow([Decimal("1.5"), Decimal("2")], pa.decimal128(10, 2)), "numeric", [1.5, 2]),
    ([Decimal("1.5"), Decimal("2"), None], "numeric", [1.5, 2, None]),
    ([" 5 ", "0.25", None], "numeric", [5, 0.25, None]),
    (pd.Series([1, 2.5, None], dtype=object), "numeric", [1, 2.5, None]),
    (pd.to_timedelta(["1 day", "1s", None]), "numeric", [86400, 1, None]),
    (pd.Series(pd.to_timedelta(["1 day", None])).astype("duration[us][pyarrow]"), "numeric", [86400, None]),
    (pd.arrays.SparseArray([0.0, 1.0]), "numeric", [0, 1]),
    ([True, False], "boolean", [1, 0]),
    (pd.array([True, False, None], dtype="boolean"), "boolean", [1, 0, None]),
    (arrow([True, False, None], pa.bool_()), "boolean", [1, 0, None]),
    ([True, False, None], "boolean", [1, 0, None]),
    (["True", "False", None], "boolean", [1, 0, None]),
    (["yes", "No", " no ", None], "boolean", [1, 0, 0, None]),
    (["t", "F"], "boolean", [1, 0]),
    (["on", "off"], "boolean", [1, 0]),
    (["t", "y"], "categorical", ["t", "y"]),
    (["a", None], "categorical", ["a", None]),
    (pd.Categorical(["a", "b", None]), "categorical", ["a", "b", None]),
    (pd.Categorical([1, 2, 3]), "categorical", ["1", "2", "3"]),
    (arrow(["a", "b"], pa.string()), "categorical", ["a", "b"]),
    (arrow(["a", "b"], pa.dictionary(pa.int32(), pa.string())), "categorical", ["a", "b"]),
    (["007", "123"], "categorical", ["007", "123"]),
    ([1, "a", 2.5, None], "categorical", ["1", "a", "2.5", None]),
    (pd.period_range("2020-01", periods=2, freq="M"), "categorical", ["2020-01", "2020-02"]),
    ([dt.time(1), dt.time(2)], "categorical", ["01:00:00", "02:00:00"]),
    (["2020-13-45", "2020-14-01"], "categorical", ["2020-13-45", "2020-14-01"]),
    (DAYS, "datetime", [20484, 20485, None]),
    (DAYS.tz_localize("UTC").tz_convert("Asia/Tokyo"), "datetime", [20484, 20485, None]),
    (DAYS.to_series().astype("timestamp[us][pyarrow]"), "datetime", [20484, 20485, None]),
    (arrow([dt.date(2026, 1, 31), dt.date(2026, 2, 1)], pa.date32()), "datetime", [20484, 20485]),
    ([dt.date(2026, 1, 31), dt.date(2026, 2, 1), None], "datetime", [20484, 20485, None]),
    (["2026-01-31", "2026-02-01", None], "datetime", [20484, 20485, None]),
    (["2026-01-31T00:00:00Z", "2026-02-01T14:00:00.5+02:00"], "datetime", [20484, 20485.5 + 0.5 / 86400]),
    (["2026/01/31", "2026/02/01"], "datetime", [20484, 20485]),
    (["2026-01", "2026-02"], "datetime", [20454, 20485]),
]
NAMED: list[tuple[Any, str, list[Any]]] = [
    ([True, False], "numeric", [1, 0]),
    (pd.Categorical([1, 2]), "numeric", [1, 2]),
    ([1, 0, None], "boolean", [1, 0, None]),
    (pd.Categorical(["t", "F", None]), "boolean", [1, 0, None]),
    ([1, 2], "categorical", ["1", "2"]),
    ([1.0, None], "categorical", ["1", None]),
    (pd.array([1, None], dtype="Int64"), "categorical", ["1", None]),
    (pd.Series([np.float32(1), 2.5], dtype=object), "categorical", ["1", "2.5"]),
    (pd.array([True, None], dtype="boolean"), "categorical", ["True", None]),
    (pd.Categorical(DAYS), "datetime", [20484, 20485, None]),
    (["9999-12-31"], "datetime", [None]),
]


@pytest.mark.parametrize(
    ("values", "kind", "read", "named"),
    [*((*row, None) for row in FOUND), *((*row, row[1]) for row in NAMED)],
)
def test_a_column_of_any_dtype_has_its_kind_is_used_and_read_as_that(
    values: Any, kind: str, read: list[Any], named: Any
) -> None:
    column = pd.concat([pd.Series(values)] * 20, ignore_index=True).rename("x")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = describe(column, named)
        assert (found.kind, found.used) == (kind, True), found.why
        made = model_frame(column.to_frame(), signature(column.to_frame(), [found])).iloc[: len(read), 0]
    assert [None if pd.isna(value) else value for value in made] == read


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([np.nan] * ROWS, "empty"),
        (pd.to_datetime([None] * ROWS), "empty"),
        (["x"] * ROWS, "constant"),
        ([3.0] * ROWS, "constant"),
        ([True] * ROWS, "constant"),
        (pd.to_datetime(["2020-01-01"] * ROWS), "constant"),
        (pd.Categorical(["a"] * ROWS, categories=["a", "b"]), "constant"),
        ([f"key {place}" for place in range(ROWS)], "identifier"),
        (range(100, 100 + ROWS), "identifier"),
        ([*range(100, 99 + ROWS), None], "identifier"),
        ([str(place) for place in range(ROWS)], "identifier"),
        ([f"Name {place % (ROWS - 2)}" for place in range(ROWS)], "identifier"),
        ([[1]] * ROWS, "text"),
        (arrow([[1]] * ROWS, pa.list_(pa.int64())), "text"),
        (arrow([b"x", b"y"] * (ROWS // 2), pa.binary()), "text"),
        ([b"x", b"y"] * (ROWS // 2), "text"),
        (RNG.normal(size=ROWS) + 1j, "text"),
    ],
)
def test_a_column_that_says_nothing_is_not_used(values: Any, kind: str) -> None:
    found = kind_of(values)
    assert (found.kind, found.used) == (kind, False), found.why


def test_distinct_whole_numbers_are_an_identifier_by_their_name_and_decimal_ones_never() -> None:
    numbers = RNG.choice(10**6, ROWS, replace=False)
    assert kind_of(numbers, name="PassengerId").kind == "identifier"
    assert kind_of(numbers.astype(str), name="user_id").kind == "identifier"
    assert kind_of(numbers, name="paid").kind == "numeric"
    assert kind_of(RNG.normal(size=ROWS), name="id").kind == "numeric"


def test_row_numbers_stay_an_identifier_in_a_train_set_that_lacks_the_holdout() -> None:
    rows = pd.Series(range(1000), name="row").sample(frac=0.7, random_state=0)
    assert describe(rows).kind == "identifier"


@pytest.mark.parametrize(
    ("values", "name", "kind"),
    [
        (range(1789, 1789 + 2 * ROWS, 2), "start", "numeric"),  # lie two apart: nothing counts its rows so
        (range(1951, 1951 + ROWS), "Year", "numeric"),
        (range(1951, 1951 + ROWS), "saison_yr", "numeric"),
        ([str(year) for year in range(1951, 1951 + ROWS)], "year", "numeric"),
        (range(1951, 1951 + ROWS), "patient", "identifier"),
        (range(1951, 1951 + ROWS), "tyre", "identifier"),
        (range(1951, 1951 + ROWS), "year_id", "identifier"),
        (range(1, 1 + ROWS), "year", "identifier"),
        (range(2180, 2180 + ROWS), "year", "identifier"),
        (range(2, 2 + 2 * ROWS, 2), "start", "identifier"),
    ],
)
def test_years_are_no_counter_of_the_rows_also_where_each_row_has_one_of_its_own(
    values: Any, name: str, kind: str
) -> None:
    shuffled = pd.Series(values).sample(frac=1, random_state=0)
    assert kind_of(shuffled, name=name).kind == kind


def test_a_name_of_an_identifier_is_known() -> None:
    known = ["id", "ID", "user_id", "PassengerId", "Unnamed: 0", "index"]
    assert [name for name in (*known, "paid", "valid", "identity") if is_identifier_name(name)] == known


@pytest.mark.parametrize(
    ("values", "kind", "said"),
    [
        ([f"c{place % 55}" for place in range(ROWS)], "categorical", "55 categories, so many"),
        (["?", *map(str, RNG.normal(size=ROWS - 1))], "identifier", "1 of 60 distinct ones are not"),
        ([f"{day:%d/%m/%Y}" for day in DATES], "categorical", "2026-01-31"),
        (["00501", *(str(place) for place in range(10, 29)), "10"] * 3, "categorical", "Some begin with a zero"),
        ([f"secret {place}" for place in range(ROWS)], "identifier", "Every row has a text of its own"),
    ],
    ids=["many categories", "a stray text among numbers", "day and month in doubt", "codes", "no value is quoted"],
)
def test_a_sentence_says_what_was_noticed_and_quotes_no_value(values: list[str], kind: str, said: str) -> None:
    found = kind_of(values)
    assert found.kind == kind
    assert said in found.why
    assert "secret" not in found.why


def test_free_text_is_used_by_its_words() -> None:
    column = pd.Series([f"this is a long remark, number {place}, by somebody" for place in range(ROWS)], name="x")
    assert (found := describe(column)).used, found.why
    assert found.kind == "text"


def test_a_named_kind_stands_and_excluded_columns_are_left_out() -> None:
    frame = pd.DataFrame({"b": range(ROWS), "target": 1, "a": "x", "when": 2})
    b, a = infer(frame, exclude=["target", "when"], kinds={"b": "categorical", "a": "text"})
    assert (b.name, b.kind, b.used, a.name, a.kind, a.used) == ("b", "categorical", True, "a", "text", True)


def test_the_order_of_rows_changes_no_kind() -> None:
    frame = pd.DataFrame({"n": range(ROWS), "d": DATES, "c": ["a", "b", None] * 20, "f": RNG.normal(size=ROWS)})
    shuffled = frame.sample(frac=1, random_state=1)
    assert infer(frame, exclude=[], kinds={}) == infer(shuffled, exclude=[], kinds={})
