"""A streamed table gets the answers that pandas and the model give it at once, and wrong rows are told apart."""

import csv
import datetime
import subprocess
import sys
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from champion.bundle import folder
from champion.bundle.batch import BatchRequest, Tally, predict_table, require_columns
from champion.bundle.build import array_predictor, predictor
from champion.bundle.folder import Package
from champion.errors import ConfigurationError, DataError
from champion.tabular import csv_format, parquet_format
from champion.tabular.tables import open_table, read_table
from tests.conftest import ROOT
from tests.support.packages import KINDS, packed, training, write


@pytest.fixture(scope="module")
def model() -> Package:
    return packed(training())


def scored(
    package: Package, source: Path, suffix: str = ".parquet", **kept: Any
) -> tuple[Tally, pd.DataFrame, list[Any]]:
    """The tally, the predictions, and the rejected rows."""
    asked = BatchRequest(suffix=suffix, **kept)
    with tempfile.TemporaryDirectory() as folder:
        out, rejects = Path(folder) / f"out{suffix}", Path(folder) / "rejects.csv"
        model = array_predictor(package, "models/test")
        tally = predict_table(source, model, package.manifest, asked, out, rejects, lambda *_: None)
        made = parquet.read_table(out).to_pandas() if suffix == ".parquet" else pd.read_csv(out)
        with rejects.open(newline="", encoding="utf-8") as file:
            return tally, made, list(csv.DictReader(file))


@pytest.mark.parametrize("estimator", ["ensemble.RandomForestClassifier", "linear_model.LogisticRegression",
                                       "ensemble.HistGradientBoostingClassifier", "linear_model.RidgeClassifier"])  # fmt: skip
@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_answers_equal_those_of_the_whole_table(
    estimator: str, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_format, "CHUNK_ROWS", 37)
    monkeypatch.setattr(csv_format, "BLOCK_BYTES", 2000)
    package = packed(training(), f"sklearn.{estimator}", classes=("a", "b", "c"))
    rows = training(500).sample(frac=1, random_state=1)[["when", "paid", "colour", "count", "size"]]
    source = write(rows, tmp_path / f"table{suffix}")
    whole = predictor(package, "models/test").predict(read_table(source, source.name))
    tally, found, rejected = scored(package, source)
    assert (tally.rows, tally.predicted, rejected) == (500, 500, [])
    assert found["label"].tolist() == [package.manifest.classes[code] for code in whole.values]
    if whole.probabilities is None:
        assert list(found.columns) == ["label", "model_version"]
    else:
        assert list(found.columns) == ["label", "probability_a", "probability_b", "probability_c", "model_version"]
        np.testing.assert_allclose(found.iloc[:, 1:4], whole.probabilities, rtol=0, atol=1e-9)
    assert set(found["model_version"]) == {3}
    assert sum(tally.labels.values()) == 500


def test_rows_that_cannot_be_scored_are_told_with_place_and_reason_and_the_others_go_on(
    model: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_format, "BLOCK_BYTES", 120)
    rows = [
        ("1.5", "3", "red", "yes", "2024-02-29"),
        ("much", "3", "red", "yes", "2024-02-29"),
        ("1.5", "", "red", "yes", "2024-02-29"),
        ("inf", "3", "red", "yes", "2024-02-29"),
        ("1.5", "3", "red", "perhaps", "2024-02-29"),
        ("1.5", "3", "red", "yes", "soon"),
        ("", "4", "", "", ""),
    ]
    source = tmp_path / "table.csv"
    source.write_text("\n".join([",".join(KINDS), *map(",".join, rows)]), encoding="utf-8")
    tally, found, rejected = scored(model, source, keep=("count",))
    assert found["count"].tolist() == ["3", "4"], "the first and the last row"
    assert (tally.rows, tally.predicted, tally.rejected) == (7, 2, 5)
    assert [tuple(row[f"rejected_{what}"].split(",")[0] for what in ("row", "column", "reason")) for row in rejected] == [
        ("2", "size", "is no number"), ("3", "count", "is empty"), ("4", "size", "is infinite"),
        ("5", "paid", "is not one of yes or no"), ("6", "when", "is no date or time"),
    ]  # fmt: skip
    assert [rejected[0][name] for name in KINDS] == list(rows[1]), "as they stood in the table"
    assert tally.first == "row 2: 'size' is no number"
    assert sum(tally.reasons.values()) == 5


def test_such_rows_of_a_parquet_file_are_refused_and_all_where_a_column_is_of_another_kind(
    model: Package, tmp_path: Path
) -> None:
    table = pa.table(
        {
            "size": pa.array([1.0, float("inf"), 1e39, float("nan")]), "count": pa.array([1, 2, 3, None]),
            "colour": ["red"] * 4, "paid": [True] * 4, "when": pa.array([datetime.datetime(2024, 2, 29)] * 4),
        }
    )  # fmt: skip
    tally, found, rejected = scored(model, write(table, tmp_path / "table.parquet"))
    assert len(found) == tally.predicted == 1
    assert [(row["rejected_row"], row["rejected_column"], row["count"]) for row in rejected] == [
        ("2", "size", "2"), ("3", "size", "3"), ("4", "count", "")
    ]  # fmt: skip
    tally, *_ = scored(model, write(training(20).assign(when=range(20)), tmp_path / "table.parquet"))
    assert (tally.predicted, tally.rejected, tally.first) == (0, 20, "row 1: 'when' is no date or time")


def test_what_training_had_not_is_counted_and_scored(model: Package, tmp_path: Path) -> None:
    rows = training(50).assign(colour=["violet"] * 3 + ["red"] * 47, size=[99.0] * 2 + [0.0] * 48)
    rows["when"] = pd.Timestamp("2099-01-01")
    tally, found, _ = scored(model, write(rows, tmp_path / "table.parquet"))
    assert len(found) == 50
    assert tally.unseen == {"colour": 3}
    assert tally.outside == {"size": 2, "when": 50}


@pytest.mark.parametrize(
    ("classes", "expected"), [((1, 2), [1, 2]), ((False, True), [False, True]), ((1, "x"), ["1", "x"])]
)
def test_a_label_has_the_type_of_the_classes(classes: Any, expected: list[Any], tmp_path: Path) -> None:
    _, found, _ = scored(packed(training(), classes=classes), write(training(), tmp_path / "table.parquet"))
    assert sorted(found["label"].unique().tolist()) == expected
    assert [f"probability_{label}" for label in classes] == list(found.columns[1:3])


@pytest.mark.parametrize("source", [".csv", ".csv.gz", ".parquet"])
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_columns_that_are_kept_come_through_unchanged(model: Package, source: str, suffix: str, tmp_path: Path) -> None:
    rows = training(40).assign(code="007", note='NA, "so"', price=Decimal("1.50"), gone="NA")
    path = write(rows, tmp_path / f"table{source}")
    _, found, _ = scored(model, path, suffix, keep=("note", "code", "price", "count", "gone"))
    assert list(found.columns[-5:]) == ["note", "code", "price", "count", "gone"]
    assert set(found["note"]) == {'NA, "so"'}
    assert set(map(str, found["price"])) <= {"1.50", "1.5"}
    assert list(map(int, found["count"])) == rows["count"].tolist()
    if suffix == ".parquet":
        assert set(found["code"]) == {"007"}
        assert set(found["gone"]) == {"NA"}
    _, whole, _ = scored(model, path, suffix, keep_all=True)
    assert list(whole.columns[-len(rows.columns) :]) == list(rows.columns)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_formulas_in_a_csv_are_quoted_on_request_and_numbers_never(suffix: str, tmp_path: Path) -> None:
    texts = ["=1+1", "+a", "-", "@a", "\ta", "\ra", "\na", "\uff1d1", "-1.5", "+2e3", ".5", "a=1", "'", "", None]
    rows = training(len(texts)).assign(**{"=note": texts, "colour": "-red", "size": [-1.0] * 14 + ["=x"]})
    package = packed(training().assign(colour=["-red", "red"] * 150), classes=("=a", "b"))
    source = tmp_path / "table.csv"
    rows.to_csv(source, index=False, quoting=csv.QUOTE_ALL)
    tally, plain, rejected = scored(package, source, suffix, keep=("=note", "size"))
    assert (tally.quoted, rejected[0]["size"]) == (0, "=x")
    tally, found, rejected = scored(package, source, suffix, keep=("=note", "size"), quote_formulas=True)
    assert (rejected[0]["size"], rejected[0]["colour"]) == ("'=x", "'-red"), "a CSV, however OUT is written"
    if suffix == ".parquet":
        assert (found.equals(plain), tally.quoted) == (True, 2)
        return
    assert list(found.columns[:2]) == ["label", "probability_=a"]
    quoted = [f"'{text}" for text in texts[:8]]
    assert found["'=note"].fillna("").tolist() == [*quoted, *(text or "" for text in texts[8:14])]
    assert found["size"].tolist() == [-1.0] * 14
    assert set(found["label"]) <= {"'=a", "b"}
    assert tally.quoted == len(quoted) + 1 + found["label"].eq("'=a").sum() + 2


def check(package: Package, source: Path, **asked: Any) -> None:
    require_columns(open_table(source), package.manifest, BatchRequest(**{"suffix": ".parquet", **asked}))


@pytest.mark.parametrize(
    ("rows", "asked", "error", "message"),
    [
        (training().rename(columns={"size": "Size", "paid": "x"}), {}, DataError,
         r"lacks the columns 'size', 'paid', which model version 3.*mean 'Size'\?"),
        (training(), {"keep": ("colours",)}, ConfigurationError, r"--keep names the column 'colours'.*mean 'colour'\?"),
        *((training().assign(label=1), kept, ConfigurationError, r"more than one column named '(label|count)'")
          for kept in ({"keep": ("label",)}, {"keep_all": True}, {"keep": ("count", "count")})),
    ],
)  # fmt: skip
def test_a_column_that_is_missing_or_would_stand_twice_is_named_before_anything_is_scored(
    model: Package, rows: pd.DataFrame, asked: Any, error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        check(model, write(rows, tmp_path / "table.csv"), **asked)


def test_lists_are_no_feature_and_fit_in_no_csv(model: Package, tmp_path: Path) -> None:
    table = pa.Table.from_pandas(training().assign(colour=[["red"]] * 300, more=[[1]] * 300))
    source = write(table, tmp_path / "table.parquet")
    with pytest.raises(DataError, match=r"'colour' holds list<"):
        check(model, source)
    source = write(table.set_column(2, "colour", pa.array(["red"] * 300)), source)
    check(model, source, keep=("more",))
    with pytest.raises(ConfigurationError, match=r"CSV cannot hold what is in the column 'more'"):
        check(model, source, keep=("more",), suffix=".csv")


def test_chunk_after_chunk_is_told_and_neither_pandas_nor_the_whole_table_is_in_memory(
    model: Package, tmp_path: Path
) -> None:
    folder.write(model, tmp_path / "models")
    (tmp_path / "pandas.py").write_text("raise ModuleNotFoundError('pandas')")
    for name in ("table.csv", "table.parquet"):
        write(training(2000), tmp_path / name)
    code = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from champion.bundle import folder
from champion.bundle.batch import BatchRequest, predict_table
from champion.bundle.build import array_predictor
from champion.tabular import csv_format, parquet_format
csv_format.BLOCK_BYTES, parquet_format.CHUNK_ROWS = 4096, 500
here = Path(sys.argv[1])
package = folder.read(here / "models", "models")
for name in ("table.csv", "table.parquet"):
    predict_table(here / name, array_predictor(package, "models"), package.manifest,
                  BatchRequest(suffix=".csv", keep_all=True), here / "o.csv", here / "r.csv", print)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    told = [line.split() for line in done.stdout.splitlines()]
    assert [rows for rows, known, _ in told if known == "2000"] == ["500", "1000", "1500", "2000"]
    rows = [int(rows) for rows, known, _ in told if known == "None"]
    assert (rows[-1], max(np.diff([0, *rows])) < 200) == (2000, True)
    assert (told[len(rows) - 1][2], told[-1][2]) == ("1.0", "1.0")


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_a_table_without_rows_makes_a_file_with_the_columns_and_types_of_a_full_one(
    suffix: str, tmp_path: Path
) -> None:
    rows = training(40).assign(paid=True, note="x", places=range(40))
    for estimator in ("tree.DecisionTreeClassifier", "linear_model.RidgeClassifier"):
        package = packed(training(), f"sklearn.{estimator}")
        full, empty = (write(each, tmp_path / f"{len(each)}{suffix}") for each in (rows, rows.head(0)))
        if suffix == ".parquet":
            write(pa.Table.from_pandas(rows, preserve_index=False).slice(0, 0), empty)  # whose columns keep their types
        for out in (".parquet", ".csv", ".csv.gz"):
            of_full, of_empty = (
                scored(package, source, out, keep_all=True)[:2] for source in (full, empty)
            )  # fmt: skip
            assert (of_empty[0].rows, of_empty[0].predicted, of_empty[0].rejected) == (0, 0, 0)
            assert set(of_empty[0].labels.values()) == {0}
            assert list(of_empty[1].columns) == list(of_full[1].columns)
            assert out != ".parquet" or of_empty[1].dtypes.to_dict() == of_full[1].dtypes.to_dict()


def test_a_column_that_nobody_uses_may_stand_twice_and_is_named_and_a_used_one_may_not(
    model: Package, tmp_path: Path
) -> None:
    rows = pa.Table.from_pandas(training(40), preserve_index=False)
    twice = rows.append_column("note", pa.array(["x"] * 40)).append_column("note", pa.array(range(40)))
    for suffix in (".csv", ".parquet"):
        source = write(twice if suffix == ".parquet" else twice.to_pandas(), tmp_path / f"twice{suffix}")
        asked = BatchRequest(suffix=".csv")
        assert require_columns(open_table(source), model.manifest, asked) == [
            "The table has more than one column named 'note'; nothing uses it, and it is left out."
        ]
        assert scored(model, source)[0].predicted == 40
        for kept in ({"keep": ("note",)}, {"keep_all": True}):
            with pytest.raises(DataError, match="more than one column named 'note'"):
                check(model, source, **kept)
        used = rows.append_column("size", rows.column("size"))
        source = write(used if suffix == ".parquet" else used.to_pandas(), source)
        with pytest.raises(DataError, match="more than one column named 'size'"):
            check(model, source)


@pytest.mark.parametrize(
    "name", ["request_id", "label", "probability_a", "model_version", "rejected_row", "predictions"]
)
def test_a_feature_may_be_called_as_a_column_of_ours(name: str, tmp_path: Path) -> None:
    table = training(60).rename(columns={"count": name})
    package = packed(table, classes=("a", "b"))
    rows = table.astype({name: object})
    rows.loc[3, name] = "wrong"
    for suffix in (".csv", ".parquet"):
        rows[name] = rows[name].astype(str)
        tally, found, _ = scored(package, write(rows, tmp_path / f"t{suffix}"))
        assert (tally.predicted, tally.rejected, len(found)) == (59, 1, 59)
        assert list(found.columns) == ["label", "probability_a", "probability_b", "model_version"]
