"""Ctrl-C takes effect between two transactions of a local store, and not in the middle of one.

A KeyboardInterrupt inside SQLAlchemy can leave a transaction open for as long as its traceback lives. Whatever then asks
the store on the way out (ZenML does, to call the run failed) waits for a lock that this process holds itself, a minute for
each question, and every other process with it. Of 671 interruptions of one write, one after the other in one process, 4 were
followed by "database is locked" (sqlalchemy 2.0, zenml 0.98.0).
"""

import signal
import threading
import time
from typing import Any

from champion.failures import interrupt

AGAIN = 0.02  # seconds until an interruption is tried once more
LONGEST = 10.0  # seconds after which it takes effect wherever the process is

_in_use: set[int] = set()
"""Connections that the main thread has taken from the pool."""


def between_transactions(store: Any) -> None:
    """Let what interrupts this process wait while its main thread holds a connection of a store's database.

    It waits `LONGEST` seconds at most. Nothing is changed for signals that do not raise KeyboardInterrupt (Ctrl-C in a
    background job, say), or outside the main thread.
    """
    from sqlalchemy import event

    if threading.current_thread() is not threading.main_thread():
        return
    if not event.contains(store.engine, "checkout", _taken):
        event.listen(store.engine, "checkout", _taken)
        event.listen(store.engine, "checkin", _given_back)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) in (signal.default_int_handler, interrupt):
            signal.signal(number, Interrupt())


def _taken(_connection: Any, record: Any, _proxy: Any) -> None:
    if threading.current_thread() is threading.main_thread():
        _in_use.add(id(record))


def _given_back(_connection: Any, record: Any) -> None:
    _in_use.discard(id(record))


class Interrupt:
    """A handler of a signal that raises KeyboardInterrupt, as soon as the main thread holds no connection."""

    asked: float | None = None

    def __call__(self, number: int, frame: Any) -> None:
        """Raise it now, or look again a moment later."""
        self.asked = self.asked or time.monotonic()
        if not _in_use or time.monotonic() - self.asked > LONGEST:
            self.asked = None
            interrupt(number, frame)
        again = threading.Timer(AGAIN, signal.pthread_kill, (threading.main_thread().ident, number))
        again.daemon = True
        again.start()
