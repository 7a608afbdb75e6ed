"""A local store that is not there yet: made beside its place, and moved in whole.

ZenML makes one in its place, by hundreds of statements. A process that ends in the middle leaves tables that ZenML refuses
from then on, and a second process that begins meanwhile takes them for a store.
"""

import contextlib
import shutil
import sqlite3
import tempfile
from pathlib import Path

from champion.orchestration.patches import A_STACK

_UNFINISHED = ".making-"
_FILES = ("-journal", "-wal", "-shm", "")  # what SQLite keeps beside a database, and the database


def is_whole(database: Path) -> bool:
    """Whether a store is there; half of one has no stack yet, and so nothing of anybody's.

    A file that cannot be read as a database counts as whole: what is wrong with it, ZenML says.
    """
    if not database.is_file():
        return False
    try:
        # writable, since what a killed process left unfinished is taken back at the first look
        with contextlib.closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=rw", uri=True)) as connection:
            return connection.execute(A_STACK).fetchone() is not None
    except sqlite3.Error as error:
        return "no such table" not in str(error)


def make(database: Path) -> None:
    """Make a store in the place of none, or of half of one; whoever calls holds the place.

    What others left who were killed in the middle goes.
    """
    from zenml.zen_stores.sql_zen_store import SqlZenStore, SqlZenStoreConfiguration

    for left in database.parent.glob(f"{_UNFINISHED}*"):
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=database.parent) as folder:
        made = Path(folder) / database.name
        SqlZenStore(
            config=SqlZenStoreConfiguration(url=f"sqlite:///{made}"), skip_default_registrations=False
        ).engine.dispose()
        for suffix in _FILES:
            database.with_name(database.name + suffix).unlink(missing_ok=True)
        made.replace(database)
