"""Hot reload: a new package in its place becomes the champion of a running service.

A look costs a handful of `stat` calls. What changed is read, verified, loaded and proved in a thread while the old
champion answers; then one reference is swapped. A package that is refused changes nothing but what `/readyz` says.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from champion.bundle.folder import read
from champion.errors import PackageError, ProjectError
from champion.serving.champion import Champion
from champion.serving.state import State

_AGAIN = (
    30.0  # seconds after which a refused package is tried again, though nothing changed: memory may have been short
)

_logger = logging.getLogger(__name__)

Tell = Callable[[str, str | None], None]


class Watcher:
    """Looks after the package of one service.

    Parameters
    ----------
    tell : callable
        Is told what happened (``loaded``, ``refused`` or ``back``), and why where it was refused.
    """

    def __init__(self, state: State, tell: Tell) -> None:
        self._state, self._tell = state, tell
        self._folder, self._shown = state.options.package, state.options.shown
        self._seen: object = ()
        self._again = 0.0

    async def watch(self) -> None:
        """Look again and again, until it is cancelled."""
        while True:
            await asyncio.sleep(self._state.options.reload_seconds)
            try:
                await self.look()
            except Exception:  # a look that fails is not the last one
                _logger.exception("Looking at %s failed", self._shown)

    async def look(self) -> None:
        """Look once; take over what is new."""
        stamp = await asyncio.to_thread(_stamp, self._folder)
        waits = self._state.refused is None or time.monotonic() < self._again
        if stamp == self._seen and waits:
            return
        self._seen, self._again = stamp, time.monotonic() + _AGAIN
        try:
            found = await asyncio.to_thread(self._load)
        except ProjectError as error:
            self._refuse(str(error))
        except Exception as error:  # what a package does to the libraries that load it is not ours to foresee
            _logger.exception("%s could not be loaded", self._shown)
            self._refuse(f"{self._shown} could not be loaded: {type(error).__name__}.")
        else:
            self._take(found)

    def _load(self) -> Champion | None:
        """The champion in the folder: a new one, the present one where nothing is new, or none."""
        package = read(self._folder, self._shown)
        if package is None:
            return None
        present = self._state.champion
        if present is not None and package.manifest == present.manifest:
            return present
        expected = self._state.options.use_case or (present.manifest.use_case if present else None)
        if expected not in (None, package.manifest.use_case):
            raise PackageError(
                f"{self._shown} is refused: it is a package of the use case {package.manifest.use_case!r}, not of "
                f"{expected!r}. Put the right one there; start a service of its own for another use case."
            )
        return Champion(package, self._shown)

    def _take(self, found: Champion | None) -> None:
        present = self._state.champion
        if found is None:
            if present is not None:
                self._refuse(f"{self._shown} is gone; the champion that was there goes on.")
            elif self._state.refused is not None:
                self._state.accept("back")
        elif found is not present:
            self._state.adopt(found)
            self._tell("loaded", None)
        elif self._state.refused is not None:
            self._state.accept("back")
            self._tell("back", None)

    def _refuse(self, reason: str) -> None:
        if reason != self._state.refused:
            self._tell("refused", reason)
        self._state.refuse(reason)


def _stamp(folder: Path) -> object:
    """What tells one state of the folder from another, without reading a file."""
    try:
        with os.scandir(folder) as entries:
            found = [(entry.name, entry.stat()) for entry in entries]
    except OSError as error:
        return error.errno
    return tuple(sorted((name, stat.st_ino, stat.st_mtime_ns, stat.st_size) for name, stat in found))
