"""Temporary folders of this process, and what a killed process left of its own: the next command removes it.

A folder belongs to whoever holds its lock, which the system frees when its holder ends in whatever way.
"""

import atexit
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


def lasting() -> Path:
    """A temporary folder for as long as this process lives. Raises OSError when none can be made."""
    block = scratch()
    folder = block.__enter__()
    atexit.register(block.__exit__, None, None, None)
    return folder


@contextlib.contextmanager
def noted(unfinished: Path) -> Iterator[None]:
    """Note for the length of a block what is being written elsewhere, a file or a folder whose name ends in `UNFINISHED`."""
    with contextlib.ExitStack() as ended:
        with contextlib.suppress(OSError):  # without room for a note, a kill leaves it
            (ended.enter_context(scratch()) / f"a{UNFINISHED}").symlink_to(unfinished.absolute())
        yield


def sweep() -> None:
    """Remove what no living process holds, of this user: the folders, and the unfinished things that their links lead to."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # held, somebody else's, or swept by another process meanwhile
            if folder.lstat().st_uid != os.getuid():
                continue
            with (folder / _LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for link in folder.glob(f"*{UNFINISHED}"):
                    if link.is_symlink() and (left := link.readlink()).name.endswith(UNFINISHED):
                        shutil.rmtree(left) if left.is_dir() else left.unlink(missing_ok=True)
                shutil.rmtree(folder)
