"""The kinds of remotes that are known here: a new kind is a module and a row."""

from champion.datastore.backends.base import RemoteBackend
from champion.datastore.backends.drive.backend import DriveBackend
from champion.datastore.backends.folder import FolderBackend
from champion.datastore.backends.other import OtherBackend

# The last one takes every address.
BACKENDS: tuple[RemoteBackend, ...] = (DriveBackend(), FolderBackend(), OtherBackend())
SECRETS = tuple(name for backend in BACKENDS for name in backend.secrets)
"""The environment variables that hold credentials of any kind of remote."""


def backend_of(url: str) -> RemoteBackend:
    """The kind that an address is of."""
    scheme = url.partition("://")[0] if "://" in url else ""
    return next((backend for backend in BACKENDS if scheme in backend.schemes), BACKENDS[-1])
