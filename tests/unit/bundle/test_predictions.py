"""Reading a folder of logged predictions, whatever stands in it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from champion.bundle.manifest import Manifest
from champion.bundle.predictions import read, schema
from champion.errors import DataError
from tests.support.packages import about


def write(folder: Path, version: int, number: int, labels: tuple[str, ...] = ("no",), **more: str) -> Path:
    """A log file as the service writes it, its features left out."""
    made = schema(Manifest(**about(version, classes=("no", True)), files={}))
    table = pa.Table.from_pylist([{"model_version": version, "label": label} for label in labels], schema=made)
    path = folder / f"predictions-v{version}-20260131T12000{number}Z-0a1b2c3d-{number}.parquet"
    pq.write_table(table, path, **more)
    return path


def test_answers_come_version_by_version_and_the_oldest_first(tmp_path: Path) -> None:
    for version, number, label in ((10, 1, "d"), (2, 4, "b"), (2, 3, "a"), (10, 2, "e")):
        write(tmp_path, version, number, (label,))
    found = [(logged.model_version, logged.table.column("label").to_pylist()) for logged in read(tmp_path, "log")]
    assert found == [(2, ["a"]), (2, ["b"]), (10, ["d"]), (10, ["e"])]
    asked = [(logged.model_version, logged.classes) for logged in read(tmp_path, "log", version=2)]
    assert asked == [(2, ("no", "True"))] * 2


def test_what_is_half_foreign_or_not_whole_yet_is_skipped_and_named(tmp_path: Path) -> None:
    whole = write(tmp_path, 1, 1)
    write(tmp_path, 1, 2).write_bytes(whole.read_bytes()[:-100])
    pq.write_table(pa.table({"a": [1]}), tmp_path / "predictions-v1-20260131T120003Z-0a1b2c3d-3.parquet")
    (tmp_path / "predictions-vision.parquet").write_bytes(b"another's")
    (tmp_path / ".half-0a1b2c3d-4").write_bytes(b"PAR1")
    skipped: list[str] = []
    assert len(list(read(tmp_path, "log", skipped=skipped.append))) == 1
    assert skipped == [f"predictions-v1-20260131T12000{number}Z-0a1b2c3d-{number}.parquet" for number in (2, 3)]


@pytest.mark.parametrize(
    ("content", "found"), [(None, "nothing of the kind"), (b"PAR1", r"1 file\(s\) that cannot be read")]
)
def test_no_log_is_told_with_what_is_there(tmp_path: Path, content: bytes | None, found: str) -> None:
    if content:
        write(tmp_path, 1, 1).write_bytes(content)
    folder = tmp_path if content else tmp_path / "nowhere"
    with pytest.raises(
        DataError, match=rf"^predictions/ holds no prediction log: found {found}, expected .*--log FOLDER"
    ):
        list(read(folder, "predictions/"))


def test_a_version_that_was_never_logged_is_told_with_those_that_were(tmp_path: Path) -> None:
    write(tmp_path, 1, 1)
    write(tmp_path, 4, 2)
    with pytest.raises(DataError, match=r"holds no prediction of model version 2; it has those of 1, 4"):
        list(read(tmp_path, "predictions/", version=2))


def test_a_long_file_is_read_in_parts(tmp_path: Path) -> None:
    write(tmp_path, 1, 1, ("no",) * 150_000)
    sizes = [logged.table.num_rows for logged in read(tmp_path, "log")]
    assert sum(sizes) == 150_000
    assert max(sizes) < 100_000
