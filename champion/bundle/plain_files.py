"""Files of a folder into which others write: regular ones alone, so that none is waited for, and none has no end."""

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_CACHED = re.compile(r"/[0-9a-f]{2}/[0-9a-f]{30}$")  # a file's place in DVC's cache, whatever folder that is in
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC


@contextlib.contextmanager
def opened(path: Path, folder: int | None = None) -> Iterator[BinaryIO]:
    """A file to read from; it is looked at before it is opened, and opening it never waits.

    `folder`: a descriptor of the path's folder: a file, no link, is opened in that very folder, whatever has taken its place
    meanwhile.

    A link counts as the file that it ends at, within the folder of the link or in DVC's cache: a ConfigMap's volume and a
    checkout of DVC with `cache.type symlink` are made of such links. Raises OSError where it ends elsewhere, or where the file
    is no regular one: a FIFO, a device, a socket, a folder.
    """
    file: Path | str = path if folder is None else path.name
    status = os.stat(file, dir_fd=folder, follow_symlinks=False)
    if stat.S_ISLNK(status.st_mode):
        # unlike Path.resolve, this raises OSError for a circle of links
        real, folder = Path(os.path.realpath(path, strict=True)), None
        if not (real.is_relative_to(path.parent.resolve()) or in_dvc_cache(real)):
            raise OSError(errno.ELOOP, "it is a link to a file elsewhere", str(path))
        file, status = real, real.stat()
    _require_regular(status, path)
    descriptor = os.open(file, _FLAGS, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as content:
        _require_regular(os.fstat(descriptor), path)  # another file may have come meanwhile
        yield content


def in_dvc_cache(real: Path) -> bool:
    """Whether a file, no link, lies where DVC's cache keeps a content: nothing may be written there."""
    return bool(_CACHED.search(real.as_posix()))


def _require_regular(status: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
