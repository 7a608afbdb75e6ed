"""Rules found from all cells of a column."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

from champion.modeling.cells.finding import of_texts
from champion.modeling.cells.found import is_code_name
from champion.modeling.cells.sentinels import of_numbers

NUMBERS = np.arange(1, 201) * 7919 % 1013
DAYS = [(1 + row % 28, 1 + row % 12) for row in range(200)]


def rule(cells: list[str], name: str = "x", decimal: str | None = None) -> dict[str, Any]:
    found = of_texts(name, Counter(cells), decimal).rule
    return found.model_dump(exclude_defaults=True) if found else {}


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([f"${1000 + number:,.2f}" for number in NUMBERS], {"thousands": ",", "unit": "$"}),
        ([f"{1 + number % 900}.{number % 1000:03},5" for number in NUMBERS], {"decimal": ",", "thousands": "."}),
        ([f"{number},5" for number in NUMBERS], {"decimal": ","}),
        ([f"{number} EUR" for number in NUMBERS], {"unit": "EUR"}),
        ([f"{number / 8} %" for number in NUMBERS], {"unit": "%"}),
        ([f"{number * 99:,}".replace(",", "\u00a0") for number in NUMBERS], {"thousands": " "}),
        ([f"{number * 99:,}".replace(",", "'") + ".5" for number in NUMBERS], {"thousands": "'"}),
        ([f"({number})" if number % 3 else str(number) for number in NUMBERS], {"accounting": True}),
        (["<0.5" if number % 9 == 0 else f"{number}.5" for number in NUMBERS], {"bounds": True}),
        (["?" if number % 9 == 0 else str(number) for number in NUMBERS], {"missing": ("?",)}),
        (
            ["call us" if number % 9 == 0 else f"${number}" for number in NUMBERS],
            {"unit": "$", "missing": ("call us",)},
        ),
        ([f"{day}.{month}.2024" for day, month in DAYS], {"dates": "%d.%m.%Y"}),
        ([f"{month}/{day}/2024" for day, month in DAYS], {"dates": "%m/%d/%Y"}),
        ([f"{day}/{month}/24 10:30" for day, month in DAYS], {"dates": "%d/%m/%y"}),
        ([f"Jan {day:02}, {2010 + month}" for day, month in DAYS], {"dates": "%b %d, %Y"}),
        ([f"{1 + day % 12}.{month}.2024" for day, month in DAYS], {"dates": "%d.%m.%Y"}),
        (["-" if day == 3 else f"2024-{month:02}-{day:02}" for day, month in DAYS], {"missing": ("-",)}),
        (["?" if number % 9 == 0 else "abc"[number % 3] for number in NUMBERS], {"missing": ("?",)}),
    ],
)
def test_a_rule_is_found_from_nearly_all_cells(cells: list[str], expected: dict[str, Any]) -> None:
    assert rule(cells) == expected
    many = [*cells, *cells, *cells]
    assert rule([*many, "odd"]) == expected, "one odd cell among many is no other column"


@pytest.mark.parametrize(
    "cells",
    [
        [f"{number}" for number in NUMBERS],
        [f"{number / 8}" for number in NUMBERS],
        [f"A{number}" for number in NUMBERS],
        [f"{number}A" for number in NUMBERS],
        [f"{number % 9}.{number % 7}.{number % 5}" for number in NUMBERS],
        [f"{number}-{number + 5}" for number in NUMBERS],
        [f"{number:05}" for number in NUMBERS],
        [f"Person {number}" for number in NUMBERS],
        [f"2024-{month:02}-{day:02}" for day, month in DAYS],
        [f"{number % 24:02}:{number % 60:02}" for number in NUMBERS],
        ["red", "green", "blue"] * 60,
        ["+", "-"] * 60,
    ],
)
def test_what_is_no_number_in_disguise_has_no_rule(cells: list[str]) -> None:
    assert rule(cells) == {}


def test_what_is_ambiguous_is_asked_and_the_other_columns_of_the_table_may_decide() -> None:
    dates = of_texts("seen", Counter(f"{1 + day % 12}/{month}/2024" for day, month in DAYS))
    assert dates.rule is None
    assert "nobody can tell day from month" in dates.asked
    assert 'dates: "%d/%m/%Y" or dates: "%m/%d/%Y"' in dates.asked
    grouped = Counter(f"{1 + number % 9},{number % 1000:03}" for number in NUMBERS)
    found = of_texts("x", grouped)
    assert (found.rule and found.rule.thousands, "if it is" in found.asked) == (",", True)
    assert rule([*grouped], decimal=",") == {"decimal": ","}
    assert rule([*grouped], decimal=".") == {"thousands": ","}
    units = of_texts("price", Counter(f"{number} {'EUR' if number % 2 else 'USD'}" for number in NUMBERS))
    assert (units.rule, "'EUR' (" in units.asked) == (None, True)
    unknown = of_texts("shop", Counter({"north": 80, "south": 80, "unknown": 40}))
    assert (unknown.rule, unknown.asked) == (
        None,
        "'unknown' (40 rows): a value of 'shop', or none? If none: missing: [unknown]",
    )


def test_a_sentinel_is_found_where_it_sticks_out_and_a_code_by_its_name() -> None:
    ages = np.where(NUMBERS % 9 == 0, -999, NUMBERS % 80).astype(float)
    found = of_numbers("age", ages)
    assert (found.rule and found.rule.missing, found.missing) == ((-999,), {"-999": int((ages == -999).sum())})
    assert of_numbers("age", np.where(ages < 0, 9999.0, ages)).rule is not None
    assert of_numbers("age", NUMBERS.astype(float)).rule is None
    assert of_numbers("balance", NUMBERS - 999.0).rule is None, "one of many negative numbers is no sentinel"
    assert "If it is no value: missing: [-1]" in of_numbers("age", np.where(ages < 0, -1.0, ages)).asked
    assert of_numbers("zip_code", NUMBERS + 10_000.0).kind == "categorical"
    names = ["zip", "ZipCode", "PLZ", "phone number", "tel", "zippy", "telescope", "accounts", "amount"]
    assert [name for name in names if is_code_name(name)] == names[:5]


def test_numbers_that_count_from_1970_are_moments_by_their_name_and_asked_of_elsewhere() -> None:
    seconds = 1_700_000_000.0 + NUMBERS * 86_400
    assert of_numbers("created_at", seconds).rule.dates == "epoch_s"  # type: ignore[union-attr]  # there is one
    assert of_numbers("createdAt", seconds * 1000).rule.dates == "epoch_ms"  # type: ignore[union-attr]  # there is one
    asked = of_numbers("x", seconds)
    assert (asked.rule, "may count from 1970" in asked.asked) == (None, True)
    days = np.array([20_240_000.0 + month * 100 + day for day, month in DAYS])
    assert of_numbers("x", days).rule.dates == "%Y%m%d"  # type: ignore[union-attr]  # there is one
    assert of_numbers("x", days + 60).rule is None


def found(cells: list[str]) -> tuple[str, str, dict[str, int]]:
    one = of_texts("x", Counter(cells))
    return one.asked, one.why, {**one.missing}


def test_the_order_of_day_and_month_is_said_with_its_proof() -> None:
    for cells, why in (
        ([f"{day}/{month}/2024" for day, month in DAYS], "the day first: no other order gives dates in all rows"),
        ([f"{month}/{day}/2024" for day, month in DAYS], "the month first: no other order gives dates in all rows"),
        ([f"{1 + day % 12}.{month}.2024" for day, month in DAYS], "the day first: as dates with points have it"),
    ):
        assert found(cells)[1].endswith(why)
    for cells in (
        [f"2024/{month}/{day}" for day, month in DAYS],
        [f"Jan {day:02}, {2010 + month}" for day, month in DAYS],
    ):
        assert "first" not in found(cells)[1]


def test_words_among_dates_stand_for_no_value_where_they_are_few_and_repeat() -> None:
    iso = [f"{2000 + row // 20}-{month:02}-{day:02}" for row, (day, month) in enumerate(DAYS)]
    assert found([*iso, "-", "-", "open", "open"])[2] == {"-": 2, "open": 2}
    assert rule([*iso, "soon"]) == {}, "a word that one row has is a mistake"
    assert rule([*iso, *(word for word in "abcdef" for _ in range(2))]) == {}
    assert rule([*iso, *["open"] * 300]) == {}
    assert found([*(f"{day}/{month}/2024" for day, month in DAYS), "-", "-"])[2] == {"-": 2}


def test_a_column_of_which_some_dates_are_none_has_no_rule_and_nothing_is_said() -> None:
    none = [f"{40 + number}.{13 + number}.2024" for number in range(5)]
    assert found([*(f"{day}.{month}.2024" for day, month in DAYS), *none]) == ("", "", {})
