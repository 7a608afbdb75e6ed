"""Reading tables whole and a chunk at a time; a broken one is an error that says where; and the sample's own script."""

import gzip
import hashlib
import itertools
import runpy
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from champion.errors import DataError
from champion.modeling.columns import describe
from champion.modeling.features import model_frame, signature
from champion.modeling.split import is_holdout, rule_for
from champion.tabular import csv_format, text_source
from champion.tabular.stream import read_ahead
from champion.tabular.tables import open_table, read_table
from champion.tabular.text_source import TextSource
from champion.use_case.dialect import Dialect
from champion.use_case.learning import Data, Split
from tests.support.packages import training, write

SCRIPT = Path(__file__).resolve().parents[3] / "data" / "make_iris.py"
WHOLE = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
HEAD = "a,b\n" + "1,2\n" * 300


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def parquet_bytes(table: pd.DataFrame | pa.Table) -> bytes:
    out = pa.BufferOutputStream()
    parquet.write_table(table if isinstance(table, pa.Table) else pa.Table.from_pandas(table), out)
    return bytes(out.getvalue())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "a,b\n1,x\n2,y\n"),
        ("A.CSV", "a,b\n1,x\n2,y\n"),
        ("windows.csv", "a,b\r\n1,x\r\n2,y\r\n"),
        ("mark.csv", "\ufeffa,b\n1,x\n2,y\n"),
        ("blanks.csv", " a,b \n1,x\n2,y\n"),
        ("a.csv.gz", gzip.compress(b"a,b\n1,x\n2,y\n", mtime=0)),
        ("a.parquet", parquet_bytes(WHOLE)),
        ("filtered.parquet", parquet_bytes(WHOLE.set_axis([5, 9]))),
        ("indexed.parquet", parquet_bytes(WHOLE.set_index("a"))),
    ],
)
def test_a_table_of_each_format_is_read(tmp_path: Path, name: str, content: str | bytes) -> None:
    frame = read_table(written(tmp_path, name, content), name)
    assert frame.to_dict("list") == WHOLE.to_dict("list")
    assert frame.index.tolist() == [0, 1]


def test_codes_with_leading_zeros_stay_texts_and_no_row_of_the_holdout_moves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f'0050{n},{n},"0{n % 7}", 0{n}:00,0.0{n},{n}.50\n' for n in range(60))
    for name in ("a.csv", "a.csv.gz"):
        content = f"zip,count,label,hour,part,mixed\n{rows},7,07,0:00,1,007\n".encode()
        path = written(tmp_path, name, gzip.compress(content) if name.endswith(".gz") else content)
        frame = read_table(path, name)
        assert [frame[column].tolist()[7] for column in frame] == ["00507", 7, "00", " 07:00", 0.07, "7.50"]
        assert frame["zip"].isna().sum() == 1, "a field that is empty is missing still"
        assert frame["count"].dtype.kind == "i"
    with monkeypatch.context() as former:
        former.setattr(csv_format, "_may_hold_codes", lambda _: False)
        numbers = read_table(path, name)
    assert numbers["zip"].dtype.kind == numbers["label"].dtype.kind == "f" or numbers["label"].dtype.kind == "i"
    rule = rule_for(frame, Data(path="a.csv", target="label"), Split(share=0.3))
    assert is_holdout(frame, rule).tolist() == is_holdout(numbers, rule).tolist()
    feature = signature(frame, [describe(frame["zip"], "numeric")])
    assert model_frame(frame, feature)["zip"].tolist()[7] == 507, "data.kinds says that they are numbers"


def test_codes_are_found_in_a_table_too_that_cannot_be_read_in_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_format, "BLOCK_BYTES", 40)
    path = written(tmp_path, "long.csv", f"zip,size,count\n007,0.5,1\n7.5,1,{'a' * 99}\n12,1.5,2\n")
    assert read_table(path, path.name)["zip"].tolist() == ["007", "7.5", "12"]
    assert read_table(path, path.name)["size"].dtype.kind == "f"


@pytest.mark.parametrize(
    ("content", "may"),
    [
        (b"a,b\n1,007\n2,3\n", True),
        (b'a,b\n1,"00"\n', True),
        (b"a,b\n1, 01 ,2\n", True),
        (b"a\n1\n08", True),
        (b"x" * (2**20 - 4) + b"\n012\n3\n", True),
        (b"a,b,c\n08:30,0.07,01/02/2026\n100,20.05,2000\n", False),
    ],
    ids=["a field", "quoted", "blanks", "the end", "cut by a block", "times and fractions"],
)
def test_whole_numbers_with_a_leading_zero_alone_cost_a_second_look(tmp_path: Path, content: bytes, may: bool) -> None:
    assert csv_format._may_hold_codes(TextSource(written(tmp_path, "a.csv", content), "The table", Dialect())) is may


BROKEN = [
    ("empty.csv", "", "is empty"),
    ("blank.csv", "\n\n", "is empty"),
    ("fields.csv", HEAD + "1,2,3\n", "line 302 has 3 fields, the header has 2"),
    ("quote.csv", HEAD + '1,"x\n2,3\n', "line 302 is never closed"),
    ("latin.csv", HEAD.encode() + b"1,\xe9\n", r"not all in utf-8 \(line 302: the byte 0xe9\)"),
    ("header_latin.csv", b"\xe9,b\n1,x\n", r"not all in utf-8 \(line 1: the byte 0xe9\)"),
    ("semicolon.csv", "a;b\n1;2\n", "separated by semicolons"),
    ("name.csv", "a,b," + "x" * 140_000 + "\n1,2,3\n", "a name of more than 131,072 characters"),
    ("plain.csv.gz", HEAD, "not gzip"),
    ("cut.csv.gz", gzip.compress(HEAD.encode(), mtime=0)[:-12], "cut off"),
    ("text.parquet", HEAD, "is not Parquet, or is broken"),
]
BROKEN_FOR_ONE = [
    ("whole", "shifted.csv", "a,b\n1,2,3\n1,2,3\n", "more fields in its rows than the 2 names"),
    ("whole", "header.csv", "a,b\n", "2 columns but no row"),
    ("whole", "rows.parquet", parquet_bytes(WHOLE.head(0)), "2 columns but no row"),
    ("whole", "twice.csv", "a,b,a \n1,2,3\n", "more than one column named 'a'"),
    ("whole", "twice.parquet", parquet_bytes(pa.table([[1], [2]], names=["a", "a"])), "more than one column named 'a'"),
    ("whole", "sheet.numbers", b"PK", "Save the sheet as .xlsx or CSV"),
    ("whole", "a.csv.dvc", "outs:", "points to a table: give that, a.csv"),
    ("whole", "a.foo", "{}", "expected .csv, .tsv"),
    ("whole", ".csv", "a\n1\n", "expected .csv"),
    ("chunks", "fields.csv", HEAD + "1\n", "line 302 has 1 fields"),
    ("chunks", "quote.csv", HEAD + '1,"2\n' + "3,4\n" * 300, "opens in line 302 is never closed"),
    ("chunks", "header.csv", 'a,"b\n' + "1,2\n" * 40_000, "opens in line 1 is never closed"),
    ("chunks", "row.csv", HEAD + "x" * 5000 + ",1\n", "a row longer than"),
]


@pytest.mark.parametrize(
    ("way", "name", "content", "message"),
    [*((way, *each) for way, each in itertools.product(("whole", "chunks"), BROKEN)), *BROKEN_FOR_ONE],
)
def test_a_broken_table_is_refused_with_where_and_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, name: str, content: str | bytes, message: str
) -> None:
    monkeypatch.setattr(csv_format, "BLOCK_BYTES", 700)
    path = written(tmp_path, name, content)
    with pytest.raises(DataError, match=message):
        read_table(path, name) if way == "whole" else list(open_table(path).chunks(["a", "b"]))


def test_a_header_that_does_not_end_is_refused_before_it_is_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (csv_format, text_source):
        monkeypatch.setattr(module, "LONGEST_HEADER", 50)
    assert read_table(written(tmp_path, "a.csv", f"{'a' * 40},b\n{'1' * 15}.5,{'x' * 100}\n"), "a.csv").shape == (1, 2)
    path = written(tmp_path, "a.csv", "a," * 100)
    for read in (lambda: read_table(path, "a.csv"), lambda: open_table(path)):
        with pytest.raises(DataError, match="a first line of more than 50 characters"):
            read()


def test_a_missing_table_is_named_as_the_user_named_it_and_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data/a\.csv does not exist"):
        read_table(tmp_path / "a.csv", "data/a.csv")
    for name in ("a.csv", "a.parquet", "a"):
        (tmp_path / name).mkdir()
        with pytest.raises(DataError, match="is a folder"):
            read_table(tmp_path / name, name)


def test_a_parquet_file_that_breaks_in_the_middle_is_an_error(tmp_path: Path) -> None:
    source = write(training(5000), tmp_path / "table.parquet")
    whole = source.read_bytes()
    source.write_bytes(whole[:200] + b"\xff" * 3000 + whole[3200:])
    with pytest.raises(DataError, match="is not Parquet, or is broken"):
        list(open_table(source).chunks(["size", "when"]))


def test_a_csv_may_have_odd_quotes_within_values_and_blank_lines_a_mark_of_utf_8_and_blanks_around_names(
    tmp_path: Path,
) -> None:
    for content, expected in (
        (b'a,b\n5" pipe,1\n', {"b": ["1"], "a": ['5" pipe']}),
        (b'\xef\xbb\xbf a ,"b"\r\n\r\n1,"x\ny"\r\n', {"b": ["x\ny"], "a": ["1"]}),
    ):
        (chunk,) = open_table(written(tmp_path, "t.csv", content)).chunks(["b", "a"])
        assert chunk.to_pydict() == expected


def test_what_reads_ahead_ends_with_its_reader_and_hands_on_errors() -> None:
    def three() -> Any:
        yield from (1, 2)
        raise DataError("broken")

    items = read_ahead(three())
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(DataError, match="broken"):
        next(items)
    endless = read_ahead(iter(int, 1))
    assert next(endless) == 0
    endless.close()


def test_names_keep_accents_and_spaces_and_have_one_spelling(tmp_path: Path) -> None:
    frame = read_table(written(tmp_path, "a.csv", "espe\u0300ce,gro\u0308\u00dfe (cm)\nx,1\n"), "a.csv")
    assert frame.columns.tolist() == ["esp\u00e8ce", "gr\u00f6\u00dfe (cm)"]


def test_the_sample_has_the_same_bytes_everywhere_and_lies_beside_its_script_or_where_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = written(tmp_path, "make_iris.py", SCRIPT.read_bytes())
    (tmp_path / "other").mkdir()
    monkeypatch.chdir("/")
    for out, options in ((tmp_path / "iris.csv", []), (tmp_path / "other/x.csv", [str(tmp_path / "other/x.csv")])):
        monkeypatch.setattr(sys, "argv", [str(script), *options])
        runpy.run_path(str(script), run_name="__main__")
        assert hashlib.md5(out.read_bytes()).hexdigest() == "013d0da08d6506664ce640459139176b"
        assert [path.name for path in out.parent.iterdir() if path.is_file() and path != script] == [out.name]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.parquet"])
def test_of_a_name_that_stands_twice_the_first_column_is_read_where_it_is_unused(tmp_path: Path, name: str) -> None:
    table = pa.table([[1, 2], ["007", "8"], [3, 4], [5, 6]], names=["a", "b", "a ", "c"])
    content = parquet_bytes(table) if name.endswith(".parquet") else b"a,b,a ,c\n1,007,3,5\n2,8,4,6\n"
    path = written(tmp_path, name, gzip.compress(content) if name.endswith(".gz") else content)
    assert read_table(path, name, ["a"]).to_dict("list") == {"a": [1, 2], "b": ["007", "8"], "c": [5, 6]}
    with pytest.raises(DataError, match="more than one column named 'a'"):
        read_table(path, name, ["b"])
    stream = open_table(path)
    assert (stream.schema.names, stream.repeated) == (["b", "c"], ("a",))
    (chunk,) = stream.chunks(["c", "b"])
    assert chunk.schema.names == ["c", "b"]
