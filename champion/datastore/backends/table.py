"""The kinds of remotes that are known here: a new kind is a module and a row."""

from __future__ import annotations

from champion.datastore.backends.base import RemoteBackend
from champion.datastore.backends.drive.backend import DriveBackend
from champion.datastore.backends.folder import FolderBackend
from champion.datastore.backends.other import OtherBackend

BACKENDS: tuple[RemoteBackend, ...] = (
    DriveBackend(),
    FolderBackend(),
    OtherBackend(),
)  # the last one takes every address


def backend_of(url: str) -> RemoteBackend:
    """The first kind that an address is of."""
    return next(backend for backend in BACKENDS if backend.matches(url))
