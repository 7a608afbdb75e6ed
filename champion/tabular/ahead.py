"""One step ahead: a thread gets the next item ready while the present one is worked on."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from contextlib import suppress
from typing import TypeVar

Item = TypeVar("Item")


def read_ahead(items: Iterator[Item]) -> Generator[Item]:
    """Give what an iterator gives, while a thread gets the next one ready; an error comes out in its turn.

    Close it (`contextlib.closing`) to end the thread before the end.
    """
    ready: queue.Queue[tuple[bool, Item | BaseException | None]] = queue.Queue(maxsize=1)
    stopped = threading.Event()

    def put(goes_on: bool, found: Item | BaseException | None) -> None:
        while not stopped.is_set():
            with suppress(queue.Full):
                ready.put((goes_on, found), timeout=0.1)
                return

    def read() -> None:
        try:
            for item in items:
                put(True, item)
                if stopped.is_set():
                    return
            put(False, None)
        except BaseException as error:  # whatever it is, who reads has to meet it
            put(False, error)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        while True:
            goes_on, found = ready.get()
            if isinstance(found, BaseException):
                raise found
            if not goes_on:
                return
            yield found  # type: ignore[misc]  # what goes on is an item
    finally:
        stopped.set()
        thread.join()
