"""How much memory a package takes, measured when it is built, so that a service can weigh it before it is loaded.

What is measured is this process while it loads the model as a service would. Nothing is reset for it, and no process is begun: a
thread looks at the resident memory all the while. Linux alone says how much that is.
"""

import contextlib
import ctypes
import gc
import os
import threading
from pathlib import Path

from champion.bundle.build import ANY, answers_a_row, array_predictor
from champion.bundle.folder import Package
from champion.bundle.manifest import MemoryNeeds

STEP = 16  # MiB to which a figure is rounded up: what else the process has done must not show in it
_MIB = 2**20
_PAUSE = 0.002  # seconds between two looks
_LARGE = 8 * _MIB  # bytes from which on a model is measured a second time, without what the first time has imported


def with_needs(package: Package, source: str) -> Package:
    """The package whose manifest says how much memory it takes, own code included, which is run for it.

    As it is where the system does not say so, or where its model cannot be loaded, which whoever loads it is told.
    """
    with contextlib.suppress(Exception):  # a figure is not worth a promotion
        return Package(package.manifest.model_copy(update={"memory": measured(package, source)}), package.files)
    return package


def measured(package: Package, source: str) -> MemoryNeeds:
    """What loading the package and answering a row takes at most, and what is left of it.

    Raises OSError where the system does not say, and what loading raises.
    """
    needs = _measure(package, source)
    if max(needs) > _LARGE:
        gc.collect()
        needs = _measure(package, source)
    held = sum(map(len, package.files.values()))  # while it is loaded
    return MemoryNeeds(loading=_rounded(needs[0] + held), loaded=_rounded(needs[1]))


def _rounded(size: int) -> int:
    return max(1, -(-size // (STEP * _MIB))) * STEP


def _measure(package: Package, source: str) -> tuple[int, int]:
    trim()
    before, done, most = resident(), threading.Event(), [0]

    def look() -> None:
        while not done.wait(_PAUSE):
            most[0] = max(most[0], resident())

    watcher = threading.Thread(target=look, name="memory", daemon=True)
    watcher.start()
    try:
        model = array_predictor(package, source, (ANY,))
        answers_a_row(model, package)
    finally:
        done.set()
        watcher.join()
    peak = max(most[0], resident())
    trim()
    loaded = resident()
    del model
    return max(peak - before, 0), max(loaded - before, 0)


def resident() -> int:
    """The resident memory of this process, in bytes. Raises OSError where the system does not say."""
    pages = int(Path("/proc/self/statm").read_bytes().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def trim() -> None:
    """Give freed memory back to the system, so that what is taken again shows."""
    call = getattr(ctypes.CDLL(None), "malloc_trim", None)  # only glibc has it
    if call is not None:
        call(0)
