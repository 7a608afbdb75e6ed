"""The hash of a large table, begun while ZenML is imported: hashing leaves the interpreter free."""

from __future__ import annotations

import contextlib
import hashlib
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

LARGE = 32 * 2**20  # bytes; below, a thread saves nothing

_begun: dict[Path, tuple[tuple[int, int], Future[str]]] = {}


def md5(path: Path) -> str:
    """Hash a file, or wait for the hash that was begun early, if the file is still the same."""
    state, hashing = _begun.pop(path, (None, None))
    if hashing is not None and state == _state(path):
        return hashing.result()
    return _md5(path)


def hash_early(path: Path) -> None:
    """Begin to hash a large file."""
    with contextlib.suppress(OSError):  # what is wrong with the file is told where it is read
        if path.stat().st_size >= LARGE:
            _begun[path] = (_state(path), ThreadPoolExecutor(1).submit(_md5, path))


def _state(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_size, found.st_mtime_ns


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
