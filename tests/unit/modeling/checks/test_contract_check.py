"""What differs between a table and the champion's signature is named."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from champion.errors import DataError
from tests.support.one_reader import case_of, learn
from tests.support.packages import write


def table(rows: int = 300, **columns: Any) -> pd.DataFrame:
    number = np.arange(rows)
    about = {"income": number * 7919 % 1013 / 8, "colour": np.array(["red", "green", "blue"])[number % 3]}
    return pd.DataFrame({**about, **columns, "y": np.array(["a", "b"])[number // 2 % 2]})


def test_columns_gone_and_new_categories_and_gaps_that_the_champion_did_not_know_are_named(tmp_path: Path) -> None:
    path = write(table(size=np.arange(300) / 7), tmp_path / "one.csv")
    champion = learn(path, case_of(path)).package
    assert learn(path, case_of(path), champion).said == [], "the table that it was made from"
    colours = ["red", "pink", None] * 100
    write(table(colour=colours, wide=np.arange(300) / 3, income=np.arange(300) / 2), path)
    assert learn(path, case_of(path), champion).said == [
        "The champion uses 'size', which the table no longer has as a feature.",
        "The champion does not know 'wide'; the challenger learns from it.",
        "Values are missing where the champion knew none to be: 'colour' (100 rows).",
        "Categories that the champion did not learn: 'colour' (1).",
        "Values beyond the range that the champion learned from: 'income' (16% of the rows).",
    ]


def test_a_column_of_another_kind_is_named_with_values_and_rows_and_one_with_many_errors_is_refused(
    tmp_path: Path,
) -> None:
    path = write(table(), tmp_path / "one.csv")
    champion = learn(path, case_of(path)).package
    codes = [f"class {row % 4}" for row in range(300)]
    write(table(income=codes), path)
    (said,) = learn(path, case_of(path), champion).said
    assert said.startswith(
        "The column 'income' was numeric for the champion, and is categorical. 300 of 300 values of 'income'"
    )
    assert "'class 0' (rows 1, 5, 9, ...), 'class 1' (rows 2, 6, 10, ...)" in said

    income = table()["income"].astype(object)
    income[::10] = "refused"
    write(table(income=income), path)
    with pytest.raises(
        DataError, match=r"'income' is numeric for the champion, but 30 of 300 .* 'refused' \(rows 1, 11, 21, \.\.\.\)"
    ):
        learn(path, case_of(path), champion)
    (said,) = learn(path, case_of(path, kinds={"income": "categorical"}), champion).said
    assert said.startswith("The column 'income' was numeric for the champion, and is categorical.")
    assert not learn(path, case_of(path)).said, "without a champion it is a column of texts"
