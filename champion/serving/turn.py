"""One replica after another: whose turn it is to load a package from a folder that several processes look at.

Whoever loads holds a lock on the folder, which the system frees when its holder ends in whatever way; it needs no right to write.
Where the file system has no locks (NFS, for who may only read), each waits for a random while.
"""

import fcntl
import os
import random
import time
from pathlib import Path

FREE = -1  # a turn that holds no lock
_LONGEST = 60.0  # seconds that another one may keep the turn; a disk may keep it for ever
_SPREAD = 10.0  # seconds over which those without a lock are spread


class Turns:
    """The turns of one process."""

    def __init__(self) -> None:
        self._of: object = None
        self._since = self._ready = 0.0

    def take(self, folder: Path, state: object) -> int | None:
        """A turn to load this state of a folder, to be given to `give_back`; None where another one has it: ask again later."""
        now = time.monotonic()
        if state != self._of:
            self._of, self._since, self._ready = state, now, now + random.uniform(0, _SPREAD)  # noqa: S311 - no secret
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:  # nothing is there to be loaded
            return FREE
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return None if now < self._since + _LONGEST else FREE
        except OSError:
            os.close(handle)
            return FREE if now >= self._ready else None
        return handle


def give_back(turn: int) -> None:
    """Let the next one load."""
    if turn != FREE:
        os.close(turn)
