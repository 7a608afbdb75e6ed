"""The prediction log on real disks: what gets into it, what it may never do to a request, and what survives."""

from __future__ import annotations

import contextlib
import importlib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from champion.bundle.predictions import Answered, read
from champion.modeling.predictor import Predictions
from champion.serving import loaded, log_files
from champion.serving.log import Limits, PredictionLog
from champion.serving.log_files import LogFiles
from tests.conftest import ROOT
from tests.support.serving.log_examples import MIXED, SOON, answered, log_some, manifest

NEVER = Limits(flush_seconds=3600.0)


def written(folder: Path, *answers: Answered) -> PredictionLog:
    """A log of some answers, which is closed."""
    log = PredictionLog(folder, NEVER)
    for each in answers:
        log.add(each)
    log.close()
    return log


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """Every row that is in a log."""
    return [row for logged in read(folder, "the log") for row in logged.table.to_pylist()]


def values(folder: Path) -> list[float]:
    """The number of each request that is in the log, in order."""
    return sorted(row["features"]["x"] for row in rows_of(folder))


def left(folder: Path) -> list[str]:
    """What is in the folder but log files."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("predictions-"))


def until(true: Callable[[], bool]) -> None:
    """Wait for what another thread or process does; a minute is for a machine that is busy."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


@contextlib.contextmanager
def logging_process(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that logs, killed with -9 at the end."""
    command = [sys.executable, "-m", "tests.support.serving.log_examples", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def rows_in_files(process: subprocess.Popen[bytes], least: int) -> int:
    """Read what a logging process says until so many rows are in files."""
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) >= least:
            return int(line)
    raise AssertionError("the process ended")


def test_an_answer_is_logged_with_every_kind_of_feature(tmp_path: Path) -> None:
    moment = datetime(2026, 1, 31, 12, 30, tzinfo=UTC)
    asked = [[1, "red", moment, True], [None, None, None, None], [float("nan"), "läßt", datetime(2026, 2, 1), False]]
    before = datetime.now(UTC)
    log = written(tmp_path / "log", answered(manifest(MIXED, model_version=7), "one", asked))
    assert (log.rows, set(log.dropped.values())) == (3, {0})
    (logged,) = read(tmp_path / "log", "the log")
    assert (logged.model_version, logged.data_version, logged.classes) == (7, "d" * 32, ("no", "yes"))
    rows = logged.table.to_pylist()
    assert [tuple(row["features"].values()) for row in rows] == [
        (1.0, "red", moment, True), (None, None, None, None), (None, "läßt", datetime(2026, 2, 1, tzinfo=UTC), False),
    ]  # fmt: skip
    assert before <= rows[0].pop("time") <= datetime.now(UTC)
    assert rows[0] == {
        "request_id": "one", "model_version": 7, "data_version": "d" * 32, "label": "yes", "probabilities": [0.25, 0.75],
        "features": {"x": 1.0, "colour | tint": "red", "when": moment, "paid": True},
    }  # fmt: skip


def test_what_came_in_another_shape_gets_the_features_type(tmp_path: Path) -> None:
    asked = [[10**30, 1.0, "2026-01-31T12:00:00+01:00", 1], [2.5, "\ud800", None, 0]]
    written(tmp_path, answered(manifest(MIXED), "one", asked))
    assert [tuple(row["features"].values()) for row in rows_of(tmp_path)] == [
        (1e30, "1", datetime(2026, 1, 31, 11, tzinfo=UTC), True), (2.5, "?", None, False),
    ]  # fmt: skip


def test_a_value_without_a_type_costs_its_own_row_alone_and_after_the_end_rows_are_counted_as_dropped(
    tmp_path: Path,
) -> None:
    asked = ([[1.0], [object()], [3.0]], [[9.0]], [["text"]], [[9.0]])
    log = written(tmp_path, *(answered(manifest(), "one", rows) for rows in asked), None)  # type: ignore[arg-type]
    assert values(tmp_path) == [1.0, 3.0, 9.0, 9.0]
    assert log.dropped == {"queue": 0, "disk": 0, "value": 3}
    log_some(log, manifest(), 4)
    assert log.dropped["queue"] == 4, "what comes after the end"
    assert left(tmp_path) == []


def test_a_request_without_one_good_row_leaves_no_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = written(tmp_path, answered(manifest(MIXED), "one", [[object()] * 4] * 3))
    assert (log.rows, log.dropped["value"], caplog.records) == (0, 3, [])
    assert list(tmp_path.iterdir()) == []


def test_a_model_without_probabilities_is_logged_beside_one_that_has_them(tmp_path: Path) -> None:
    champion = manifest()
    written(tmp_path, *(answered(champion, "one", [[1.0]] * 2, has) for has in (False, True, False)))
    shares = [row["probabilities"] for row in rows_of(tmp_path)]
    assert shares == [None, None, [0.25, 0.75], [0.25, 0.75], None, None]


def test_a_file_holds_one_model_version(tmp_path: Path) -> None:
    one, two = manifest(), manifest(model_version=2, classes=("yes", "no"))
    written(tmp_path, *(answered((one, two)[number % 2], "one", [[1.0]]) for number in range(6)))
    assert [(row["model_version"], row["label"]) for row in rows_of(tmp_path)] == [(1, "yes")] * 3 + [(2, "no")] * 3
    assert sorted(path.name.split("-")[1] for path in tmp_path.glob("*.parquet")) == ["v1", "v2"]


def test_a_large_request_is_logged_whole_with_codes_of_any_width(tmp_path: Path) -> None:
    answers = answered(manifest(classes=(False, 1)), "big", [[float(number)] for number in range(3500)])
    codes = np.ones(3500, dtype=np.int32)
    codes[1234] = 0
    written(tmp_path, answers._replace(predictions=Predictions(codes, None)))
    assert values(tmp_path) == [row[0] for row in answers.rows]
    assert [row["label"] for row in rows_of(tmp_path)] == ["1"] * 1234 + ["False"] + ["1"] * 2265


def test_what_is_beyond_the_queue_is_dropped_and_counted_and_nothing_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, goes_on = threading.Event(), threading.Event()

    def hang(*_: Any) -> None:
        stuck.set()
        goes_on.wait(60)

    monkeypatch.setattr(LogFiles, "claim", hang)
    log, champion = PredictionLog(tmp_path, Limits(queue_rows=10)), manifest()
    assert stuck.wait(60)
    log_some(log, champion, 25)
    assert log.dropped == {"queue": 15, "disk": 0, "value": 0}
    goes_on.set()
    log.close()
    assert log.rows == 10


def test_long_texts_are_bounded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()
    monkeypatch.setattr(LogFiles, "tidy", lambda *_: goes_on.wait(60))
    log, champion = PredictionLog(tmp_path, Limits(queue_bytes=100_000)), manifest(MIXED[1:2])
    for number in range(10):
        log.add(answered(champion, str(number), [["x" * 10_000]]))
    goes_on.set()
    log.close()
    assert log.dropped["queue"] == 8
    assert log.rows == 2


def test_small_files_become_larger_ones_without_a_row_lost_or_doubled(tmp_path: Path) -> None:
    files, log = LogFiles(tmp_path, 2**30), PredictionLog(tmp_path, Limits(flush_seconds=0.0))
    for number in range(170):
        log_some(log, manifest(model_version=1 + number // 150), 1, start=number)
        until(lambda rows=number + 1: log.rows == rows)  # type: ignore[misc]
    log.close()
    files.tidy()
    files.tidy()
    names = [path.name for path in tmp_path.glob("*.parquet")]
    assert len(names) <= 2 * 2 * log_files.FANOUT
    assert values(tmp_path) == [float(number) for number in range(170)]
    versions = [logged.model_version for logged in read(tmp_path, "the log")]
    assert versions == sorted(versions)
    files.leave()


def test_the_folder_stays_within_its_bound_and_the_oldest_go(tmp_path: Path) -> None:
    for number in range(8):
        log = PredictionLog(tmp_path, Limits(folder_bytes=12_000))
        log_some(log, manifest(), 1, start=number)
        log.close()
        for path in tmp_path.glob(f"predictions-v1-2*-{'?' * 8}-1.parquet"):
            if "-2000" not in path.name:
                path.rename(path.with_name(path.name.replace(path.name.split("-")[2], f"2000010{number}T000000Z")))
    broken = tmp_path / "predictions-v1-20000101T000000Z-0000000a-1.parquet"
    broken.write_bytes(bytes(2_000))  # cannot be read, so it stays, but counts
    log = PredictionLog(tmp_path, Limits(folder_bytes=12_000))
    log.close()
    assert sum(path.stat().st_size for path in tmp_path.glob("*.parquet")) <= 12_000
    broken.unlink()
    kept = values(tmp_path)
    assert kept == [float(number) for number in range(8 - len(kept), 8)]
    assert 0 < len(kept) < 8


def test_a_full_disk_drops_rows_and_the_log_goes_on_when_there_is_room(tmp_path: Path) -> None:
    """On a disk of its own where this machine lets us mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no right to mount a disk; a folder that is gone is tested below")
    try:
        log, champion = PredictionLog(disk, SOON), manifest()
        log_some(log, champion, 1)
        until(lambda: log.rows == 1)
        with contextlib.suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
            while True:
                filler.write(bytes(1024))
        log_some(log, champion, 5, start=1)
        until(lambda: log.dropped["disk"] == 5)
        (disk / "filler").unlink()
        log_some(log, champion, 1, start=9)
        until(lambda: log.rows == 2)
        assert values(disk) == [0.0, 9.0]
        log.close()
        assert left(disk) == []
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_folder_that_is_gone_costs_rows_and_comes_back(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = tmp_path / "log"
    place.write_text("in the way", encoding="utf-8")
    log, champion = PredictionLog(place, SOON), manifest()
    log_some(log, champion, 2)
    until(lambda: log.dropped["disk"] == 2)
    place.unlink()
    log_some(log, champion, 1, start=5)
    until(lambda: log.rows == 1)
    log.close()
    assert values(place) == [5.0]
    assert [record.message for record in caplog.records] == [
        f"The prediction log fails: [Errno 17] File exists: '{place}'. The service goes on; rows are dropped."
    ]


def test_kill_9_loses_what_was_not_in_a_file_yet_and_the_next_start_removes_what_is_left(tmp_path: Path) -> None:
    with logging_process(tmp_path) as process:
        safe = rows_in_files(process, 40)
    (tmp_path / f".half-{'0' * 8}-1").write_bytes(b"PAR1 and then the power went")
    found = values(tmp_path)
    assert found == [float(number) for number in range(len(found))]
    assert len(found) >= safe
    log = PredictionLog(tmp_path, SOON)
    until(lambda: len(left(tmp_path)) == 1)
    assert left(tmp_path) == [f".lock-{log._files.instance}"]
    log.close()
    assert values(tmp_path) == found
    assert left(tmp_path) == []


def test_two_processes_log_into_one_folder_and_neither_touches_the_others_files(tmp_path: Path) -> None:
    with logging_process(tmp_path) as process:
        rows_in_files(process, 1)
        other = next(path.name.split("-")[3] for path in tmp_path.glob("*.parquet"))
        mine = PredictionLog(tmp_path, Limits(flush_seconds=0.02, folder_bytes=1))
        log_some(mine, manifest(model_version=2), 30)
        until(lambda: mine.rows == 30)
        theirs = rows_in_files(process, 30)
        mine.close()
        found = [logged for logged in read(tmp_path, "the log") if logged.model_version == 1]
        assert sum(logged.table.num_rows for logged in found) >= theirs, f"a file of {other} is gone"
        assert not list(tmp_path.glob(f"*-{mine._files.instance}-*")), "its own are over the bound"


def test_a_reader_meets_no_half_file_and_no_row_twice_while_files_are_merged(tmp_path: Path) -> None:
    with logging_process(tmp_path) as process:
        rows_in_files(process, 20)
        for _ in range(30):
            found = values(tmp_path)
            assert found == [float(number) for number in range(len(found))]
        assert process.poll() is None


def test_a_merge_that_was_killed_before_its_sources_were_removed_is_ended_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = LogFiles(tmp_path, 2**30)
    with monkeypatch.context() as untidy:
        untidy.setattr(LogFiles, "tidy", lambda _: None)
        for number in range(log_files.FANOUT):
            written(tmp_path, answered(manifest(), "one", [[float(number)]]))
    sources = {path.name: path.read_bytes() for path in tmp_path.glob("*.parquet")}
    files.tidy()
    for name, content in sources.items():
        (tmp_path / name).write_bytes(content)
    expected = [float(number) for number in range(log_files.FANOUT)]
    assert values(tmp_path) == expected
    files.leave()
    LogFiles(tmp_path, 2**30).tidy()
    assert len(list(tmp_path.glob("*.parquet"))) == 1
    assert values(tmp_path) == expected


def test_no_model_is_asked_while_arrow_is_half_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """scikit-learn would look into the half-imported module."""
    half, whole, asked = threading.Event(), threading.Event(), threading.Event()
    monkeypatch.setattr(loaded, "_arrow_is_there", threading.Event())
    monkeypatch.setattr(importlib, "import_module", lambda _: (half.set(), whole.wait(10)))
    champion = object.__new__(loaded.Champion)
    champion._model = SimpleNamespace(predict=lambda _: asked.set() or 7)
    threads = [threading.Thread(target=loaded.import_arrow), threading.Thread(target=champion.predict, args=[None])]
    threads[0].start()
    assert half.wait(10)
    threads[1].start()
    assert not asked.wait(0.2)
    whole.set()
    for thread in threads:
        thread.join(10)
    assert asked.is_set()
    assert champion.predict(None) == 7
