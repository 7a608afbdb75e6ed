"""What a store keeps of runs and artifacts that are gone: snapshots, logs, metadata, empty folders, room in its database.

ZenML deletes a run with its steps. It keeps the run's snapshot until somebody asks for it (its client can), its logs as
files, and the metadata of both without an owner: these its client cannot delete, so in a local store SQLite is asked.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from champion.orchestration import artifact_files
from champion.orchestration.bucket import Bucket
from champion.orchestration.store import config_folder, database_of, is_local

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.client import Client

_WAIT_SECONDS = 30.0  # for whoever reads the database
_OWNERLESS = timedelta(minutes=10)  # ZenML writes metadata first and their owner a moment later
_BATCH = 500  # records that one statement names
_LOGS = "SELECT uri FROM logs WHERE uri IS NOT NULL"
_METADATA = """SELECT run_metadata.id, run_metadata.created, resource_id FROM run_metadata
LEFT JOIN run_metadata_resource ON run_metadata_id = run_metadata.id"""
_DELETE = """DELETE FROM run_metadata WHERE id IN ({}) AND NOT EXISTS
(SELECT 1 FROM run_metadata_resource WHERE run_metadata_id = run_metadata.id)"""


@dataclass(frozen=True)
class Leftovers:
    """What can go beside runs and artifacts: how many snapshots and logs, of which size, and the metadata by their ids.

    `kept` says in sentences what nobody needs and stays all the same, and why.
    """

    snapshots: int
    logs: tuple[str, ...]
    bytes: int
    metadata: tuple[str, ...]
    kept: tuple[str, ...]
    _snapshot_ids: tuple[UUID, ...] = field(default=(), repr=False)


def leftovers(
    client: Client, runs: Collection[Any], gone: Collection[UUID], logs: Collection[str], alone: bool, bucket: Bucket
) -> Leftovers:
    """What stays behind once these runs and all that is `gone` (runs, steps, artifacts) are deleted, with these `logs`.

    Where nobody else is at work in a local store (`alone`), what earlier deletions left behind counts too.
    """
    # ZenML may name one that nobody wrote
    logs = tuple(sorted(uri for uri in logs if _is_there(uri, bucket)))
    ids = tuple({run.snapshot.id for run in runs if run.snapshot is not None})
    if not (is_local(client) and alone):
        why = (
            "Metadata of what is gone stays on a server: ZenML's client cannot delete it. The room in its database is its "
            "operator's to free."
            if not is_local(client)
            else "Another process runs a pipeline: metadata of what is gone, what earlier calls left, and the room in the "
            "database stay until the next call."
        )
        unused = tuple(each for each in ids if _runs_of(client, each) <= {run.id for run in runs})
        return Leftovers(len(unused), logs, sum(_size(uri, bucket) for uri in logs), (), (why,), unused)
    orphans = client.prune_snapshots(datetime.now(UTC)).snapshot_count or 0
    try:
        with _database(client) as database:
            named = {uri for (uri,) in database.execute(_LOGS)}
            metadata = _ownerless(database.execute(_METADATA), {each.hex for each in gone})
    except sqlite3.Error as error:
        why = f"Metadata and logs of what is gone stay: the database does not answer ({error})."
        return Leftovers(len(ids) + orphans, logs, sum(_size(uri, bucket) for uri in logs), (), (why,))
    every = {*logs, *(str(path) for path in _log_files(client, named) if str(path) not in named)}
    return Leftovers(len(ids) + orphans, tuple(sorted(every)), sum(_size(uri, bucket) for uri in every), metadata, ())


def remove(client: Client, left: Leftovers, alone: bool) -> None:
    """Delete what was left behind, once the runs and artifacts are gone."""
    if is_local(client) and alone:
        client.prune_snapshots(datetime.now(UTC), apply=True)
        with contextlib.suppress(sqlite3.Error), _database(client) as database:
            for start in range(0, len(left.metadata), _BATCH):
                some = left.metadata[start : start + _BATCH]
                database.execute(_DELETE.format(",".join("?" * len(some))), some)
    else:
        for snapshot in left._snapshot_ids:  # noqa: SLF001 - of this module
            with contextlib.suppress(KeyError):
                client.delete_snapshot(snapshot)
    for uri in left.logs:
        with contextlib.suppress(
            Exception
        ):  # a store that is gone, or lies on another machine; it raises what it raises
            artifact_files.remove_log(client, uri)
    if is_local(client) and alone:
        _remove_empty_folders(config_folder() / "local_stores")


def compact(client: Client) -> tuple[int, str | None]:
    """Give the room that deleted records left in the database of a local store back to the disk.

    Returns the bytes that were freed, and why there were none where that was not to be. Nobody may be at work.
    """
    path = database_of(client)
    before = path.stat().st_size
    try:
        with _database(client) as database:
            if not database.execute("PRAGMA freelist_count").fetchone()[0]:
                return 0, None
            folders = (path.parent, Path(tempfile.gettempdir()))  # for the journal, and for the copy
            needed = Counter(folder.stat().st_dev for folder in folders)
            for folder in folders:
                free, want = shutil.disk_usage(folder).free, needed[folder.stat().st_dev] * before
                if free < want:
                    return 0, (
                        f"The database was not compacted: that takes {want / 1e6:.1f} MB in {folder}, and {free / 1e6:.1f} MB "
                        "are free. Make room, and run again."
                    )
            database.execute("VACUUM")
    except sqlite3.Error as error:
        return 0, f"The database was not compacted ({error}). What it holds is whole; run again."
    return before - path.stat().st_size, None


@contextlib.contextmanager
def _database(client: Client) -> Iterator[sqlite3.Connection]:
    """The database of a local store; each statement is a transaction."""
    path = database_of(client).resolve()
    uri = f"{path.as_uri()}?mode=rw"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=_WAIT_SECONDS, isolation_level=None)) as database:
        yield database


def _ownerless(rows: Iterator[tuple[str, str, str | None]], gone: Collection[str]) -> tuple[str, ...]:
    """The metadata that had no owner for a while, or whose owners are all about to go."""
    before = (datetime.now(UTC) - _OWNERLESS).replace(tzinfo=None).isoformat(" ")
    owners: dict[str, list[str]] = {}
    recent = set()
    for entry, created, owner in rows:
        owners.setdefault(entry, []).extend([] if owner is None else [owner])
        if owner is None and created > before:
            recent.add(entry)
    return tuple(entry for entry, them in owners.items() if all(each in gone for each in them) and entry not in recent)


def _log_files(client: Client, named: Collection[str]) -> list[Path]:
    """The log files in the store's own folder, where no other store writes."""
    own = config_folder().resolve()
    folders = {Path(uri).parent for uri in named if "://" not in uri} | {
        Path(client.active_stack.artifact_store.path) / "logs"
    }
    return [path for folder in folders if folder.resolve().is_relative_to(own) for path in folder.glob("*.log")]


def _runs_of(client: Client, snapshot: UUID) -> set[UUID]:
    return {run.id for run in client.list_pipeline_runs(snapshot_id=snapshot, size=100)}


def _is_there(uri: str, bucket: Bucket) -> bool:
    """Whether a log may be there: of another store than the active one nobody has looked."""
    if "://" not in uri:
        return Path(uri).is_file()
    return bool(bucket.size(uri)) or not (bucket.path and uri.startswith(f"{bucket.path}/"))


def _size(uri: str, bucket: Bucket) -> int:
    with contextlib.suppress(OSError, ValueError):
        return Path(uri).stat().st_size if "://" not in uri else bucket.size(uri)
    return 0


def _remove_empty_folders(folder: Path) -> None:
    for here, _, _ in os.walk(folder, topdown=False):
        if len(Path(here).relative_to(folder).parts) > 1:
            with contextlib.suppress(OSError):  # it is not empty
                Path(here).rmdir()
