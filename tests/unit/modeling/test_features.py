from typing import Any

import pandas as pd
import pytest

from champion.errors import DataError
from champion.modeling.columns import infer
from champion.modeling.features import Feature, as_booleans, as_days, as_numbers, model_frame, signature


def feature(name: str, kind: Any) -> Feature:
    return Feature(name=name, kind=kind, dtype="object", nullable=True)


def table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "size": [1.5, None, 3.0, 2.0],
            "Straße 1": ["b", None, "a", "a"],
            "paid": ["yes", "no", None, "yes"],
            "when": ["2026-01-31", "2026-02-01T12:00:00", None, "1969-12-31T17:59:59.5"],
        }
    )


SIGNATURE = tuple(map(feature, table(), ("numeric", "categorical", "boolean", "datetime")))


@pytest.mark.parametrize(
    ("read", "column", "message"),
    [
        (as_numbers, pd.Series(["1", "x"]), r"\(row 2\), expected a number"),
        (as_numbers, pd.Series(pd.to_datetime([None, "2026-01-01"])), r"\(row 2\), expected a number"),
        (as_booleans, pd.Series(["yes", "maybe"]), "'maybe'.*expected yes or no"),
        (as_days, pd.Series([20484]), "expected a date or time"),
        (as_days, pd.Series(["soon"]), "expected a date or time"),
    ],
)
def test_a_value_of_another_kind_is_named_with_its_row(read: Any, column: pd.Series, message: str) -> None:
    with pytest.raises(DataError, match=f"'size' holds .*{message}"):
        read(column.rename("size"))


def test_a_table_becomes_the_columns_of_the_signature_in_its_order_whatever_else_is_there() -> None:
    frame = model_frame(table()[["when", "paid", "Straße 1", "size"]].assign(more=1), SIGNATURE)
    parts = ["when (days)", "when (month)", "when (weekday)", "when (hour)"]
    assert list(frame.columns) == ["size", "Straße 1", "paid", *parts]
    assert frame[parts].iloc[1].tolist() == [20485.5, 2, 6, 12]
    assert frame[parts].iloc[3].tolist() == [-0.25 - 0.5 / 86400, 12, 2, 17]
    assert frame[parts].iloc[2].isna().all()


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
    assert (found["when"].minimum < 0, found["when"].maximum) == (True, 20485.5)
