import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from champion.errors import DataError
from champion.modeling.columns import infer
from champion.modeling.features import Feature, as_booleans, as_categories, as_days, as_numbers, model_frame, signature

NAN = float("nan")


def feature(name: str, kind: Any) -> Feature:
    return Feature(name=name, kind=kind, dtype="object", nullable=True)


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "size": [1.5, None, 3.0, 2.0],
            "Straße 1": ["b", None, "a", "a"],
            "paid": ["yes", "no", None, "yes"],
            "when": ["2026-01-31", "2026-02-01T12:00:00", None, "1970-01-01"],
        }
    )


SIGNATURE = tuple(map(feature, table(), ("numeric", "categorical", "boolean", "datetime")))


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Series([1, 2]), [1, 2]),
        (pd.Series([1, None], dtype="Int64"), [1, NAN]),
        (pd.Series([1, None], dtype="int64[pyarrow]"), [1, NAN]),
        (pd.Series([" 5 ", None]), [5, NAN]),
        (pd.Series([True, False]), [1, 0]),
        (pd.Series([Decimal("1.5"), None], dtype=object), [1.5, NAN]),
        (pd.Series([1, 2], dtype="category"), [1, 2]),
        (pd.Series(pd.to_timedelta(["1 day", None])), [86400, NAN]),
        (pd.Series(pd.to_timedelta(["1 day", None])).astype("duration[ns][pyarrow]"), [86400, NAN]),
    ],
)
def test_numbers_are_read_from_every_dtype(column: pd.Series, expected: list[float]) -> None:
    np.testing.assert_array_equal(as_numbers(column), expected)


@pytest.mark.parametrize(
    ("read", "column", "message"),
    [
        (as_numbers, pd.Series(["1", "x"]), r"\(row 2\), expected a number"),
        (as_numbers, pd.Series(pd.to_datetime([None, "2026-01-01"])), r"\(row 2\), expected a number"),
        (as_numbers, pd.Series([1, "x"], dtype=object), r"\(row 2\), expected a number"),
        (as_booleans, pd.Series(["yes", "maybe"]), "'maybe'.*expected yes or no"),
        (as_days, pd.Series([20484]), "expected a date or time"),
        (as_days, pd.Series(["soon"]), "expected a date or time"),
    ],
)
def test_a_value_of_another_kind_is_named_with_its_row(read: Any, column: pd.Series, message: str) -> None:
    with pytest.raises(DataError, match=f"'size' holds .*{message}"):
        read(column.rename("size"))


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([True, False, None], dtype=object),
        pd.Series([True, False, None], dtype="boolean"),
        pd.Series(["Yes", " no ", None]),
        pd.Series([1, 0, None]),
        pd.Series(["t", "F", None], dtype="category"),
        pd.Series([True, False, None], dtype="bool[pyarrow]"),
    ],
)
def test_booleans_are_read_from_every_dtype(column: pd.Series) -> None:
    np.testing.assert_array_equal(as_booleans(column), [1, 0, NAN])


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pd.Series([1, 2]), ["1", "2"]),
        (pd.Series([1.0, None]), ["1", NAN]),
        (pd.Series([1, None], dtype="Int64"), ["1", NAN]),
        (pd.Series([np.float32(1), 2.5], dtype=object), ["1", "2.5"]),
        (pd.Series(["a", None]), ["a", NAN]),
        (pd.Series(["a", None], dtype="category"), ["a", NAN]),
        (pd.Series([True, None], dtype="boolean"), ["True", NAN]),
    ],
)
def test_categories_are_the_same_text_in_every_dtype(column: pd.Series, expected: list[Any]) -> None:
    assert [NAN if pd.isna(text) else text for text in as_categories(column)] == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["2026-01-31", None]),
        pd.Series(["2026-01-31T00:00:00Z", None]),
        pd.Series(["2026-01-31T02:00:00+02:00", None]),
        pd.Series(pd.to_datetime(["2026-01-31", None])),
        pd.Series(pd.to_datetime(["2026-01-31", None], utc=True).tz_convert("Asia/Tokyo")),
        pd.Series([dt.date(2026, 1, 31), None], dtype=object),
        pd.Series([dt.date(2026, 1, 31), None]).astype("date32[pyarrow]"),
        pd.Series(pd.to_datetime(["2026-01-31", None])).astype("category"),
    ],
)
def test_a_moment_is_the_same_in_every_dtype(column: pd.Series) -> None:
    np.testing.assert_array_equal(as_days(column), [20484.0, NAN])


def test_far_dates_are_read() -> None:
    assert as_days(pd.Series(["9999-12-31"])).tolist() == [2932896.0]


def test_a_table_becomes_the_columns_of_the_signature() -> None:
    frame = model_frame(table(), SIGNATURE)
    parts = ["when (days)", "when (month)", "when (weekday)", "when (hour)"]
    assert list(frame.columns) == ["size", "Straße 1", "paid", *parts]
    assert frame[parts].iloc[1].tolist() == [20485.5, 2, 6, 12]
    assert frame[parts].iloc[2].isna().all()


def test_the_order_of_columns_and_what_else_is_there_do_not_matter() -> None:
    shuffled = table()[["when", "paid", "Straße 1", "size"]].assign(more=1)
    assert_frame_equal(model_frame(shuffled, SIGNATURE), model_frame(table(), SIGNATURE))


def test_plain_numbers_are_passed_on_without_a_copy_of_their_own() -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": [0.5, 1.5], "c": ["x", "y"]})
    found = model_frame(frame, [feature("b", "numeric"), feature("a", "numeric")])
    assert found.dtypes.astype(str).to_dict() == {"b": "float64", "a": "int64"}


def test_missing_columns_are_named() -> None:
    with pytest.raises(DataError, match="lacks the column\\(s\\) 'paid', 'when'"):
        model_frame(table()[["size", "Straße 1"]], SIGNATURE)


def test_a_signature_holds_ranges_and_categories_of_the_train_set() -> None:
    frame = table().assign(name=["one", "two", "three", "four"])
    columns = infer(frame, exclude=[], kinds={"Straße 1": "categorical", "paid": "boolean", "when": "datetime"})
    found = {feature.name: feature for feature in signature(frame, columns)}
    assert set(found) == {"size", "Straße 1", "paid", "when"}
    assert (found["size"].minimum, found["size"].maximum, found["size"].nullable) == (1.5, 3.0, True)
    assert found["Straße 1"].categories == ("a", "b")
    assert (found["when"].minimum, found["when"].maximum) == (0.0, 20485.5)


def test_a_signature_survives_its_way_through_json() -> None:
    frame = table()
    for found in signature(frame, infer(frame, exclude=[], kinds={})):
        assert Feature.model_validate_json(found.model_dump_json()) == found
