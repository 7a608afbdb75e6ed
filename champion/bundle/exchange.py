"""Two folders change places in one act, where the system can do that."""

import ctypes
import errno
import functools
import os
import sys
from pathlib import Path
from typing import Any

_HERE = -100  # AT_FDCWD: a path counts from the working folder
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS
_CANNOT = frozenset({errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EPERM})


def exchange(one: Path, other: Path) -> bool:
    """Let two folders of one file system change places, so that neither place is ever empty.

    Source: renameat2(2) of Linux, renamex_np(2) of macOS. Returns False where the system or the file system cannot do
    it; nothing has changed then. Raises OSError when it fails for another reason.
    """
    call = _system_call()
    if call is None:
        return False
    first, second = os.fsencode(one), os.fsencode(other)
    failed = call(_HERE, first, _HERE, second, _EXCHANGE) if _on_linux() else call(first, second, _EXCHANGE)
    if not failed:
        return True
    reason = ctypes.get_errno()
    if reason in _CANNOT:
        return False
    raise OSError(reason, os.strerror(reason), str(other))


@functools.cache
def _system_call() -> Any:
    return getattr(ctypes.CDLL(None, use_errno=True), "renameat2" if _on_linux() else "renamex_np", None)


def _on_linux() -> bool:
    return sys.platform == "linux"
