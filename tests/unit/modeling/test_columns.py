"""What each column of a table is."""

import datetime
import warnings
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from champion.modeling.columns import Column, describe, infer, is_identifier_name, unreadable

ROWS = 60
RNG = np.random.default_rng(0)
DATES = [datetime.date(2020, 1, 1) + datetime.timedelta(days=int(day)) for day in RNG.integers(0, 300, ROWS)]


def gaps(values: Any) -> list[Any]:
    """The values, the fourth one missing."""
    return [None if place == 3 else value for place, value in enumerate(values)]


def cycle(*values: Any) -> list[Any]:
    return [values[place % len(values)] for place in range(ROWS)]


def arrow(values: Any, kind: Any) -> pd.Series:
    return pd.Series(values, dtype=pd.ArrowDtype(kind))


def kind_of(values: Any, name: str = "x") -> Column:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return describe(values.rename(name) if isinstance(values, pd.Series) else pd.Series(values, name=name))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (RNG.normal(size=ROWS), "numeric"),
        (cycle(0, 1), "numeric"),
        (np.array(cycle(1, 2, 3), dtype="uint8"), "numeric"),
        (pd.array(gaps(cycle(1, 2)), dtype="Int64"), "numeric"),
        (pd.array(gaps(RNG.normal(size=ROWS)), dtype="Float64"), "numeric"),
        (arrow(gaps(cycle(1, 2)), pa.int64()), "numeric"),
        (arrow(gaps(cycle(Decimal("1.5"), Decimal("2"))), pa.decimal128(10, 2)), "numeric"),
        (gaps(cycle(Decimal("1.5"), Decimal("2"))), "numeric"),
        (gaps(map(str, RNG.normal(size=ROWS))), "numeric"),
        (pd.Series(gaps(cycle(1, 2.5)), dtype=object), "numeric"),
        (pd.to_timedelta(cycle(1, 2), unit="h"), "numeric"),
        (pd.Series(pd.to_timedelta(cycle(1, 2), unit="h")).astype("duration[us][pyarrow]"), "numeric"),
        (pd.arrays.SparseArray(np.array(cycle(0.0, 1.0))), "numeric"),
        (np.array(cycle(True, False)), "boolean"),
        (pd.array(gaps(cycle(True, False)), dtype="boolean"), "boolean"),
        (arrow(gaps(cycle(True, False)), pa.bool_()), "boolean"),
        (pd.Series(gaps(cycle(True, False)), dtype=object), "boolean"),
        (gaps(cycle("True", "False")), "boolean"),
        (gaps(cycle("yes", "No", "no")), "boolean"),
        (cycle("t", "f"), "boolean"),
        (cycle("on", "off"), "boolean"),
        (cycle("t", "y"), "categorical"),
        (gaps(cycle("red", "blue")), "categorical"),
        (pd.Categorical(gaps(cycle("a", "b"))), "categorical"),
        (pd.Categorical(cycle(1, 2, 3)), "categorical"),
        (arrow(cycle("a", "b"), pa.string()), "categorical"),
        (arrow(cycle("a", "b"), pa.dictionary(pa.int32(), pa.string())), "categorical"),
        (cycle("007", "123"), "categorical"),
        (cycle(1, "a", 2.5, None), "categorical"),
        (pd.period_range("2020-01", periods=12, freq="M").tolist() * 5, "categorical"),
        (cycle(datetime.time(1), datetime.time(2)), "categorical"),
        (pd.Series(pd.to_datetime(DATES)), "datetime"),
        (pd.Series(pd.to_datetime(DATES)).dt.tz_localize("Europe/Berlin"), "datetime"),
        (pd.Series(pd.to_datetime(DATES)).astype("timestamp[us][pyarrow]"), "datetime"),
        (arrow(gaps(DATES), pa.date32()), "datetime"),
        (gaps(DATES), "datetime"),
        (gaps(day.isoformat() for day in DATES), "datetime"),
        ([f"{day.isoformat()}T10:00:00.5+02:00" for day in DATES], "datetime"),
        ([f"{day:%Y/%m/%d}" for day in DATES], "datetime"),
        ([f"{day:%Y-%m}" for day in DATES], "datetime"),
        (cycle("2020-13-45", "2020-14-01"), "categorical"),
    ],
)
def test_a_column_of_any_dtype_has_its_kind_and_is_used(values: Any, kind: str) -> None:
    found = kind_of(values)
    assert (found.kind, found.used) == (kind, True), found.why


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([None] * ROWS, "empty"),
        ([np.nan] * ROWS, "empty"),
        (pd.to_datetime([None] * ROWS), "empty"),
        (["x"] * ROWS, "constant"),
        ([3.0] * ROWS, "constant"),
        ([True] * ROWS, "constant"),
        (pd.to_datetime(["2020-01-01"] * ROWS), "constant"),
        (pd.Categorical(["a"] * ROWS, categories=["a", "b"]), "constant"),
        ([f"key {place}" for place in range(ROWS)], "identifier"),
        (range(100, 100 + ROWS), "identifier"),
        (gaps(range(100, 100 + ROWS)), "identifier"),
        ([str(place) for place in range(ROWS)], "identifier"),
        ([f"Name {place % (ROWS - 2)}" for place in range(ROWS)], "identifier"),
        ([f"this is a long remark, number {place}, by somebody" for place in range(ROWS)], "text"),
        ([[1]] * ROWS, "text"),
        ([{}] * ROWS, "text"),
        (arrow([[1]] * ROWS, pa.list_(pa.int64())), "text"),
        (arrow([b"x", b"y"] * (ROWS // 2), pa.binary()), "text"),
        ([b"x", b"y"] * (ROWS // 2), "text"),
        (RNG.normal(size=ROWS) + 1j, "text"),
    ],
)
def test_a_column_that_says_nothing_is_not_used(values: Any, kind: str) -> None:
    found = kind_of(values)
    assert (found.kind, found.used) == (kind, False), found.why


def test_one_value_or_none_is_no_constant() -> None:
    assert kind_of(gaps(["x"] * ROWS)).used
    assert kind_of(gaps([3.0] * ROWS)).used


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
    ("name", "expected"),
    [("id", True), ("ID", True), ("user_id", True), ("PassengerId", True), ("Unnamed: 0", True), ("paid", False),
     ("valid", False), ("index", True), ("identity", False)],
)  # fmt: skip
def test_a_name_of_an_identifier_is_known(name: str, expected: bool) -> None:
    assert is_identifier_name(name) is expected


@pytest.mark.parametrize(
    ("values", "kind", "said"),
    [
        ([f"c{place % 55}" for place in range(ROWS)], "categorical", "55 categories, so many"),
        (["?", *map(str, RNG.normal(size=ROWS - 1))], "identifier", "1 of 60 distinct ones are not"),
        ([f"{day:%d/%m/%Y}" for day in DATES], "categorical", "2026-01-31"),
        ([f"secret {place}" for place in range(ROWS)], "identifier", "Every row has a text of its own"),
    ],
    ids=["many categories", "a stray text among numbers", "day and month in doubt", "no value is quoted"],
)
def test_a_sentence_says_what_was_noticed_and_quotes_no_value(values: list[str], kind: str, said: str) -> None:
    found = kind_of(values)
    assert found.kind == kind
    assert said in found.why
    assert "secret" not in found.why


def test_a_named_kind_stands_named_text_is_not_used_and_excluded_columns_are_left_out() -> None:
    frame = pd.DataFrame({"b": range(ROWS), "target": 1, "a": cycle("x", "y"), "when": 2})
    b, a = infer(frame, exclude=["target", "when"], kinds={"b": "categorical", "a": "text"})
    assert (b.name, b.kind, b.used, a.name, a.kind, a.used) == ("b", "categorical", True, "a", "text", False)
    assert "free text" in a.why


def test_the_order_of_rows_changes_no_kind() -> None:
    frame = pd.DataFrame({"n": range(ROWS), "d": DATES, "c": cycle("a", "b", None), "f": RNG.normal(size=ROWS)})
    shuffled = frame.sample(frac=1, random_state=1)
    assert infer(frame, exclude=[], kinds={}) == infer(shuffled, exclude=[], kinds={})


def test_lists_are_named_as_unreadable_and_texts_are_not() -> None:
    assert unreadable(pd.Series([[1], [2]])) == "lists or structures"
    assert unreadable(pd.Series(["a"])) is None
