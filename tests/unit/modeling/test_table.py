"""What a table is refused for, and what its labels are."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from palmerpenguins import load_penguins
from sklearn.datasets import load_diabetes, load_digits

from champion.errors import DataError, NotEnoughDataError
from champion.modeling.table import check
from champion.use_case.whole import UseCase, parse_use_case
from pipelines.table_check import checked_table
from tests.support.packages import write


def use_case(target: str = "species", split: dict[str, str] | None = None, **data: Any) -> UseCase:
    raw = {
        "name": "x",
        "data": {"path": "x.csv", "target": target, **data},
        "split": split or {},
        "candidates": {"a": {"estimator": "x.Y"}},
    }
    return parse_use_case(raw, "x.yaml")


def small(rows: int = 40, **columns: Any) -> pd.DataFrame:
    size = np.random.default_rng(0).normal(size=rows)
    return pd.DataFrame({"size": size, "species": (["a", "b"] * rows)[:rows], **columns})


@pytest.mark.parametrize(
    ("frame", "target"),
    [
        (load_penguins(), "species"),
        (load_digits(as_frame=True).frame, "target"),
        (small(species=[True, False] * 20), "species"),
        (small(300, species=[f"class {place % 50}" for place in range(300)]), "species"),
    ],
)
def test_a_real_table_passes_without_a_warning(frame: pd.DataFrame, target: str) -> None:
    assert check(frame, use_case(target)) == []


@pytest.mark.parametrize(
    ("frame", "case", "message"),
    [
        (pd.DataFrame(), use_case(), "no column"),
        (small().head(0), use_case(), "no row"),
        (pd.concat([small(), small()[["size"]]], axis=1), use_case(), "more than one column named 'size'"),
        (small(), use_case("Species"), r"data.target names the column 'Species'.*Did you mean 'species'\?"),
        (small(), use_case("zzz"), "The table has: 'size', 'species'"),
        (small(), use_case(drop=["siz"]), r"data.drop names the column 'siz'.*'size'"),
        (small(), use_case(kinds={"sizes": "numeric"}), r"data.kinds names the column 'sizes'.*'size'"),
        (small(), use_case(split={"by": "time", "column": "when"}), "split.column names the column 'when'"),
        (small(species=["a", "b", None, "a"] * 10), use_case(), r"empty in 10 of 40 rows \(rows 3, 7, 11, 15, 19 and"),
        (small(species=["a"] * 40), use_case(), "one class only, 'a'"),
        (small(species=["odd", *["a", "b"] * 19, "a"]), use_case(), "1 class of one row: 'odd'"),
        (small(species=np.arange(40) / 7), use_case(), "numbers with fractions"),
        (load_diabetes(as_frame=True).frame, use_case("target"), "214 distinct numbers in 442 rows"),
        (small(species=[f"n{place}" for place in range(40)]), use_case(), "40 distinct values in 40 rows"),
        (small(species=pd.to_datetime(["2020-01-01", "2021-01-01"] * 20)), use_case(), "a label is a text"),
        (small(species=[[1]] * 40), use_case(), "holds lists"),
        (small(e=None, f=np.nan), use_case(), "2 columns have no value in any row: 'e', 'f'.*data.drop"),
        (small(e=[np.inf, -np.inf, 1e39, 2.0] * 10), use_case(), r"Infinite.*1 column: 'e' \(30\)"),
        (small(e=pd.array([np.inf, 1.0] * 20, dtype="Float64")), use_case(), r"'e' \(20\)"),
        (small(e=[[1]] * 40), use_case(), "'e' holds lists"),
        (small()[["species"]].assign(n=range(40)), use_case(), r"No column is left to learn from \('n': Its whole"),
        (small(), use_case(drop=["size"]), "No column is left"),
    ],
)
def test_a_table_that_cannot_be_learned_from_is_refused_by_name(
    frame: pd.DataFrame, case: UseCase, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        check(frame, case)


def test_a_handful_of_rows_is_not_enough_data() -> None:
    with pytest.raises(NotEnoughDataError, match="9 rows"):
        check(small(9), use_case())


def test_what_is_dropped_or_splits_is_not_looked_at() -> None:
    frame = small(e=None, l=[[1]] * 40, when=[np.inf] * 40)
    assert check(frame, use_case(drop=["e", "l"], split={"by": "time", "column": "when"})) == []


def test_a_class_with_fewer_rows_than_folds_and_labels_that_look_alike_are_warnings() -> None:
    few, alike = check(small(species=[*["rare"] * 3, *["Yes"] * 20, *["yes "] * 17]), use_case())
    assert [words for words in ("'rare'", "folds (5)") if words not in few] == []
    assert "'Yes', 'yes '" in alike


def test_a_column_that_stands_twice_and_is_no_feature_is_told_and_one_that_is_used_is_refused(tmp_path: Path) -> None:
    frame = small(note="x")
    for suffix in (".csv", ".csv.gz", ".parquet"):
        table = pa.Table.from_pandas(frame, preserve_index=False).append_column("note", pa.array(["y"] * 40))
        path = write(
            table if suffix == ".parquet" else pd.concat([frame, frame["note"]], axis=1), tmp_path / f"t{suffix}"
        )
        whole, check = checked_table(path, path.name, use_case(drop=["note"]), None)
        assert whole.equals(frame)
        assert check["warnings"] == [
            "The table has more than one column named 'note'; nothing uses it, and it is left out."
        ]
        grouped = use_case(drop=["note"], split={"by": "group", "column": "note"})
        for case in (use_case(), use_case("note"), grouped):
            with pytest.raises(DataError, match="more than one column named 'note'"):
                checked_table(path, path.name, case, None)
