"""How far a step is, for whoever looks on in the same process; in a container nobody does."""

import contextlib
from collections.abc import Callable, Iterator

Part = Callable[[str, int, int], None]
"""Called with what is being done, how many parts of it are done, and how many there are."""
Tell = Callable[[int, int | None, float], None]
"""Called with the rows done, how many there are (None where nobody knows yet), and the share of the file."""

_watchers: list[Tell] = []
_of_parts: list[Part] = []


@contextlib.contextmanager
def watched(tell: Tell, tell_part: Part) -> Iterator[None]:
    """Have steps of this process tell how far they are."""
    _watchers.append(tell)
    _of_parts.append(tell_part)
    try:
        yield
    finally:
        _watchers.remove(tell)
        _of_parts.remove(tell_part)


def tell_watchers(rows: int, known: int | None, share: float) -> None:
    """Tell how far this step is."""
    for tell in _watchers:
        tell(rows, known, share)


def tell_part(what: str, done: int, parts: int) -> None:
    """Tell how many parts of something are done: fits of a search."""
    for tell in _of_parts:
        tell(what, done, parts)
