"""When Arrow comes in: with the first row that is logged, and never while scikit-learn looks at its input.

Arrow is 32 MB that a service without traffic does not need. scikit-learn asks of every input whether it is Arrow's, and
for that takes any module of the name, be it half imported by another thread.
"""

import importlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_import = threading.Lock()
_is_there = threading.Event()


def load() -> None:
    """Import what the log writes with, while no model is asked."""
    if not _is_there.is_set():
        with _import:
            importlib.import_module("pyarrow.parquet")
        _is_there.set()


def apart(ask: Callable[[], T]) -> T:
    """Ask a model, but not while Arrow is being imported."""
    if _is_there.is_set():
        return ask()
    with _import:
        return ask()
