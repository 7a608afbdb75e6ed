"""The prediction log: what the service answered, for looking at drift, without a request that waits for it.

A request leaves references behind, a few microseconds; one thread makes Parquet files of them every few seconds. What
comes faster than it can be written is dropped and counted, as is what a full disk refuses. `kill -9` loses what was not
written yet, the last seconds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from champion.bundle.manifest import Manifest
from champion.bundle.predictions import Answered, table_of
from champion.serving.loaded import import_arrow
from champion.serving.log_files import LogFiles

if TYPE_CHECKING:
    import pyarrow as pa

REASONS = ("queue", "disk", "value")  # why rows are dropped: too many wait, the disk refuses, a value has no type
_CHUNK = 1000  # rows that are made a table of at once: as long as a request may have to wait for the interpreter
_VALUE_BYTES = 64  # about what one value of a row holds, text apart

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """The bounds of a log.

    `flush_seconds`: how long an answer waits for its file at most. `flush_rows`, `flush_bytes`: how many rows, and
    bytes of them in memory, go to a file without waiting. `queue_rows`, `queue_bytes`: how many may wait for the
    writer; what is beyond is dropped. `folder_bytes`: how large the folder may become; the oldest files go.
    """

    flush_seconds: float = 5.0
    flush_rows: int = 50_000
    flush_bytes: int = 16 * 2**20
    queue_rows: int = 100_000
    queue_bytes: int = 32 * 2**20
    folder_bytes: int = 256 * 2**20


class PredictionLog:
    """Logs answers into a folder from a thread of its own; several processes may log into one folder.

    `folder`: where the files go; made when it is not there. `dropped` (dict of str to int): how many were dropped, by
    each of `REASONS`.
    """

    def __init__(self, folder: Path, limits: Limits | None = None) -> None:
        self.rows = 0
        self.dropped = dict.fromkeys(REASONS, 0)
        self._limits = limits or Limits()
        self._files = LogFiles(folder, self._limits.folder_bytes)
        self._lock = threading.Lock()
        self._queue: list[Answered] = []
        self._queued_rows = self._queued_bytes = 0
        self._texts: tuple[Manifest | None, list[int]] = (None, [])
        self._wake = threading.Event()
        self._closing = False
        self._failing = False
        self._pending: dict[bytes, list[pa.Table]] = {}  # by schema, which says the model version
        self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
        self._thread.start()

    def add(self, answered: Answered) -> None:
        """Leave the answers of one request to the writer; never waits for it, and never raises."""
        try:
            count, size = len(answered.rows), self._size(answered)
            with self._lock:
                if (
                    self._closing
                    or self._queued_rows + count > self._limits.queue_rows
                    or self._queued_bytes + size > self._limits.queue_bytes
                ):
                    self.dropped["queue"] += count
                    return
                self._queue.append(answered)
                full = self._queued_rows < _CHUNK <= self._queued_rows + count
                self._queued_rows += count
                self._queued_bytes += size
            if full:
                self._wake.set()
        except Exception:  # an answer matters more than its trace
            self.dropped["value"] += 1

    def close(self, seconds: float = 10.0) -> None:
        """Write what waits, and stop; what comes later is dropped. Waits for the writer so many seconds at most."""
        self._closing = True
        self._wake.set()
        self._thread.join(seconds)

    def _size(self, answered: Answered) -> int:
        """About how many bytes an answer holds while it waits."""
        manifest, rows = answered.manifest, answered.rows
        known, texts = self._texts
        if known is not manifest:
            texts = [number for number, each in enumerate(manifest.signature) if each.kind == "categorical"]
            self._texts = manifest, texts
        width = len(manifest.signature) + len(manifest.classes)
        letters = (
            sum([len(row[number]) for row in rows for number in texts if type(row[number]) is str]) if texts else 0
        )
        return 200 + len(rows) * width * _VALUE_BYTES + 4 * letters

    def _run(self) -> None:
        due = time.monotonic() + self._limits.flush_seconds
        self._guarded(self._files.claim)
        while True:
            self._wake.wait(max(0.0, due - time.monotonic()))
            self._wake.clear()
            last = self._closing
            for answers in self._taken():
                import_arrow()
                self._guarded(self._convert, answers)
            if last or time.monotonic() >= due:
                self._flush()
                due = time.monotonic() + self._limits.flush_seconds
            if last:
                self._guarded(self._files.leave)
                return

    def _taken(self) -> list[list[Answered]]:
        """What waits, in chunks of one champion."""
        with self._lock:
            answers, self._queue = self._queue, []
            self._queued_rows = self._queued_bytes = 0
        chunks: list[list[Answered]] = []
        filled = _CHUNK
        for answered in answers:
            count = len(answered.rows)
            for start in range(0, count, _CHUNK):  # a large request in parts
                part = answered if count <= _CHUNK else answered.part(range(start, min(start + _CHUNK, count)))
                if filled + len(part.rows) > _CHUNK or chunks[-1][0].manifest is not part.manifest:
                    chunks.append([])
                    filled = 0
                chunks[-1].append(part)
                filled += len(part.rows)
        return chunks

    def _convert(self, answers: list[Answered]) -> None:
        count = sum(len(each.rows) for each in answers)
        try:
            table = table_of(answers)
        except Exception:  # counted, and told by _guarded
            self.dropped["value"] += count
            raise
        self.dropped["value"] += count - table.num_rows
        if table.num_rows:
            self._pending.setdefault(table.schema.serialize().to_pybytes(), []).append(table)
        pending = [table for group in self._pending.values() for table in group]
        rows, size = sum(table.num_rows for table in pending), sum(int(table.nbytes) for table in pending)
        if rows >= self._limits.flush_rows or size >= self._limits.flush_bytes:
            self._flush()

    def _flush(self) -> None:
        groups, self._pending = self._pending, {}
        if not groups:
            return
        import pyarrow as pa

        for tables in groups.values():
            joined = pa.concat_tables(tables).combine_chunks()
            if self._guarded(self._files.write, [joined], joined.schema):
                self.rows += joined.num_rows
                self._failing = False
            else:
                self.dropped["disk"] += joined.num_rows
        self._guarded(self._files.tidy)

    def _guarded(self, act: Callable[..., None], *given: object) -> bool:
        """Do something; whatever fails, the thread goes on. Said once until it works again."""
        try:
            act(*given)
        except Exception as error:  # a log that fails must not end its thread
            if not self._failing:
                _logger.warning("The prediction log fails: %s. The service goes on; rows are dropped.", error)
            self._failing = True
            return False
        return True
