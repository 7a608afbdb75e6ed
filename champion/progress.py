"""How far a step is, for whoever looks on in the same process; in a container nobody does."""

import contextlib
from collections.abc import Callable, Iterator

Tell = Callable[[int, int | None, float], None]
"""Called with the rows done, how many there are (None where nobody knows yet), and the share of the file."""

_watchers: list[Tell] = []


@contextlib.contextmanager
def watched(tell: Tell) -> Iterator[None]:
    """Have steps of this process tell how far they are."""
    _watchers.append(tell)
    try:
        yield
    finally:
        _watchers.remove(tell)


def tell_watchers(rows: int, known: int | None, share: float) -> None:
    """Tell how far this step is."""
    for tell in _watchers:
        tell(rows, known, share)
