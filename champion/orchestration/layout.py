"""A local store that version 0.1 of the project filled is refused before anything is read: its records name code that is gone.

A store in which this version has looked is marked by a file, so that nobody looks twice. What version 0.1 left on a server,
which cannot be moved away, is read in place (see `champion.orchestration.old_names`).
"""

import contextlib
import sqlite3
from pathlib import Path

from champion.errors import StoreError

MARK = "layout"  # beside ZenML's config.yaml
_OLD_RECORD = """SELECT 1 FROM artifact_version WHERE materializer LIKE '{"module":"ops.%' LIMIT 1"""


def refuse_old(folder: Path, database: Path) -> None:
    """Refuse a store that version 0.1 wrote into with a `StoreError`, and mark any other in ZenML's own `folder`."""
    mark = folder / MARK
    if mark.exists() or not database.is_file():
        return
    if _has_old_records(database):
        away = f"mv {folder.name} ../{folder.name.lstrip('.')}-0.1"
        raise StoreError(
            f"The ZenML store in {folder} was filled by version 0.1 of this project, whose records name code that is gone. "
            f"Move it away (`{away}`) and run again: the champion comes back from its package (`make pull` fetches it), with "
            "its number and with what was withdrawn. The other versions' records stay behind in the old store; "
            "docs/upgrade.md says more."
        )
    with contextlib.suppress(OSError):  # a folder that cannot be written is looked at each time
        mark.write_text("0.2\n", encoding="utf-8")


def _has_old_records(database: Path) -> bool:
    try:
        with contextlib.closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute(_OLD_RECORD).fetchone() is not None
    except sqlite3.Error:  # no store, or a broken one: ZenML says which
        return False
