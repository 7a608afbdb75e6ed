"""A table is read in one way, whoever reads it: `init`, a training run, batch inference, the service."""

import datetime
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml

from champion.bundle.manifest import Manifest
from champion.bundle.parsing import parse
from champion.errors import DataError
from champion.modeling.features import Feature
from champion.onboarding.initialise import initialise
from champion.serving.rows import RequestError, RowReader
from champion.tabular.tables import open_table, read_table
from champion.use_case.learning import MISSING_WORDS
from champion.use_case.whole import UseCase, parse_use_case
from tests.support.one_reader import assert_read_alike, batch, case_of, learn
from tests.support.packages import about, write

SUFFIXES = pytest.mark.parametrize("suffix", [".csv", ".parquet"])


def table(rows: int = 120, **columns: Sequence[Any]) -> pd.DataFrame:
    """A table to learn from; a column repeats its values, and "n" tells the rows apart."""
    each: dict[str, Any] = {name: (list(values) * rows)[:rows] for name, values in columns.items()}
    return pd.DataFrame(
        {**each, "n": np.arange(rows) * 7919 % 1013 / 8, **({} if "y" in each else {"y": ["a", "b"] * (rows // 2)})}
    )


def initialised(root: Path, frame: pd.DataFrame, suffix: str, target: str = "y") -> tuple[UseCase, list[str], Path]:
    """What `init` writes of a table, what it says, and where the table is."""
    for folder in ("data", "configs"):
        (root / folder).mkdir()
    path = write(frame, root / "data" / f"one{suffix}")
    made = initialise(root, path, target)
    return parse_use_case(yaml.safe_load((root / made.config).read_text(encoding="utf-8")), "one"), made.warnings, path


@SUFFIXES
def test_a_word_that_is_a_value_is_one_for_init_and_for_every_reader_after_it(suffix: str, tmp_path: Path) -> None:
    frame = table(
        x=["NA", "DE", "FR", None, "NA"], age=["1.5", "N/A", "2.5", "n/a", "3"], y=["None", "one", "None", "two"]
    )
    case, said, path = initialised(tmp_path, frame, suffix)
    assert case.data.read.missing == tuple(word for word in MISSING_WORDS if word not in ("NA", "None"))
    assert [text for text in said if "is a value" in text] == [
        "'None' is a value, in 'y' (60 rows). Where it means missing, add it to data.read.missing.",
        "'NA' is a value, in 'x' (48 rows). Where it means missing, add it to data.read.missing.",
    ]
    learned = learn(path, case)
    assert learned.package.manifest.classes == ("None", "one", "two")
    (x, age) = (feature for feature in learned.package.manifest.signature if feature.name in ("x", "age"))
    assert (x.categories, x.nullable, age.kind, age.nullable) == (("DE", "FR", "NA"), True, "numeric", True)
    assert not [text for text in learned.said if "Read as missing" in text], "init wrote which words are missing"
    assert_read_alike(learned, path)


@SUFFIXES
def test_a_word_that_stands_among_numbers_too_is_how_the_table_writes_missing_and_init_says_so(
    suffix: str, tmp_path: Path
) -> None:
    case, said, path = initialised(tmp_path, table(x=["NA", "DE", "FR", ""], age=["1.5", "NA", "2.5"]), suffix)
    assert case.data.read.missing == MISSING_WORDS
    (about_na,) = (text for text in said if "NA" in text)
    assert about_na.startswith("'NA' is read as missing, in 'x' (30 rows), 'age' (40 rows).")
    learned = learn(path, case)
    assert learned.table["x"].isna().sum() == 60, "the empty text is missing in both formats"
    assert_read_alike(learned, path)


@SUFFIXES
def test_a_use_case_that_does_not_say_which_words_are_missing_is_told_which_were(suffix: str, tmp_path: Path) -> None:
    path = write(table(x=["NA", "DE", "null"], size=["1", "NA"]), tmp_path / f"one{suffix}")
    (said,) = learn(path, case_of(path)).said
    assert said.startswith("Read as missing: 'NA' in 'x' (40 rows), 'null' in 'x' (40 rows)")
    learned = learn(path, case_of(path, read={"missing": ["NA"]}))
    assert learned.said == []
    assert_read_alike(learned, path)


def test_rows_without_a_label_are_refused_with_their_number_or_left_out_where_the_use_case_says_so(
    tmp_path: Path,
) -> None:
    path = write(table(x=["u", "v", "w"], y=["a", "b", None, "a", "b"]), tmp_path / "one.csv")
    with pytest.raises(DataError, match=r"empty in 24 of 120 rows \(rows 3, 8, .*data\.unlabelled: drop"):
        learn(path, case_of(path))
    learned = learn(path, case_of(path, unlabelled="drop"))
    assert learned.said == ["24 of 120 rows have no label, and were left out (data.unlabelled: drop)."]
    assert len(learned.table) == 96
    assert_read_alike(learned, path)


def test_a_package_of_version_0_1_is_read_as_it_was(tmp_path: Path) -> None:
    old = Manifest(**about(), files={})
    assert "read" not in json.loads(old.model_dump_json())
    assert "NA" in old.missing_words(textual=True)
    assert old.missing_words(textual=False) == ()
    csv = write(table(x=["NA", "DE", "FR"]), tmp_path / "one.csv")
    learned = learn(csv, case_of(csv, read={"missing": []}))
    package = learned.package
    assert_read_alike(learned, csv)
    as_before = package.manifest.model_copy(update={"read": None})
    tally, _ = batch(type(package)(as_before, package.files), csv)
    assert tally.reasons == {"'x' is empty, and the model needs a value": 40}


def test_decimal_categories_of_version_0_1_keep_their_digits() -> None:
    batch = pa.record_batch({"x": pa.array([Decimal("1.50"), Decimal("2.00")])})
    old, new = (Feature(name="x", kind="categorical", dtype=dtype, nullable=True) for dtype in ("object", "float64"))
    assert [parse(batch, [each], ()).block.texts[:, 0].tolist() for each in (old, new)] == [
        ["1.50", "2.00"],
        ["1.5", "2"],
    ]


def test_a_text_that_is_missing_in_a_table_is_null_in_a_request(tmp_path: Path) -> None:
    path = write(table(x=["red", None, "blue"]), tmp_path / "one.csv")
    (x, n) = learn(path, case_of(path)).package.manifest.signature
    body = json.dumps([{"x": text, "n": 1} for text in ("NA", "", "red")]).encode()
    assert [row[0] for row in RowReader([x, n], ("", "NA")).read(body, 3)] == [None, None, "red"]
    assert [row[0] for row in RowReader([x, n]).read(body, 3)] == ["NA", "", "red"], "as 0.1 read it"
    with pytest.raises(RequestError, match="a text that is read as missing, expected a text"):
        RowReader([x.model_copy(update={"nullable": False}), n], ("", "NA")).read(body, 3)


@SUFFIXES
def test_words_are_read_as_missing_whatever_the_type_of_the_texts(suffix: str, tmp_path: Path) -> None:
    path = write(
        pd.DataFrame({"x": pd.Categorical(["-", "a", "b", "-"]), "n": [1, 2, 3, 4]}), tmp_path / f"one{suffix}"
    )
    assert read_table(path, "one", missing=("", "-"))["x"].isna().tolist() == [True, False, False, True]
    assert read_table(path, "one", missing=("",))["x"].isna().sum() == 0


UTC, SOME = datetime.UTC, datetime.datetime(2024, 2, 29, 23, 59, 59)
THREE = [SOME, None, SOME.replace(year=2020, hour=1)]
ZONED = [moment and moment.replace(tzinfo=UTC) for moment in THREE]
DAYS, TIMES = (
    [datetime.date(2024, 2, 29), None, datetime.date(1923, 1, 1)],
    [datetime.time(5), datetime.time(6, 0, 1), None],
)
CENTS = [Decimal("0.30"), Decimal("19.99"), Decimal("2.35"), Decimal("1.10")]
WHOLE, WIDTHS = [3, 1, None, 0], (8, 16, 32, 64)
ARROW: dict[str, pa.Array] = {
    **{f"{sign}int{width}": pa.array(WHOLE, f"{sign}int{width}") for width in WIDTHS for sign in ("", "u")},
    **{f"full_int{width}": pa.array([3, 1, 0], f"int{width}") for width in WIDTHS},
    **{str(kind): pa.array([1.5, None, 0.1], kind) for kind in (pa.float16(), pa.float32(), pa.float64())},
    "large": pa.array([2**63 + 5, 3, 7], pa.uint64()), "exact": pa.array([2**53 + 1, None, 7]),
    "bool": pa.array([True, False]), "bool_gaps": pa.array([True, False, None]),
    "cents": pa.array([*CENTS, None], pa.decimal128(9, 2)), "cents32": pa.array(CENTS, pa.decimal32(9, 2)),
    "cents256": pa.array(CENTS, pa.decimal256(50, 2)), "whole": pa.array([Decimal(3), Decimal(11)], pa.decimal128(20, 0)),
    "huge": pa.array([Decimal(3 * 10**25), Decimal(11), Decimal(2)], pa.decimal128(38, 0)),
    **{str(kind): pa.array(["a", "b", None, ""], kind) for kind in (pa.string(), pa.large_string(), pa.string_view())},
    "named": pa.array(["a", "b", None]).dictionary_encode(), "days": pa.array(DAYS), "days64": pa.array(DAYS, pa.date64()),
    **{f"moment_{unit}": pa.array(THREE, pa.timestamp(unit)) for unit in ("s", "ms", "us", "ns")},
    **{f"zoned_{unit}": pa.array(ZONED, pa.timestamp(unit, "Europe/Berlin")) for unit in ("ms", "us", "ns")},
    **{f"wait_{unit}": pa.array([datetime.timedelta(hours=5), None], pa.duration(unit)) for unit in ("s", "ms", "us", "ns")},
    "time32": pa.array(TIMES, pa.time32("s")), "time64": pa.array(TIMES, pa.time64("us")),
    "json": pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a": 1}', "[1]", None])),
    "uuid": pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(range(16)), bytes(range(1, 17))], pa.binary(16))),
    "bool8": pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1, 0], pa.int8())),
    "number_texts": pa.array(["+1.5", " 2", "3e1", "\u00a07", "\u22124", None]), "huge_texts": pa.array([str(10**25), "5"]),
    "yes": pa.array(["yes", "No", None]), "iso": pa.array(["2024-02-29", "2024-03-01T10:00:00+02:00", None]),
}  # fmt: skip
CSV: dict[str, list[str]] = {
    "int": ["1", "2", "3"], "int_gaps": ["1", "", "3"], "float": ["1.5", "2", "3e1"], "plus": ["+5", "6", "7"],
    "blank": [" 5", "6 ", "7"], "nbsp": ["\u00a05", "6", "7"], "minus": ["\u22125", "6", "7"], "code": ["007", "12", "5"],
    "large": [str(2**63 + 3), "5", "7"], "huge": [str(2**64 + 3), "5", ""], "negative": [str(-(2**64)), "5", "7"],
    "exact": [str(2**53 + 1), "", "7"], "bool": ["True", "False", "true"], "bool_gaps": ["True", "", "False"],
    "yes": ["yes", "no", ""], "day": ["2024-02-29", "2024-03-01", ""], "exact_large": [str(2**63 + 3), "5", ""],
    "zoned": ["2024-02-29T10:00:00+02:00", "2024-03-01 10:00:00Z"],
    "text": ["a", "b", ""], "quoted": ['"a, b"', '"c ""d"""', '"e\nf"'], "hex": ["0x1A", "0x2"], "under": ["1_0", "2_0", "3"],
    "arabic": ["\u0661", "\u0662"], "percent": ["5%", "6%"], "comma": ['"1,5"', '"2,5"'], "words": ["NaN", "1", "NULL"],
    "infinite": ["a", "inf", "b"], "truth": ["true", "1", "0"], "mixed": ["1", "a", "2.0"], "accents": ["\u00e9", "e\u0301"],
    "trailing": ["a ", "a", "b"],
}  # fmt: skip


def repeated(values: pa.Array, rows: int) -> pa.Array:
    return pa.concat_arrays([values] * (rows // len(values) + 1)).slice(0, rows)


@pytest.mark.parametrize("as_categories", [False, True])
def test_a_column_of_every_arrow_type_is_learned_and_read_alike_by_every_reader(
    as_categories: bool, tmp_path: Path
) -> None:
    frame = table(420)
    columns = {
        **{name: repeated(values, 420) for name, values in ARROW.items()},
        **{name: pa.array(frame[name]) for name in frame},
    }
    path = write(pa.table(columns), tmp_path / "one.parquet")
    learned = learn(path, case_of(path, kinds=dict.fromkeys(ARROW, "categorical") if as_categories else {}))
    assert {feature.name for feature in learned.package.manifest.signature} == {*ARROW, "n"}
    assert_read_alike(learned, path)


@pytest.mark.parametrize("as_categories", [False, True])
def test_every_way_to_write_a_cell_of_a_csv_is_learned_and_read_alike_by_every_reader(
    as_categories: bool, tmp_path: Path
) -> None:
    frame, path = table(420), tmp_path / "one.csv"
    cells = [[values[row % len(values)] for values in CSV.values()] for row in range(420)]
    lines = [
        ",".join([*CSV, *frame]),
        *(",".join([*row, str(n), y]) for row, (n, y) in zip(cells, frame.to_numpy(), strict=True)),
    ]
    path.write_text("\n".join(lines), encoding="utf-8")
    learned = learn(path, case_of(path, kinds=dict.fromkeys(CSV, "categorical") if as_categories else {}))
    kinds = {feature.name: feature.kind for feature in learned.package.manifest.signature}
    assert [*sorted(kinds)] == sorted([*CSV, "n"])
    assert as_categories or kinds["nbsp"] == kinds["minus"] == kinds["huge"] == "numeric"
    assert_read_alike(learned, path)


def test_decimals_are_the_number_that_their_digits_say_and_numbers_beyond_64_bits_keep_them(tmp_path: Path) -> None:
    cents = [Decimal(value) / 100 for value in range(2000)]
    huge = [2**70 + value for value in range(2000)]
    parquet = write(
        pa.table({"cents": pa.array(cents, pa.decimal128(9, 2)), "huge": pa.array(map(Decimal, huge))}),
        tmp_path / "a.parquet",
    )
    csv = tmp_path / "a.csv"
    csv.write_text("cents,huge\n" + "".join(f"{cent},{number}\n" for cent, number in zip(cents, huge, strict=True)))
    for path in (parquet, csv):
        frame = read_table(path, path.name)
        assert frame["cents"].tolist() == [float(str(value)) for value in cents]
        assert [int(text) for text in frame["huge"]] == huge
    days = read_table(write(pa.table({"day": pa.array(DAYS)}), tmp_path / "c.parquet"), "c")["day"]
    assert days.dropna().tolist() == ["2024-02-29", "1923-01-01"], "as a CSV has them"
    frame = read_table(write(pa.table({"id": pa.array([2**53 + 1, None])}), tmp_path / "b.parquet"), "b")
    assert frame["id"].tolist()[0] == 2**53 + 1, "a gap makes no float of it"


def test_categories_that_are_numbers_stay_categories_also_after_the_store(tmp_path: Path) -> None:
    frame = table(x=[30, 5, 7]).assign(f=pd.Categorical([1.5, 2.0, None] * 40))
    frame["x"] = frame["x"].astype("category")
    path = write(frame, tmp_path / "one.parquet")
    learned = learn(path, case_of(path))
    kinds = {feature.name: (feature.kind, feature.categories) for feature in learned.package.manifest.signature}
    assert (kinds["x"], kinds["f"]) == (("categorical", ("30", "5", "7")), ("categorical", ("1.5", "2")))
    assert_read_alike(learned, path)


def test_what_no_model_can_read_may_be_dropped_and_the_index_of_pandas_is_no_column_of_its_name(tmp_path: Path) -> None:
    odd = {
        "map": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
        "nested": pa.array([[[("a", 1)]], []], pa.list_(pa.map_(pa.string(), pa.int64()))),
        "list": pa.array([[1], [2]]), "struct": pa.array([{"a": 1}, {"a": 2}]), "bytes": pa.array([b"a", b"b"]),
    }  # fmt: skip
    frame = table(x=["u", "v", "w"])
    columns = {name: repeated(values, 120) for name, values in odd.items()}
    path = write(pa.table({**columns, **{name: pa.array(frame[name]) for name in frame}}), tmp_path / "one.parquet")
    with pytest.raises(DataError, match="'map' holds lists or structures"):
        learn(path, case_of(path))
    assert_read_alike(learn(path, case_of(path, drop=[*odd])), path)

    frame.index = pd.Index(np.arange(120) * 3, name="x")
    frame.to_parquet(path)
    assert read_table(path, "one")["x"].tolist() == frame["x"].tolist()
    frame.rename_axis("row").to_parquet(path)
    assert [*read_table(path, "one")] == ["row", "x", "n", "y"]
    frame.rename_axis("x").to_parquet(path)
    assert [*read_table(path, "one")] == ["x", "n", "y"]

    counted = frame.set_axis(pd.RangeIndex(7, 247, 2, name="at"))  # which stands in no column of the file
    counted.to_parquet(path)
    learned = learn(path, case_of(path, kinds={"at": "numeric"}))
    assert learned.table["at"].tolist() == [*range(7, 247, 2)]
    assert_read_alike(learned, path)


@pytest.mark.parametrize(("content", "said"), [
    ("a,b,c\n1,2,3\n1,2\n", r"line 3 has 2 fields, the header has 3\. A row that ends early"),
    ("a,b,c\n1,2,3\n1,2,3,4\n", r"line 3 has 4 fields, the header has 3\. Put texts with commas"),
])  # fmt: skip
def test_a_row_of_too_few_fields_is_refused_by_every_reader_with_its_own_remedy(
    content: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "one.csv"
    path.write_text(content)
    for read in (lambda: read_table(path, "one"), lambda: [*open_table(path).chunks(["a", "b"])]):
        with pytest.raises(DataError, match=said):
            read()


def test_a_column_without_a_name_has_one_name_for_every_reader(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    frame = table(x=["u", "v", "w"])
    frame.rename(columns={"n": ""}).to_csv(path, index=False)
    learned = learn(path, case_of(path))
    assert [feature.name for feature in learned.package.manifest.signature] == ["x", "Unnamed: 1"]
    package = learned.package
    tally, _ = batch(package, path)
    assert tally.rejected == 0
