"""A cell by the rule of its column."""

from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pydantic import ValidationError

from champion.modeling.cells.ruled import read_array, read_column
from champion.modeling.cells.units import unit_in
from champion.modeling.cells.writing import in_words, reader_of, takes_writing
from champion.use_case.cells import CellRule

EUROPE: dict[str, Any] = {"decimal": ",", "thousands": "."}


@pytest.mark.parametrize(
    ("rule", "read"),
    [
        ({"unit": "$", "thousands": ","}, {"$1,658.00": 1658.0, "-$5": -5.0, "$-5": -5.0, "$ 1,000": 1000.0, 7: 7.0}),
        (EUROPE, {"1.234,56": 1234.56, "1234,5": 1234.5, "1.234": 1234.0, ",5": 0.5, "1,5e3": 1500.0}),
        ({"unit": "EUR"}, {"73 EUR": 73.0, "73\u00a0eur": 73.0, "EUR 73.5": 73.5, "": None, "  ": None}),
        ({"unit": "%"}, {"12.34 %": 12.34, "12.34%": 12.34, "-3 %": -3.0}),
        ({"thousands": " "}, {"1 000": 1000.0, "1\u202f000.5": 1000.5, "\u22121\u00a0000": -1000.0}),
        ({"thousands": "'"}, {"1'000": 1000.0, "1\u2019000.5": 1000.5}),
        ({"accounting": True, "unit": "$"}, {"(42)": -42.0, "($42)": -42.0, "$(42)": -42.0, "(42 $)": -42.0, "42-": -42.0}),
        ({"bounds": True}, {"<0.5": 0.5, ">= 100": 100.0, "\u22643": 3.0, "0.25": 0.25}),
        ({"dates": "%d.%m.%Y"}, {"1.2.2024": "2024-02-01", "1.2.2024 10:00": "2024-02-01T10:00:00", "2024-01-05": "2024-01-05"}),
        ({"dates": "%m/%d/%Y"}, {"12/31/2024": "2024-12-31", "1/2/2024 3:15 PM": "2024-01-02T15:15:00"}),
        ({"dates": "%b %d, %Y"}, {"Jan 05, 2023": "2023-01-05", "September 5, 2023": "2023-09-05"}),
        ({"dates": "%d.%m.%y"}, {"31.12.68": "2068-12-31", "31.12.69": "1969-12-31"}),
        ({"dates": "epoch_s"}, {1700000000: "2023-11-14T22:13:20+00:00", "1700000000": "2023-11-14T22:13:20+00:00"}),
        ({"dates": "epoch_ms"}, {1700000000500: "2023-11-14T22:13:20.500000+00:00"}),
        ({"dates": "%Y%m%d"}, {20240131.0: "2024-01-31"}),
        ({"missing": ["?", -999]}, {"?": None, "-999": None, -999.0: None, "-999.0": None, "a": "a", 5: 5}),
    ],
)  # fmt: skip
def test_a_cell_is_what_its_rule_says(rule: dict[str, Any], read: dict[Any, Any]) -> None:
    reader = reader_of(CellRule(**rule))
    assert {cell: reader.read(cell).value for cell in read} == read
    assert not any(reader.read(cell).wrong for cell in read)


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        (EUROPE, ["1.23", "12.34.567", "1.234.56", "1,2,3", "1234.567"]),
        ({"thousands": ","}, ["1,65", "10,00", "1,0000", ",100"]),
        ({"thousands": " "}, ["10 00", "1  000"]),
        ({"unit": "EUR"}, ["73 USD", "EUR 73 EUR", "(73)", "<73", "seventy EUR", "1,5 EUR"]),
        ({"accounting": True}, ["(-42)", "(42", "42)", "-42-"]),
        ({"dates": "%d.%m.%Y"}, ["31.13.2024", "30.02.2024", "12/31/2024", "31.12.24", "soon"]),
        ({"dates": "%b %d, %Y"}, ["Foo 5, 2023"]),
        ({"dates": "epoch_s"}, [1e30, "yesterday"]),
    ],
)
def test_what_does_not_fit_a_rule_is_wrong_and_never_guessed(rule: dict[str, Any], wrong: list[Any]) -> None:
    reader = reader_of(CellRule(**rule))
    assert {cell: reader.read(cell).wrong for cell in wrong} == dict.fromkeys(wrong, True)


def test_a_number_without_the_unit_and_a_bound_are_marked_in_pandas_and_arrow_alike() -> None:
    texts = ["73 EUR", "<5 EUR", "7", None, "9 USD", "73 EUR"]
    rule = CellRule(unit="EUR", bounds=True)
    column, marks = read_column(pd.Series(texts), rule)
    array, same = read_array(pa.array(texts), rule)
    assert column.fillna(-1).tolist() == array.fill_null(-1).to_pylist() == [73.0, 5.0, 7.0, -1.0, -1.0, 73.0]
    for one in (marks, same):
        assert [each.tolist().index(True) for each in one] == [4, 2, 1]
        assert [int(each.sum()) for each in one] == [1, 1, 1]


def test_a_column_of_numbers_loses_its_sentinel_and_keeps_the_rest() -> None:
    rule = CellRule(missing=(-999,))
    assert read_column(pd.Series([1, -999, 3]), rule)[0].isna().tolist() == [False, True, False]
    assert read_array(pa.array([1, -999, None]), rule)[0].to_pylist() == [1, None, None]
    moments = pd.Series(pd.to_datetime(["2024-01-31"]))
    assert read_column(moments, CellRule(dates="%d.%m.%Y"))[0] is moments


def test_the_unit_of_a_text_is_what_stands_beside_its_digits() -> None:
    units = {"73 USD": "USD", "-$1,658.00": "$", "US$ 5": "US$", "5 kg": "kg", "0.5": "", "12 and 13": "", "a 5 b": ""}
    assert {text: unit_in(text) for text in units} == units


def test_an_example_of_a_rule_is_read_by_it() -> None:
    rules: list[dict[str, Any]] = [
        {**EUROPE, "unit": "EUR"},
        {"bounds": True},
        {"dates": "%d.%m.%Y"},
        {"dates": "epoch_ms"},
    ]
    for rule in (CellRule(**each) for each in rules):
        example = in_words(rule).removeprefix("such as ").partition(" (")[0]
        assert not reader_of(rule).read(example).wrong, example


def test_a_client_may_go_on_writing_as_before_only_where_it_means_the_same() -> None:
    euro, dollar, plain = CellRule(unit="EUR"), CellRule(unit="$"), CellRule(unit="EUR", bounds=True)
    assert takes_writing(plain, euro)
    assert not takes_writing(euro, plain)
    assert not takes_writing(dollar, euro)
    assert not takes_writing(None, euro)
    assert takes_writing(None, CellRule(missing=(-999,)))


@pytest.mark.parametrize(
    "wrong",
    [{}, {"decimal": ".", "thousands": "."}, {"unit": "10 kg"}, {"unit": " "}, {"dates": "%d.%m"}, {"dates": "dd.mm.yyyy"},
     {"dates": "%Y %y %m %d"}, {"dates": "%d.%m.%Y", "unit": "EUR"}],
)  # fmt: skip
def test_a_rule_that_says_nothing_or_two_things_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CellRule(**wrong)
