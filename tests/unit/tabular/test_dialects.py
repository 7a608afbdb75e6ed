"""Texts as people have them: how they are read is found out, written down, and then the rule for every reader."""

import bz2
import gzip
import lzma
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from champion.bundle.batch import open_for
from champion.errors import ConfigurationError, DataError
from champion.onboarding.initialise import Initialised, initialise
from champion.tabular import packing, text_source
from champion.tabular.letters import look
from champion.tabular.tables import open_table, proposal_for, read_table
from champion.use_case.dialect import Dialect
from champion.use_case.learning import MISSING_WORDS, Read
from champion.use_case.whole import UseCase, parse_use_case
from devtools.benchmarks.dialects import TARGET, DirtyFile, by_ours, dirty_files, table, written
from tests.support.one_reader import assert_read_alike, batch, learn

FILES = {file.what: file for file in dirty_files()}
GUESSED_WRONG = ("letters in cp850, ;", "letters in cp850, ,")  # of DOS; that the letters are a guess is said


@pytest.mark.parametrize("file", FILES.values(), ids=list(FILES))
def test_every_way_to_write_a_table_is_found_out_and_read_as_the_table(file: DirtyFile, tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_bytes(file.content)
    if file.what in GUESSED_WRONG:
        assert "Where they come out wrong, say data.read.encoding" in proposal_for(path, "one.csv", [TARGET]).said[0]
        return
    assert by_ours(path) == file.cells
    whole = read_table(path, "one.csv", missing=(), how=proposal_for(path, "one.csv", [TARGET]).how)
    assert len(whole) == len(file.cells) - 1


def initialised(root: Path, name: str, content: bytes) -> tuple[UseCase, Initialised, Path]:
    """What `init` writes of a file, and says; and where the table is."""
    for folder in ("data", "configs"):
        (root / folder).mkdir()
    path = root / "data" / name
    path.write_bytes(content)
    made = initialise(root, path, TARGET)
    return parse_use_case(yaml.safe_load((root / made.config).read_text(encoding="utf-8")), "one"), made, path


def dirty(rows: int = 90) -> tuple[bytes, list[list[str]]]:
    cells = table(rows, letters=True)
    below = "Total;1;;;;\nSource: Office\n"
    return written(cells, ";", encoding="latin-1", above="Report\n\n", below=below), cells


def test_what_init_finds_out_stands_in_the_use_case_and_is_the_rule_for_every_reader(tmp_path: Path) -> None:
    content, cells = dirty()
    case, made, path = initialised(tmp_path, "one.csv", content)
    read = case.data.read
    assert (read.separator, read.encoding, read.header, read.footer) == (";", "windows-1252", 3, ("Total",))
    text = (tmp_path / made.config).read_text(encoding="utf-8")
    assert '    separator: ";"  # between two cells\n' in text
    assert [said for said in made.warnings if "one.csv" in said][:2] == [
        "data/one.csv is no UTF-8; its letters seem to be windows-1252. Where they come out wrong, say data.read.encoding.",
        "data/one.csv is read so: separated by semicolons, the names of the columns in line 3, what is below the table left out "
        "('Total').",
    ]
    learned = learn(path, case)
    assert len(learned.table) == 90
    assert any(
        "2 rows below the table are left out, from line 94 on, which begins with 'Total'" in said
        for said in learned.said
    )
    assert learned.package.manifest.read == read
    assert_read_alike(learned, path)
    tally, answers = batch(learned.package, path)
    assert (tally.rows, tally.rejected, len(answers)) == (90, 0, 90)
    assert "below the table are left out" in tally.left_out[0]

    plain = tmp_path / "plain.csv"
    plain.write_bytes(written(cells))
    opened = open_for(plain, learned.package.manifest)
    assert opened.said == (
        "plain.csv is read as plain CSV: UTF-8, commas, the names of the columns in the first line.",
    )
    assert batch(learned.package, plain)[1].equals(answers), "a table that is written as everybody does is read so"


def test_a_plain_table_has_no_word_of_it_in_its_use_case_and_its_manifest_is_as_it_was(tmp_path: Path) -> None:
    case, made, _ = initialised(tmp_path, "one.csv", written(table()))
    assert "separator" not in (tmp_path / made.config).read_text(encoding="utf-8")
    assert not [said for said in made.warnings if "is read so" in said]
    assert case.data.read == Read(missing=case.data.read.missing)
    assert Read(missing=MISSING_WORDS).model_dump(mode="json") == {"missing": [*MISSING_WORDS]}


PACKED: dict[str, Any] = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": None, ".zip": None}


def packed(path: Path, content: bytes) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("inner.csv", content)
            archive.writestr("__MACOSX/._inner.csv", b"x")
    elif path.suffix == ".zst":
        path.write_bytes(pa.compress(content, "zstd", asbytes=True))
    else:
        path.write_bytes(PACKED[path.suffix](content))
    return path


@pytest.mark.parametrize("ending", [*PACKED])
def test_a_text_is_read_alike_however_it_is_packed_and_one_that_is_cut_off_is_refused(
    ending: str, tmp_path: Path
) -> None:
    cells = table(2000)
    path = packed(tmp_path / f"one.csv{ending}", written(cells, ";"))
    assert by_ours(path) == cells
    frame = read_table(path, path.name, how=Dialect(separator=";"))
    assert frame[TARGET].tolist() == [row[-1] for row in cells[1:]]
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match=r"is not (gzip|bzip2|xz|zstd|a zip), or is cut off .*Compress it again"):
        read_table(path, path.name, how=Dialect(separator=";"))
    path.write_bytes(written(cells))
    with pytest.raises(DataError, match="Compress it again"):
        read_table(path, path.name)


def test_a_zip_of_more_than_one_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "all.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("a.csv", "b.csv"):
            archive.writestr(name, "a\n1\n")
    with pytest.raises(DataError, match=r"a zip that holds 2 files: 'a\.csv', 'b\.csv'; expected one\. Unpack it"):
        read_table(path, "all.zip")


def test_a_text_is_unpacked_block_by_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"a;b\n" + b"1;2\n" * 3_000_000))
    unpacked: list[int] = []
    read = packing.Unpacked.read

    def counted(file: packing.Unpacked, size: int | None = -1) -> bytes:
        data = read(file, size)
        unpacked.append(len(data))
        return data

    monkeypatch.setattr(packing.Unpacked, "read", counted)
    looked = look(path, "The table")
    rows = sum(chunk.num_rows for chunk in open_table(path, Dialect(separator=";")).chunks(["a"]))
    assert (looked.whole, rows) == (False, 3_000_000)
    assert sum(unpacked) > 12_000_000
    assert max(unpacked) <= 2 * packing.BLOCK


@pytest.mark.parametrize(("content", "how", "message"), [
    (b"a;b\n1;2\n1;2;3\n", {"separator": ";"}, r"line 3 has 3 fields, the header has 2\. Put texts with semicolons"),
    (b"a;b\n\n1;2\n1\n", {"separator": ";"}, r"line 4 has 1 fields, the header has 2\. A row that ends early"),
    (b'a;b\n1;"2\n3;4\n', {"separator": ";"}, r"the double quote that opens in line 2 is never closed"),
    (b'a;b\n1;"2"3\n3;4\n', {"separator": ";"}, r"line 2 has letters after a closing quote"),
    (b"a;b\n1;\xe9\n", {"separator": ";"}, r"is not all in utf-8 \(line 2: the byte 0xe9\)\. Say in data\.read\.encoding"),
    ("a;b\n1;2\n".encode("utf-16")[:-1], {"separator": ";", "encoding": "utf-16"}, r"is not all in utf-16 \(truncated data\)"),
    (b"a;b\n1;2;x\n", {"separator": ";", "unnamed": "last"}, r"line 2 has 3 fields, the header has 2"),
    (b"a;b\n1;2\n", {}, r'seems to be separated by semicolons, expected commas\. Say `separator: ";"` in data\.read'),
    (b"Report\na,b\n1,2\n", {}, r"2 fields|more fields in its rows than the 1 names .*say in data\.read\.header"),
    (b"x\n", {"separator": ";", "header": 4}, r"is empty\. Expected a header and rows"),
])  # fmt: skip
def test_a_row_that_the_rule_does_not_fit_is_refused_with_its_line_and_what_to_do(
    content: bytes, how: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "one.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_table(path, "one.csv", how=Dialect(**how))


@pytest.mark.parametrize(
    ("begin", "kind"), [(b"PK\x03\x04", ".xlsx"), (b"PAR1\x15", ".parquet"), (b"\x1f\x8b\x08", ".gz")]
)
def test_a_file_that_has_the_ending_of_another_kind_is_refused_by_init(begin: bytes, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_bytes(begin + bytes(100))
    with pytest.raises(DataError, match=rf"is no text: it begins as .*\{kind}.* does\. Give it that ending"):
        proposal_for(path, "one.csv", [TARGET])


def test_a_footer_is_found_at_the_end_alone_and_a_table_without_one_loses_no_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, how = tmp_path / "one.csv", Dialect(separator=";", footer=("Total",))
    rows = "".join(f"{name};{at}\n" for at, name in enumerate(["Total", *"abcdefg", "Totally"]))
    monkeypatch.setattr(text_source, "LAST_ROWS", 5)
    for below, kept in (("", 9), ("total;9\nx\n", 9), ("Total: 9\n", 9)):
        path.write_text(f"a;b\n{rows}{below}")
        opened = open_table(path, how)
        assert sum(chunk.num_rows for chunk in opened.chunks(["a"])) == kept
        assert bool(opened.notes()) == bool(below)


def test_totals_in_the_middle_of_a_table_are_rows_of_it(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    block = "a;1;x\nb;;y\nTotal;2;\n"
    path.write_text("name;n;kind\n" + block * 9)
    assert proposal_for(path, "one.csv", [TARGET]).how.footer == ()


@pytest.mark.parametrize(("key", "value"), [
    ("encoding", "zip"), ("encoding", "latin-99"), ("separator", "ab"), ("separator", "x"), ("quote", "ab"), ("header", 0),
    ("footer", [" "]), ("unnamed", "both"), ("separator", '"'), ("format", "excel"),
])  # fmt: skip
def test_a_rule_that_cannot_be_is_refused(key: str, value: Any) -> None:
    raw = {
        "name": "one",
        "data": {"path": "a.csv", "target": "y", "read": {key: value}},
        "candidates": {"a": {"estimator": "a"}},
    }
    with pytest.raises(ConfigurationError, match=rf"data\.read\.{key}"):
        parse_use_case(raw, "one.yaml")


def test_a_column_without_a_name_is_called_alike_by_every_reader_also_where_blanks_are_its_name(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    for separator in (",", ";"):
        path.write_text(separator.join(["", "a", "  "]) + "\n" + separator.join("123") + "\n")
        how = Dialect(separator=separator)
        names = ["Unnamed: 0", "a", "Unnamed: 2"]
        assert [*read_table(path, "one.csv", how=how)] == open_table(path, how).schema.names == names


CELL = st.text(st.sampled_from(list("a1,;\"'\n\r\t |é.")), max_size=6)


@settings(max_examples=25, deadline=None)
@given(
    rows=st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=6), separator=st.sampled_from([",", ";", "\t", "|"])
)
def test_whatever_stands_in_the_cells_comes_back_as_it_stood(rows: list[tuple[str, ...]], separator: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "one.csv"
        path.write_bytes(written([["x", "y", "z"], *map(list, rows)], separator, encoding="utf-16", every=True))
        opened = open_table(path, Dialect(separator=separator, encoding="utf-16"))
        (chunk,) = opened.chunks(["x", "y", "z"])
        assert list(zip(*(column.to_pylist() for column in chunk.columns), strict=True)) == rows
        whole = read_table(path, "one", missing=(), how=Dialect(separator=separator, encoding="utf-16"))
        assert len(whole) == len(rows)


@pytest.mark.parametrize(("name", "remedy"), [
    ("a.sav", "Save it as CSV in SPSS"),
    ("a.dta", r"pandas\.read_stata\(FILE\)\.to_parquet"),
    ("a.sas7bdat", "Save it as CSV in SAS"),
    ("a.rds", r"write\.csv\(TABLE, FILE, row\.names = FALSE\)"), ("a.html", "Open it in a spreadsheet program"),
    ("a.sqlite", "Export the table"), ("a.pkl", r"TABLE\.to_parquet"), ("a.7z", "Unpack it"), ("a", "say so in its name"),
    ("a.parquet.gz", "only texts and JSON are read so. Unpack it first"),
])  # fmt: skip
def test_a_file_of_another_kind_is_refused_with_how_to_convert_it(name: str, remedy: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(DataError, match=remedy):
        read_table(tmp_path / name, name)
