"""The files of a prediction log: written whole, merged as they pile up, the oldest removed when there are too many.

Each process writes under a name of its own, its instance, and holds a lock as long as it lives. What belongs to a
process that is gone is looked after by whoever comes next, one at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
import secrets
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from champion.bundle.plain_files import opened
from champion.bundle.predictions import NAME, PATTERN, merged_from, version_of, with_sources

if TYPE_CHECKING:
    import pyarrow as pa

FANOUT = 12  # files of one tier that become one of the next: files of 5 seconds, 1 minute, 12 minutes, 2 hours, ...
LARGEST_MERGED = 8 * 2**20  # bytes of the files that become one, together
_GROUP = 20_000  # rows of a row group
_DEAD = 600.0  # seconds after which a half-written file is nobody's, where the file system has no locks
_LOCK, _HALF = ".lock-", ".half-"


@dataclass(frozen=True)
class Held:
    """A file of the log, with what its name and its footer say. `lives`: whether another process looks after it."""

    path: Path
    instance: str
    size: int  # bytes
    rows: int
    schema: pa.Schema
    lives: bool = False


class LogFiles:
    """The files of one process in a folder that others may use too.

    `folder`: where they are; made when it is not there. `most`: bytes that all files of the folder may take together.
    """

    def __init__(self, folder: Path, most: int) -> None:
        self.folder = folder
        self.instance = secrets.token_hex(4)
        self._most = most
        self._number = 0
        self._lock: int | None = None
        self._lock_path = folder / f"{_LOCK}{self.instance}"
        self._footers: dict[str, Held] = {}

    def write(self, tables: Iterable[pa.Table], schema: pa.Schema, began: str | None = None) -> None:
        """Write one file, a row group for each table; nobody sees it before it is whole.

        `began`: the time in the file's name; now if left out. Raises OSError when the disk refuses; nothing is left of
        it then.
        """
        import pyarrow.parquet as pq

        self._claim()
        self._number += 1
        moment = began or f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        name = f"predictions-v{version_of(schema)}-{moment}-{self.instance}-{self._number}.parquet"
        half = self.folder / f"{_HALF}{self.instance}-{self._number}"
        try:
            with half.open("wb") as file:
                with pq.ParquetWriter(file, schema, compression="zstd") as writer:
                    for table in tables:
                        writer.write_table(table)
                file.flush()
                os.fsync(file.fileno())
            half.rename(self.folder / name)
        finally:
            half.unlink(missing_ok=True)

    def claim(self) -> None:
        """Have the folder, and remove what killed processes left half-written; reads no file."""
        self._claim()
        with self._alone():
            pass

    def tidy(self) -> None:
        """Merge small files, keep the folder within its bound, and remove what killed processes left half-written."""
        self._claim()
        with self._alone() as alone:
            files = self._held()
            contained = frozenset[str]().union(*(merged_from(each.schema) for each in files))
            for each in files:  # a process may have been killed before it removed what it had merged
                if each.path.name in contained and not each.lives:
                    each.path.unlink(missing_ok=True)
            whole = [each for each in files if each.path.name not in contained]
            for group in _piles(each for each in whole if each.instance == self.instance or (alone and not each.lives)):
                sources = with_sources(group[0].schema, [each.path.name for each in group])
                self.write(_row_groups([each.path for each in group]), sources, _age(group[0].path)[0])
                for each in group:
                    each.path.unlink(missing_ok=True)
        over = sum(map(_size, self.folder.glob(PATTERN))) - self._most
        for each in self._held() if over > 0 else ():
            if over > 0 and not each.lives:  # those of one that lives are its own to remove
                each.path.unlink(missing_ok=True)
                over -= each.size

    def leave(self) -> None:
        """Give up the lock: others look after the files from now on."""
        if self._lock is not None:
            with contextlib.suppress(OSError):
                self._lock_path.unlink()
            os.close(self._lock)
            self._lock = None

    def _claim(self) -> None:
        """Have the folder, and in it the lock that tells others that this process lives."""
        if self._lock is not None and self._lock_path.exists():
            os.utime(self._lock)
            return
        self.leave()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[bool]:
        """Whether this process, for the moment, is the one that looks after what those that are gone have left."""
        handle = os.open(self.folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            alone = False
            with contextlib.suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                alone = True
                self._remove_halves()
            yield alone
        finally:
            os.close(handle)

    def _lives(self, instance: str) -> bool:
        """Whether another process holds its lock; the lock of one that is gone is removed."""
        path = self.folder / f"{_LOCK}{instance}"
        try:
            handle = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError:
            return True  # another user's
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # no locks here: a living one touches its file whenever it writes
            return time.time() - os.fstat(handle).st_mtime < _DEAD
        else:
            path.unlink(missing_ok=True)
            return False
        finally:
            os.close(handle)

    def _remove_halves(self) -> None:
        for path in self.folder.glob(f"{_HALF}*"):
            instance = path.name.removeprefix(_HALF).partition("-")[0]
            with contextlib.suppress(OSError):
                old = time.time() - path.stat().st_mtime > _DEAD
                if instance != self.instance and (old or not self._lives(instance)):
                    path.unlink()
        for path in self.folder.glob(f"{_LOCK}*"):
            if path != self._lock_path:
                self._lives(path.name.removeprefix(_LOCK))

    def _held(self) -> list[Held]:
        """The files of the folder, oldest first; what cannot be read is left out."""
        names = {path.name: match[3] for path in self.folder.glob(PATTERN) if (match := NAME.fullmatch(path.name))}
        lives = {instance: instance != self.instance and self._lives(instance) for instance in set(names.values())}
        files = {name: self._footers.get(name) or _footer(self.folder / name, names[name]) for name in names}
        self._footers = {name: replace(each, lives=lives[each.instance]) for name, each in files.items() if each}
        return sorted(self._footers.values(), key=lambda each: _age(each.path))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # another process has merged it meanwhile
        return 0


def _footer(path: Path, instance: str) -> Held | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with opened(path) as file:
            footer = pq.ParquetFile(file)
            size = os.fstat(file.fileno()).st_size
            return Held(path, instance, size, footer.metadata.num_rows, footer.schema_arrow)
    except (OSError, pa.ArrowException):
        return None


def _age(path: Path) -> tuple[str, str]:
    """The time in a file's name, and the name."""
    return path.name.split("-")[2], path.name


def _piles(files: Iterable[Held]) -> list[list[Held]]:
    """The files that are to be merged: enough of one tier and one schema, and together not too large."""
    tiers: dict[tuple[bytes, int], list[Held]] = defaultdict(list)
    for each in files:
        tier = next(power for power in itertools.count() if each.rows < FANOUT ** (power + 1))
        tiers[with_sources(each.schema, ()).serialize().to_pybytes(), tier].append(each)
    piles = [group[:FANOUT] for group in tiers.values() if len(group) >= FANOUT]
    return [pile for pile in piles if sum(each.size for each in pile) <= LARGEST_MERGED]


def _row_groups(paths: Iterable[Path]) -> Iterator[pa.Table]:
    """The rows of some files, so many at a time that memory does not grow with them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    waiting: list[pa.RecordBatch] = []
    for path in paths:
        with opened(path) as file:
            for batch in pq.ParquetFile(file).iter_batches(batch_size=_GROUP, use_threads=False):
                waiting.append(batch)
                if sum(each.num_rows for each in waiting) >= _GROUP:
                    yield pa.Table.from_batches(waiting)
                    waiting = []
    if waiting:
        yield pa.Table.from_batches(waiting)
