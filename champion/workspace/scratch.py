"""Temporary folders of this process, and what a killed process left of its own: the next command removes it.

A folder belongs to whoever holds its lock, which the system frees when its holder ends in whatever way.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

UNFINISHED = ".unfinished"  # ends the name of a file that is being written elsewhere; a link in a folder leads to it
_PREFIX, _LOCK = "champion-scratch-", "lock"


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A temporary folder for the length of a block. Raises OSError when none can be made."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
        with (folder / _LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (folder / _LOCK).exists():
                continue  # another process swept it before it was held
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            return


def sweep() -> None:
    """Remove what no living process holds, of this user: the folders, and the unfinished files that their links lead to."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # held, somebody else's, or swept by another process meanwhile
            if folder.lstat().st_uid != os.getuid():
                continue
            with (folder / _LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for link in folder.glob(f"*{UNFINISHED}"):
                    if link.is_symlink() and (left := link.readlink()).name.endswith(UNFINISHED):
                        left.unlink(missing_ok=True)
                shutil.rmtree(folder)
