"""JSON, Arrow and Feather: what a file says of its values is kept."""

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather

from champion.errors import DataError
from champion.tabular import json_format, typed
from champion.tabular.tables import open_table, read_table
from tests.support.one_reader import assert_read_alike, case_of, learn

BIG = 2**53 + 1


def records(rows: int = 120) -> list[dict[str, Any]]:
    """Some of everything; what repeats its values tells no row apart, n does."""
    each = {
        "code": ["01234", "007", None], "size": [1.5, 2, None], "id": [BIG, 7, 9], "start_time": [1700000000, 1700000001, 5],
        "ok": [True, False, None], "mixed": [1, "a", 2.5], "y": ["a", "b"],
    }  # fmt: skip
    made = [{name: values[row % len(values)] for name, values in each.items()} for row in range(rows)]
    for row, record in enumerate(made):
        record["n"] = row * 7919 % 1013 / 8
        if row >= 60:
            record["late"] = ["u", "v"][row % 2]
    return made


def lines(made: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(record) + "\n" for record in made)


@pytest.mark.parametrize("name", ["one.jsonl", "one.ndjson", "one.json", "array.json", "one.jsonl.gz"])
def test_records_are_read_as_they_say_by_every_reader(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_format, "_BLOCK", 1000)
    content = (json.dumps(records(), indent=1) if name == "array.json" else lines(records())).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    frame = read_table(path, name)
    assert frame["code"].tolist()[:2] == ["01234", "007"]
    assert frame["id"].tolist()[0] == BIG
    assert frame["start_time"].tolist()[0] == 1700000000
    assert frame["mixed"].tolist()[:3] == ["1", "a", "2.5"]
    assert frame["ok"].tolist()[:2] == [True, False]
    assert (frame["late"].notna().sum(), len(frame)) == (60, 120)
    if name != "one.jsonl":
        return
    learned = learn(path, case_of(path))
    assert {feature.name for feature in learned.package.manifest.signature} >= {
        "code",
        "size",
        "ok",
        "mixed",
        "late",
        "n",
    }
    assert_read_alike(learned, path, apart=("n",))


def test_whole_numbers_of_any_length_are_exact_and_nested_values_are_no_feature(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text('{"a": 18446744073709551615, "b": -1, "c": 9007199254740993, "d": [1]}\n'
                    '{"a": 1, "b": 99999999999999999999, "c": 0.5, "d": {"x": 2}, "e": NaN}\n')  # fmt: skip
    frame = read_table(path, "one.jsonl")
    assert frame["a"].tolist() == [2**64 - 1, 1]
    assert frame["b"].tolist() == ["-1", "99999999999999999999"]
    assert frame["c"].tolist() == ["9007199254740993", "0.5"]
    assert [list(each) for each in frame["d"]] == [['["1"]'], ['{"x": "2"}']]
    assert frame["e"].isna().all()


@pytest.mark.parametrize(("content", "message"), [
    ('{"a": 1}\n{"a": \n', r"is not JSON, or is cut off: record 2 "),
    ('[{"a": 1}, {"a": 2}', r"is not JSON, or is cut off: record 3 \(the array does not end\)"),
    ("[1, 2]", r"holds something else than records: value 1 is not"),
    ('{"a": {"0": 1, "1": 2}, "b": {"0": 3}}', r"holds something else than records: .*lines=True"),
    ('{"a": 1, "a": 2}', r"has a record, number 1, with more than one field 'a'"),
    ("", r"has no record"), ("[]", r"has no record"),
    ("a,b\n1,2\n", r"is not JSON, or is cut off: record 1"),
])  # fmt: skip
def test_what_is_no_record_is_refused_with_its_number(content: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "one.json"
    path.write_text(content)
    for read in (lambda: read_table(path, "one.json"), lambda: open_table(path)):
        with pytest.raises(DataError, match=message):
            read()


def arrow_table(rows: int = 120) -> pa.Table:
    frame = pd.DataFrame(
        {
            "x": pd.Categorical((["u", "v", None] * rows)[:rows]),
            "size": np.arange(rows) % 7 / 4,
            "n": np.arange(rows) * 7919 % 1013 / 8,
            "y": (["a", "b"] * rows)[:rows],
        }
    )
    return pa.Table.from_pandas(frame, preserve_index=False)


@pytest.mark.parametrize("name", ["one.feather", "one.arrow", "stream.arrow", "one.ipc"])
def test_an_arrow_file_of_either_form_is_read_alike_by_every_reader_in_chunks(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, table = tmp_path / name, arrow_table()
    if name == "one.feather":
        feather.write_feather(table, str(path))
    else:
        new = pa.ipc.new_stream if name.startswith("stream") else pa.ipc.new_file
        with pa.OSFile(str(path), "wb") as sink, new(sink, table.schema) as out:
            out.write_table(table)
    learned = learn(path, case_of(path))
    assert isinstance(learned.table["x"].dtype, pd.CategoricalDtype)
    assert_read_alike(learned, path)
    monkeypatch.setattr(typed, "CHUNK_ROWS", 50)
    assert [chunk.num_rows for chunk in open_table(path).chunks(["n", "x"])] == [50, 50, 20]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DataError, match=r"is not Arrow, or is broken"):
        read_table(path, name)
