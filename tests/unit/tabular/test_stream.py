"""A broken table is an error that says where; a thread that reads ahead ends with its reader."""

import gzip
from pathlib import Path
from typing import Any

import pytest

from champion.errors import DataError
from champion.tabular import csv_format
from champion.tabular.stream import read_ahead
from champion.tabular.tables import open_table
from tests.support.tables import training, write

HEAD = "a,b\n" + "1,2\n" * 300


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("t.csv", b"", "is empty"),
        ("t.csv", b"a,b\n", "has 2 columns but no row"),
        ("t.csv", b"a;b\n1;2\n", "separated by semicolons"),
        ("t.csv", b"a,a \n1,2\n", "more than one column named 'a'"),
        ("t.csv", (HEAD + "1,2,3\n").encode(), "line 302 has 3 fields, the header has 2"),
        ("t.csv", (HEAD + "1\n").encode(), "line 302 has 1 fields"),
        ("t.csv", HEAD.encode() + b"1,\xff\n", r"not UTF-8 \(line 302: the byte 0xff\)"),
        ("t.csv", (HEAD + '1,"2\n3,4\n').encode(), "opens in line 302 is never closed"),
        ("t.csv", (HEAD + '1,"2\n' + "3,4\n" * 300).encode(), "opens in line 302 is never closed"),
        ("t.csv", (HEAD + '1,"2\n' + "3,4\n" * 3000).encode(), "opens in line 302 is never closed"),
        ("t.csv", ('a,"b\n' + "1,2\n" * 40_000).encode(), "opens in line 1 is never closed"),
        ("t.csv", ("a,b," + "x" * 140_000 + "\n1,2,3\n").encode(), "a name of more than 131,072 characters"),
        ("t.csv", (HEAD + "x" * 5000 + ",1\n").encode(), "a row longer than"),
        ("t.csv.gz", gzip.compress(HEAD.encode(), mtime=0)[:-12], "is cut off"),
        ("t.csv.gz", HEAD.encode(), "is not gzip"),
        ("t.parquet", HEAD.encode(), "is not Parquet, or is broken"),
    ],
)
def test_a_broken_table_is_an_error_that_says_where(
    name: str, content: bytes, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_format, "BLOCK_BYTES", 700)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said):
        list(open_table(tmp_path / name).chunks(["a", "b"]))


def test_half_a_parquet_file_and_one_that_breaks_in_the_middle_are_errors(tmp_path: Path) -> None:
    source = write(training(5000), tmp_path / "table.parquet")
    whole = source.read_bytes()
    source.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="is not Parquet, or is broken"):
        open_table(source)
    source.write_bytes(whole[:200] + b"\xff" * 3000 + whole[3200:])
    with pytest.raises(DataError, match="is not Parquet, or is broken"):
        list(open_table(source).chunks(["size", "when"]))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'a,b\n5" pipe,1\n', {"b": ["1"], "a": ['5" pipe']}),
        (b'\xef\xbb\xbf a ,"b"\r\n\r\n1,"x\ny"\r\n', {"b": ["x\ny"], "a": ["1"]}),
    ],
    ids=["an odd number of quotes inside of values", "blank lines, a mark of UTF-8 and blanks around names"],
)
def test_a_csv_may_have(content: bytes, expected: dict[str, list[str]], tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    (chunk,) = open_table(tmp_path / "t.csv").chunks(["b", "a"])
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
