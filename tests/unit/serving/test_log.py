"""The prediction log on real disks: what gets into it, what it may never do to a request, and what survives."""

import contextlib
import importlib
import itertools
import resource
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from champion.bundle.manifest import Manifest
from champion.bundle.predictions import Answered, read, table_of
from champion.modeling.features import Feature
from champion.modeling.predictor import Predictions
from champion.serving import loaded, log_files
from champion.serving.log import Limits, PredictionLog
from champion.serving.log_files import LogFiles
from tests.support.packages import about
from tests.support.serving.forked import FORK

MIXED = (
    Feature(name="x", kind="numeric", dtype="float64", nullable=True),
    Feature(name="colour | tint", kind="categorical", dtype="str", nullable=True, categories=("red",)),
    Feature(name="when", kind="datetime", dtype="str", nullable=True),
    Feature(name="paid", kind="boolean", dtype="bool", nullable=True),
)
SOON, NEVER = Limits(flush_seconds=0.02), Limits(flush_seconds=3600.0)


def manifest(features: tuple[Feature, ...] = MIXED[:1], model_version: int = 1, **changes: Any) -> Manifest:
    """What a champion of these features says about itself."""
    return Manifest(**about(model_version, signature=features, **changes), files={})


def answered(champion: Manifest, name: str, rows: Sequence[Any], probabilities: bool = True) -> Answered:
    """A request that was answered now: the second class for every row."""
    shares = np.tile([0.25, 0.75], (len(rows), 1)) if probabilities else None
    return Answered(time.time(), champion, name, rows, Predictions(np.ones(len(rows), dtype=np.int64), shares))


def log_some(log: PredictionLog, champion: Manifest, requests: int, start: int = 0) -> None:
    """So many requests; each row's value is the request's number."""
    for number in range(start, start + requests):
        log.add(answered(champion, f"r{number}", [[float(number)]]))


def written(folder: Path, *answers: Any) -> PredictionLog:
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


def put(files: LogFiles, number: int, began: str | None = None, model_version: int = 1) -> None:
    """Write a file with one request of this number."""
    table = table_of([answered(manifest(model_version=model_version), "one", [[float(number)]])])
    files.write([table], table.schema, began)


def left(folder: Path) -> list[str]:
    """What is in the folder but log files."""
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("predictions-"))


def until(true: Callable[[], bool]) -> None:
    """Wait for what another thread or process does; a minute is for a machine that is busy."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def log_on(folder: Path, told: Connection) -> None:
    """Log without an end, and tell how many rows are in files."""
    log, champion = PredictionLog(folder, SOON), manifest()
    for count in itertools.count():
        log_some(log, champion, 1, count)
        told.send(log.rows)
        time.sleep(0.001)


@contextlib.contextmanager
def logging_process(folder: Path) -> Iterator[Callable[[int], int]]:
    """A process that logs, killed with -9 at the end; waits until so many rows are in files, and gives how many are."""
    told, tells = FORK.Pipe(duplex=False)
    process = FORK.Process(target=log_on, args=(folder, tells), daemon=True)
    process.start()
    tells.close()
    try:
        yield lambda least: next(rows for rows in iter(told.recv, None) if rows >= least)
    finally:
        process.kill()
        process.join()


def test_an_answer_is_logged_with_every_kind_of_feature_whatever_shape_it_came_in(tmp_path: Path) -> None:
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
    asked = [[10**30, 1.0, "2026-01-31T12:00:00+01:00", 1], [2.5, "\ud800", None, 0]]
    written(tmp_path / "odd", answered(manifest(MIXED), "one", asked))
    assert [tuple(row["features"].values()) for row in rows_of(tmp_path / "odd")] == [
        (1e30, "1", datetime(2026, 1, 31, 11, tzinfo=UTC), True), (2.5, "?", None, False),
    ]  # fmt: skip


def test_a_value_without_a_type_costs_its_own_row_alone_and_after_the_end_rows_are_counted_as_dropped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    log = written(tmp_path, answered(manifest(MIXED), "one", [[object()] * 4] * 3))
    assert (log.rows, log.dropped["value"], caplog.records, list(tmp_path.iterdir())) == (0, 3, [], [])
    asked = ([[1.0], [object()], [3.0]], [[9.0]], [["text"]], [[9.0]])
    log = written(tmp_path, *(answered(manifest(), "one", rows) for rows in asked), None)
    assert values(tmp_path) == [1.0, 3.0, 9.0, 9.0]
    assert log.dropped == {"queue": 0, "disk": 0, "value": 3}
    log_some(log, manifest(), 4)
    assert log.dropped["queue"] == 4, "what comes after the end"
    assert left(tmp_path) == []


def test_a_refit_keeps_the_number_and_its_answers_lie_in_files_of_their_own_with_its_hash(tmp_path: Path) -> None:
    models = [manifest().model_copy(update={"files": {"model.skops": letter * 64}}) for letter in "ab"]
    log = written(tmp_path / "log", *(answered(each, "one", [[1.0]]) for each in models for _ in range(2)))
    assert (log.rows, len(list((tmp_path / "log").glob("*.parquet")))) == (4, 2)
    found = [(each.model_version, each.model, each.table.num_rows) for each in read(tmp_path / "log", "log")]
    assert sorted(found) == [(1, "a" * 64, 2), (1, "b" * 64, 2)]


def test_a_file_holds_one_model_version_be_it_with_or_without_probabilities(tmp_path: Path) -> None:
    one, two = manifest(), manifest(model_version=2, classes=("yes", "no"))
    written(tmp_path, *(answered((one, two)[number % 2], "one", [[1.0]], number in (2, 3)) for number in range(6)))
    assert [(row["model_version"], row["label"], row["probabilities"]) for row in rows_of(tmp_path)] == [
        (version, label, shares) for version, label in ((1, "yes"), (2, "no")) for shares in (None, [0.25, 0.75], None)
    ]
    assert sorted(path.name.split("-")[1] for path in tmp_path.glob("*.parquet")) == ["v1", "v2"]


def test_a_large_request_is_logged_whole_with_codes_of_any_width(tmp_path: Path) -> None:
    answers = answered(manifest(classes=(False, 1)), "big", [[float(number)] for number in range(3500)])
    codes = np.ones(3500, dtype=np.int32)
    codes[1234] = 0
    written(tmp_path, answers._replace(predictions=Predictions(codes, None)))
    assert values(tmp_path) == [row[0] for row in answers.rows]
    assert [row["label"] for row in rows_of(tmp_path)] == ["1"] * 1234 + ["False"] + ["1"] * 2265


@pytest.mark.parametrize(
    ("limits", "text", "kept"), [(Limits(queue_rows=10), "x", 10), (Limits(queue_bytes=100_000), "x" * 10_000, 2)]
)
def test_what_is_beyond_the_queue_in_rows_or_in_bytes_is_dropped_and_counted_and_nothing_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: Limits, text: str, kept: int
) -> None:
    stuck, goes_on = threading.Event(), threading.Event()
    monkeypatch.setattr(LogFiles, "claim", lambda _: (stuck.set(), goes_on.wait(60)))
    log, champion = PredictionLog(tmp_path, limits), manifest(MIXED[1:2])
    assert stuck.wait(60)
    for _ in range(25):
        log.add(answered(champion, "one", [[text]]))
    assert log.dropped == {"queue": 25 - kept, "disk": 0, "value": 0}
    goes_on.set()
    log.close()
    assert log.rows == kept


def test_small_files_become_larger_ones_without_a_row_lost_or_doubled(tmp_path: Path) -> None:
    files = LogFiles(tmp_path, 2**30)
    for number in range(170):
        put(files, number, model_version=1 + number // 150)
        files.tidy()
    names = [path.name for path in tmp_path.glob("*.parquet")]
    assert len(names) <= 2 * 2 * log_files.FANOUT
    assert values(tmp_path) == [float(number) for number in range(170)]
    versions = [logged.model_version for logged in read(tmp_path, "the log")]
    assert versions == sorted(versions)
    files.leave()


def test_the_folder_stays_within_its_bound_and_the_oldest_go(tmp_path: Path) -> None:
    files = LogFiles(tmp_path, 12_000)
    for number in range(8):
        put(files, number, f"2000010{number + 1}T000000Z")
    broken = tmp_path / "predictions-v1-20000101T000000Z-0000000a-1.parquet"
    broken.write_bytes(bytes(2_000))  # cannot be read, so it stays, but counts
    files.tidy()
    files.leave()
    assert sum(path.stat().st_size for path in tmp_path.glob("*.parquet")) <= 12_000
    broken.unlink()
    kept = values(tmp_path)
    assert kept == [float(number) for number in range(8 - len(kept), 8)]
    assert 0 < len(kept) < 8


def test_a_disk_that_refuses_costs_rows_leaves_nothing_half_written_is_told_once_and_the_log_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "log"
    place.write_text("in the way", encoding="utf-8")
    log, champion = PredictionLog(place, SOON), manifest()
    log_some(log, champion, 2)
    until(lambda: log.dropped["disk"] == 2)
    place.unlink()
    log_some(log, champion, 1, start=5)
    until(lambda: log.rows == 1)
    allowed = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, allowed[1]))  # as if the disk were full after so many bytes
    try:
        log_some(log, champion, 5, start=6)
        until(lambda: log.dropped["disk"] == 7)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, allowed)
    log_some(log, champion, 1, start=19)
    until(lambda: log.rows == 2)
    log.close()
    assert (values(place), left(place)) == ([5.0, 19.0], [])
    assert [record.message for record in caplog.records] == [
        f"The prediction log fails: {error}. The service goes on; rows are dropped."
        for error in (f"[Errno 17] File exists: '{place}'", "[Errno 27] File too large")
    ]


def test_a_reader_meets_no_half_file_and_no_row_twice_and_kill_9_loses_what_is_in_no_file_yet(tmp_path: Path) -> None:
    with logging_process(tmp_path) as rows_in_files:
        rows_in_files(20)
        for _ in range(30):
            found = values(tmp_path)
            assert found == [float(number) for number in range(len(found))]
        safe = rows_in_files(40)
    (tmp_path / f".half-{'0' * 8}-1").write_bytes(b"PAR1 and then the power went")
    found = values(tmp_path)
    assert found == [float(number) for number in range(len(found))]
    assert len(found) >= safe
    log = PredictionLog(tmp_path, SOON)
    until(lambda: left(tmp_path) == [f".lock-{log._files.instance}"])
    log.close()
    assert (values(tmp_path), left(tmp_path)) == (found, [])


def test_two_processes_log_into_one_folder_and_neither_touches_the_others_files(tmp_path: Path) -> None:
    with logging_process(tmp_path) as rows_in_files:
        rows_in_files(1)
        mine = PredictionLog(tmp_path, Limits(flush_seconds=0.02, folder_bytes=1))
        log_some(mine, manifest(model_version=2), 30)
        until(lambda: mine.rows == 30)
        theirs = rows_in_files(30)
        mine.close()
        found = [logged.table.num_rows for logged in read(tmp_path, "the log") if logged.model_version == 1]
        assert sum(found) >= theirs, "a file of the other is gone"
        assert not list(tmp_path.glob(f"*-{mine._files.instance}-*")), "its own are over the bound"


def test_a_merge_that_was_killed_before_its_sources_were_removed_is_ended_by_the_next(tmp_path: Path) -> None:
    files = LogFiles(tmp_path, 2**30)
    for number in range(log_files.FANOUT):
        put(files, number)
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
