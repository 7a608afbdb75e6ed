"""What a stream reads of a table is what pandas reads of it, for every kind, type and way to write a value."""

import datetime
import random
import string
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from champion.bundle.parsing import parse
from champion.modeling.arrays import block_of
from champion.modeling.features import Feature, model_frame
from champion.tabular.tables import open_table, read_table
from champion.use_case.learning import MISSING_WORDS
from tests.support.packages import KINDS, write


def assert_same_as_pandas(source: Path, features: Sequence[Feature]) -> None:
    block = block_of(model_frame(read_table(source, source.name), features), features)
    table = open_table(source)
    parsed = [
        parse(chunk, features, ("", *MISSING_WORDS)) for chunk in table.chunks([feature.name for feature in features])
    ]
    assert {number for each in parsed for number in each.column} == {-1}, "no row is refused"
    numbers, texts = (np.vstack([getattr(each.block, kind) for each in parsed]) for kind in ("numbers", "texts"))
    np.testing.assert_allclose(numbers, block.numbers, rtol=1e-14, atol=0)
    assert texts.shape == block.texts.shape
    assert all(a == b or (a != a and b != b) for a, b in zip(texts.ravel(), block.texts.ravel(), strict=True))


def feature(name: str, dtype: str = "str", kind: str | None = None) -> Feature:
    return Feature(name=name, kind=kind or KINDS[name], dtype=dtype, nullable=True)  # type: ignore[arg-type]  # pydantic checks it


NUMBERS = st.floats(-1e30, 1e30, allow_subnormal=False) | st.integers(-(2**50), 2**50)
MOMENTS = st.datetimes(datetime.datetime(1800, 1, 1), datetime.datetime(2200, 1, 1))
WORDS = st.text(string.ascii_letters + 'äé "\n,', min_size=1).filter(lambda word: word not in MISSING_WORDS)
ROWS = st.lists(
    st.tuples(*(st.none() | values for values in (NUMBERS, st.integers(-9, 99), WORDS, st.booleans(), MOMENTS))),
    min_size=1, max_size=12,
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(rows=ROWS, suffix=st.sampled_from([".csv", ".csv.gz", ".parquet"]), mix=st.randoms())
def test_any_table_is_read_as_pandas_reads_it_in_any_order_of_columns(
    rows: list[Any], suffix: str, mix: random.Random
) -> None:
    columns = dict(zip(KINDS, map(list, zip(*rows, strict=True)), strict=True))
    names = mix.sample(list(KINDS), len(KINDS))
    if suffix != ".parquet":  # a word that pandas would make a number of is another test's
        columns["colour"] = [f"c {word}" if word else None for word in columns["colour"]]
        columns["when"] = [moment and moment.isoformat(" ") for moment in columns["when"]]
    arrays = {name: pa.array(columns[name], pa.float64() if name in ("size", "count") else None) for name in names}
    arrays["colour"] = pa.array(columns["colour"], pa.string())
    arrays["extra"] = pa.array(["x,y"] * len(rows))
    table = pa.table(arrays)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / f"table{suffix}"
        write(table if suffix == ".parquet" else table.to_pandas(types_mapper=pd.ArrowDtype), source)
        assert_same_as_pandas(source, [feature(name) for name in KINDS])


SEVERAL = [1, None, 0, 1, None]
UTC, SOME = datetime.UTC, datetime.datetime(2024, 2, 29, 23, 59, 59, 123456)
TYPES: list[tuple[str, str, pa.Array]] = [
    *(("numeric", "float64", pa.array(SEVERAL, kind)) for kind in (pa.int8(), pa.uint64(), pa.float32(), pa.decimal128(9, 2))),
    *((kind, "float64", pa.nulls(3)) for kind in ("numeric", "boolean", "categorical", "datetime")),
    *((kind, "float64", pa.array([None, None], pa.string())) for kind in ("numeric", "boolean", "categorical", "datetime")),
    ("numeric", "float64", pa.array([1.5, float("nan"), None])),
    ("numeric", "float64", pa.array(["1.5", "+2", " -3e2 ", ".5", "7.", None])),
    ("numeric", "float64", pa.array([" +1.5", "2", None]).dictionary_encode()),
    ("numeric", "bool", pa.array([True, False, None])),
    ("numeric", "float64", pa.array([datetime.timedelta(hours=5), None], pa.duration("ms"))),
    ("boolean", "str", pa.array(["Yes", None, "no", " TRUE ", "f", "off"])),
    ("boolean", "float64", pa.array([1.0, None, 0.0])),
    ("categorical", "str", pa.array(["a", None, "b", ""], pa.large_string())),
    *(("categorical", "float64", pa.array(SEVERAL, kind)) for kind in (pa.int16(), pa.float32(), pa.float64())),
    ("categorical", "float64", pa.array([1.5, 2.0, None], pa.float32())),
    ("categorical", "int64", pa.array(["007", "7", "7.0", None])),
    ("categorical", "object", pa.array([True, None, False])),
    ("categorical", "object", pa.array([datetime.date(2024, 2, 29), None])),
    *(("datetime", "datetime64[us]", pa.array([SOME, None], pa.timestamp(unit))) for unit in ("ms", "us", "ns")),
    ("datetime", "datetime64[us]", pa.array([SOME.replace(tzinfo=UTC), None], pa.timestamp("us", "Europe/Berlin"))),
    ("datetime", "object", pa.array([datetime.date(2024, 2, 29), None, datetime.date(1923, 1, 1)])),
    ("datetime", "str", pa.array(["2024-02-29", "2024-02-29T10:11:12.123", None])),
    ("datetime", "str", pa.array(["2024-02-29T10:00:00+02:00", "2024-02-29 10:00:00Z", None])),
    ("datetime", "str", pa.array(["2024-02-29T10:00:00+02:00", "20240229", "Feb 5, 2024", None, "2024-02-29 10:00:00"])),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "dtype", "column"), TYPES, ids=lambda value: str(getattr(value, "type", value)))
def test_every_type_of_a_parquet_file_is_read_as_pandas_reads_it(
    kind: str, dtype: str, column: pa.Array, tmp_path: Path
) -> None:
    source = write(pa.table({"x": column}), tmp_path / "table.parquet")
    assert_same_as_pandas(source, [feature("x", dtype, kind)])


@pytest.mark.parametrize(
    ("kind", "dtype", "values"),
    [
        ("numeric", "float64", ["1.5", " 2", "1e3", "", "NA", "NULL", "-0"]),
        ("numeric", "bool", ["True", "False"]),
        ("boolean", "str", ["yes", "No", "", "yes"]),
        ("boolean", "float64", ["1", "0", "", "1.0"]),
        ("categorical", "int64", ["007", "12", "1"]),
        ("categorical", "int64", ["007", "7", "7.0", " 7", "1e1", "", "00", "0"]),
        ("categorical", "float64", ["1", "2.50", "", "1.0"]),
        ("categorical", "float64", ["007", "2", ""]),
        ("categorical", "bool", ["true", "False", "TRUE"]),
        ("categorical", "bool", ["true", "perhaps"]),
        ("categorical", "str", ["a", "None", "", " b", "1"]),
        ("datetime", "str", ["2024-02-29", "", "2024-02-29 10:00:00"]),
        ("datetime", "str", ["2024-02-29T10:00:00.123456789", "", "03/04/2024"]),
    ],
)
def test_every_way_to_write_a_value_in_a_csv_is_read_as_pandas_reads_it(
    kind: str, dtype: str, values: list[str], tmp_path: Path
) -> None:
    source = tmp_path / "table.csv"
    source.write_text("x,y\n" + "".join(f"{value},0\n" for value in values), encoding="utf-8")
    assert_same_as_pandas(source, [feature("x", dtype, kind)])
