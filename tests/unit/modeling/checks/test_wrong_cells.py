"""A few cells of another kind are missing, counted and named with their rows; many are a refusal."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from champion.errors import DataError
from champion.modeling.checks import wrong_cells as checks
from champion.modeling.checks.wrong_cells import mended, wrong_cells
from champion.tabular import csv_format
from champion.use_case.learning import Data
from tests.support.one_reader import assert_read_alike, batch, case_of, learn
from tests.support.packages import write


def incomes(rows: int = 1504, **wrong: Any) -> pd.DataFrame:
    """Numbers of which all but the last column's are those of the class."""
    number = np.arange(rows)
    frame = pd.DataFrame({"x": (number * 7919 % 1013 / 8).astype(str), "n": number * 31 % 977 / 4})
    frame["y"] = np.where(frame["x"].astype(float) > 60, "a", "b")
    return frame.assign(**wrong)


def with_refused(rows: list[int]) -> pd.DataFrame:
    frame = incomes()
    frame.loc[[row - 1 for row in rows], "x"] = "refused"
    return frame


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_one_refused_among_numbers_is_missing_and_named_with_its_row_and_the_column_stays_numbers(
    suffix: str, tmp_path: Path
) -> None:
    path = write(with_refused([1504]), tmp_path / f"one{suffix}")
    learned = learn(path, case_of(path))
    assert learned.said == [
        "1 of 1,504 values of 'x' are no numbers: 'refused' (row 1,504). They are read as missing (data.max_bad_cells)."
    ]
    assert {feature.name: feature.kind for feature in learned.package.manifest.signature}["x"] == "numeric"
    right = write(incomes(), tmp_path / f"right{suffix}")
    assert_read_alike(learned, right, apart=("x", "n"))
    tally, _ = batch(learned.package, path)
    assert (tally.rejected, tally.wrong, tally.said_of_wrong) == (0, {"x": 1}, tuple(learned.said))


def test_a_prediction_reads_few_wrong_cells_as_missing_and_rejects_the_rows_of_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned = learn(path := write(with_refused([1504]), tmp_path / "one.csv"), case_of(path))
    monkeypatch.setattr(csv_format, "BLOCK_BYTES", 2000)
    few, many = [2, 700, 701, 1500], [*range(2, 400, 20), 1504]
    tally, found = batch(learned.package, write(with_refused(few), tmp_path / "few.csv"))
    said = "4 of 1,504 values of 'x' are no numbers: 'refused' (rows 2, 700, 701, ...). "
    assert tally.said_of_wrong == (said + "They are read as missing (data.max_bad_cells).",)
    _, empty = batch(learned.package, write(with_refused(few).replace("refused", None), tmp_path / "empty.csv"))
    pd.testing.assert_frame_equal(found, empty)
    tally, found = batch(learned.package, write(with_refused(many), tmp_path / "many.csv"))
    assert (tally.rejected, tally.reasons, tally.wrong, len(found)) == (21, {"'x' is no number": 21}, {}, 1483)
    assert tally.said_of_wrong[0].endswith(
        "That is more than data.max_bad_cells = 0.01 allows: a row with such a value gets no prediction."
    )
    bare = learn(path := write(incomes(), tmp_path / "bare.csv"), case_of(path)).package
    tally, _ = batch(bare, tmp_path / "few.csv")
    assert (tally.rejected, tally.wrong) == (4, {}), "the model knows no missing value there"
    assert "The model knows no missing value there: a row" in tally.said_of_wrong[0]
    old = replace(learned.package, manifest=learned.package.manifest.model_copy(update={"read": None}))
    tally, _ = batch(old, tmp_path / "few.csv")
    assert (tally.rejected, tally.said_of_wrong) == (4, ()), "version 0.1 took every cell as it was"


def test_many_of_a_column_that_the_use_case_names_are_a_refusal_with_values_rows_and_the_remedy(tmp_path: Path) -> None:
    path = write(with_refused([3, 10, 500, *range(1000, 1020)]), tmp_path / "one.csv")
    with pytest.raises(DataError, match=r"23 of 1,504 values of 'x' are no numbers: 'refused' \(rows 3, 10, 500, \.\.\.\)\. .*"
                                        r"data\.max_bad_cells = 0\.01 allows"):  # fmt: skip
        learn(path, case_of(path, kinds={"x": "numeric"}))
    assert "23 of 1,504" in learn(path, case_of(path, kinds={"x": "numeric"}, max_bad_cells=0.02)).said[0]
    with pytest.raises(DataError, match=r"more than data\.max_bad_cells = 0 allows"):
        learn(write(with_refused([7]), path), case_of(path, kinds={"x": "numeric"}, max_bad_cells=0))


@pytest.mark.parametrize(("kind", "right", "wrong"), [
    ("boolean", ["yes", "no"], "perhaps"), ("datetime", ["2024-01-31", "2025-01-31"], "soon"), ("numeric", ["1", "2"], "x"),
])  # fmt: skip
def test_the_kind_that_the_use_case_names_says_what_is_wrong(kind: Any, right: list[str], wrong: str) -> None:
    values = [*(right * 100), wrong, None]
    frame = pd.DataFrame({"x": pd.Series(values, dtype="str"), "y": 1})
    made, (said,) = mended(frame, Data(path="", target="y", kinds={"x": kind}))
    assert made["x"].isna().tolist() == [*([False] * 200), True, True]
    assert said.startswith("1 of 201 values of 'x' are no ")
    assert frame["x"].isna().sum() == 1, "the table itself is as it was"


def test_what_nobody_named_is_numbers_or_dates_only_where_it_cannot_be_codes() -> None:
    def odd(values: list[str]) -> int:
        frame = pd.DataFrame({"x": pd.Series(values, dtype="str"), "y": 1})
        return int(mended(frame, Data(path="", target="y"))[0]["x"].isna().sum())

    numbers = [str(number) for number in range(300)]
    days = [str(day.date()) for day in pd.date_range("2024-01-01", periods=300)]
    assert (odd([*numbers, "refused"]), odd([*days, "soon"])) == (1, 1)
    assert odd([*(["1", "2", "3"] * 100), "A"]) == 0, "few distinct numbers may be codes"
    assert odd([*numbers, "007", "x"]) == 0, "digits that begin with a zero are codes"
    assert odd([*numbers[:150], *(["a", "b"] * 75)]) == 0, "so many texts are no errors"


MIXED = [f"2024-01-{number % 28 + 1:02}" for number in range(60)]
CELLS = {
    "numeric": [*map(str, range(40)), "refused", None, "07", "refused", "none here", "x", "y", "refused", "8"],
    "boolean": ["yes", "no", None, "maybe", "yes", "no", "maybe", "1", "perhaps"] * 4,
    "datetime": [*MIXED, "soon", None, "5 March 2024", "soon", *MIXED, "later"],
}


@pytest.mark.parametrize("dtype", ["str", "object", "category"])
@pytest.mark.parametrize("kind", CELLS)
def test_a_long_column_is_judged_in_blocks_of_rows_and_says_what_a_short_one_says(
    kind: str, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    column = pd.Series(CELLS[kind], name="x").astype(dtype)
    whole = wrong_cells(column, kind)
    monkeypatch.setattr(checks, "BLOCK", 7)
    in_blocks = wrong_cells(column, kind)
    assert in_blocks.in_words() == whole.in_words()
    assert in_blocks.wrong.tolist() == whole.wrong.tolist()
    odd = {"refused", "none here", "x", "y", "maybe", "perhaps", "soon", "later"}
    assert whole.wrong.tolist() == [value in odd for value in CELLS[kind]]


def test_a_column_that_nobody_named_is_no_longer_looked_at_once_too_many_of_its_cells_are_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checks, "BLOCK", 10)
    column = pd.Series([*map(str, range(30)), "a", "b", *map(str, range(30)), "c"], name="x")
    assert wrong_cells(column, "numeric", 0.02).wrong.sum() == 2
    assert wrong_cells(column, "numeric", 0.04).wrong.sum() == 3


@pytest.mark.parametrize(
    ("cells", "of_a_kind"),
    [
        ([str(number / 4) for number in range(60)], True),
        ([str(number % 20) for number in range(60)], False),
        ([str(number % 21) for number in range(60)], True),
        ([*(str(number) for number in range(1, 60)), "007"], False),
        ([f"2024-01-{number % 28 + 1:02}" for number in range(60)], True),
        ([*(f"2024-01-{number % 28 + 1:02}" for number in range(59)), "5 March 2024"], False),
    ],
)
def test_a_column_that_nobody_named_has_wrong_cells_where_the_others_are_too_many_and_no_codes(
    cells: list[str], of_a_kind: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "BLOCK", 9)
    table = pd.DataFrame({"x": [*cells, None, "odd"], "y": ["a", "b"] * 31})
    found, said = mended(table, Data(path="", target="y", max_bad_cells=0.02))
    assert (len(said), found["x"].isna().sum()) == ((1, 2) if of_a_kind else (0, 1))
