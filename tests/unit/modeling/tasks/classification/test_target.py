"""What labels are."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from champion.errors import DataError
from champion.modeling.tasks.classification.target import canonical_labels, class_list


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (pd.Series([1.0, 2.0]), [1, 2]),
        (pd.Series([1, 2], dtype="Int64"), [1, 2]),
        (pd.Series([1, 2], dtype="int64[pyarrow]"), [1, 2]),
        (pd.Series([1, 2], dtype="category"), [1, 2]),
        (pd.Series([True, False]), [True, False]),
        (pd.Series([True, False], dtype="boolean"), [True, False]),
        (pd.Series(["True", "1"]), ["True", "1"]),
        (pd.Series(["a", "b"], dtype="category"), ["a", "b"]),
        (pd.Series([], dtype="int64"), []),
    ],
)
def test_a_label_is_a_python_value_whatever_its_dtype(values: pd.Series, expected: list[Any]) -> None:
    found = canonical_labels(values).tolist()
    assert [(type(label), label) for label in found] == [(type(label), label) for label in expected]


@pytest.mark.parametrize("value", [0.5, None, pd.Timestamp("2020-01-01"), np.inf])
def test_what_is_no_label_is_refused(value: object) -> None:
    with pytest.raises(DataError, match="target 'y'"):
        canonical_labels(pd.Series([value], name="y"))


@given(st.lists(st.one_of(st.booleans(), st.integers(), st.text())))
def test_classes_are_sorted_and_distinct_whatever_their_order(labels: list[Any]) -> None:
    found = class_list(labels)
    assert {(type(label), label) for label in found} == {(type(label), label) for label in labels}
    assert class_list(reversed(labels)) == found
    assert len(found) == len({(type(label), label) for label in found})


def test_true_is_not_one() -> None:
    assert [type(label) for label in class_list([1, True, "a", 0])] == [bool, int, int, str]
