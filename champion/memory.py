"""How the command line's process handles memory."""

from __future__ import annotations

import ctypes
import gc

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's mallopt
_MOST = 2**31 - 1


def keep_freed() -> None:
    """Keep freed memory for the next table, and collect nothing.

    glibc gives a freed table back to the system at once, and the next one pays for fresh pages: a second in a run over
    a million rows. Collections during the imports cost more than they free in a process that is short-lived.
    """
    gc.disable()
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)  # only glibc has it
    if set_option is not None:
        set_option(_MMAP_THRESHOLD, _MOST)
        set_option(_TRIM_THRESHOLD, _MOST)
