"""Reading tables, and the sample's own script."""

import gzip
import hashlib
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from champion.errors import DataError
from champion.tabular.tables import read_table

SCRIPT = Path(__file__).resolve().parents[3] / "data" / "make_iris.py"
WHOLE = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    return bytes(frame.to_parquet())


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


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.csv", "", "empty.csv is empty"),
        ("blank.csv", "\n\n", "blank.csv is empty"),
        ("header.csv", "a,b\n", "2 columns but no row"),
        ("twice.csv", "a,b,a \n1,2,3\n", "more than one column named 'a'"),
        ("fields.csv", "a,b\n1,2\n1,2,3\n", "line 3 has 3 fields, the header has 2"),
        ("shifted.csv", "a,b\n1,2,3\n1,2,3\n", "more fields in its rows than the 2 names"),
        ("quote.csv", 'a,b\n1,2\n1,"x\n2,3\n', "line 3 is never closed"),
        ("latin.csv", "a,b\n1,x\n2,é\n".encode("latin-1"), r"not UTF-8 \(line 3: the byte 0xe9\)"),
        ("header_latin.csv", "é,b\n1,x\n".encode("latin-1"), r"not UTF-8 \(line 1: the byte 0xe9\)"),
        ("semicolon.csv", "a;b\n1;2\n", "separated by semicolons"),
        ("a.csv.gz", b"a,b\n1,2\n", "not gzip"),
        ("cut.csv.gz", gzip.compress(b"a,b\n1,2\n" * 9, mtime=0)[:-12], "cut off"),
        ("text.parquet", "a,b\n1,2\n", "is not Parquet"),
        ("empty.parquet", "", "is not Parquet"),
        ("cut.parquet", parquet_bytes(WHOLE)[:-20], "is not Parquet"),
        ("norows.parquet", parquet_bytes(WHOLE.head(0)), "2 columns but no row"),
        ("sheet.xlsx", b"PK", "Save the sheet as CSV"),
        ("a.csv.dvc", "outs:", "points to a table: give that, a.csv"),
        ("a.json", "{}", "expected .csv, .csv.gz, .parquet"),
        (".csv", "a\n1\n", "expected .csv"),
    ],
)
def test_a_file_that_is_no_table_is_refused_with_what_to_do(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_table(written(tmp_path, name, content), name)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet", "a"])
def test_a_missing_table_is_named_as_the_user_named_it_and_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    if name != "a":
        with pytest.raises(DataError, match=f"data/{name} does not exist"):
            read_table(tmp_path / name, f"data/{name}")
    (tmp_path / name).mkdir()
    with pytest.raises(DataError, match="is a folder"):
        read_table(tmp_path / name, name)


def test_a_parquet_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    parquet.write_table(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"]), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="more than one column named 'a'"):
        read_table(tmp_path / "a.parquet", "a.parquet")


def test_names_keep_accents_and_spaces_and_have_one_spelling(tmp_path: Path) -> None:
    frame = read_table(written(tmp_path, "a.csv", "espe\u0300ce,gro\u0308\u00dfe (cm)\nx,1\n"), "a.csv")
    assert frame.columns.tolist() == ["esp\u00e8ce", "gr\u00f6\u00dfe (cm)"]


def test_the_sample_has_the_same_bytes_everywhere(tmp_path: Path) -> None:
    out = tmp_path / "iris.csv"
    subprocess.run([sys.executable, str(SCRIPT), str(out)], check=True)
    content = out.read_bytes()
    assert hashlib.md5(content).hexdigest() == "013d0da08d6506664ce640459139176b"
    assert content.startswith(b"sepal_length,sepal_width,petal_length,petal_width,species\n5.1,3.5,1.4,0.2,setosa\n")
    assert content.count(b"\n") == 151
    assert [path.name for path in tmp_path.iterdir()] == ["iris.csv"]


def test_without_a_name_the_sample_is_written_beside_its_script(tmp_path: Path) -> None:
    script = tmp_path / "make_iris.py"
    script.write_bytes(SCRIPT.read_bytes())
    subprocess.run([sys.executable, str(script)], check=True, cwd="/")
    assert (tmp_path / "iris.csv").exists()
