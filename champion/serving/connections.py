"""All connections of a service: which one goes where there are too many of them, or where they hold too much.

A client costs memory while it sends a body, asks before it is answered, or leaves its answers unread. Who takes nothing
of an answer for a while is cut off. Where all of them hold more than may be held, those with more than their share go,
the one that has waited for its client the longest first; a new connection beyond the most that there may be ends the one
that has waited longest. Both cost the same with eight connections as with thousands.

However many of them ask or send at once, one round of the event loop does a bounded piece of work, so that a new connection
and a probe are looked at soon.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Protocol

ACCEPTED = 32  # in one round of the event loop; uvloop 0.23 takes one from each listening socket
_SECONDS = 1.0  # between two looks
_BYTES = 16 * 2**20  # that may come and go between two looks
_ROUND = 16  # pieces of work of one round of the event loop


class Connection(Protocol):
    """What is asked of one connection. `moved_at`: when its client last took a part of an answer."""

    loop: asyncio.AbstractEventLoop
    transport: asyncio.Transport
    unsent: int
    moved_at: float

    @property
    def taken(self) -> int:
        """Bytes that were read of it, and are not answered."""

    def cut(self) -> None:
        """End it now."""


class Connections:
    """`most`: connections. `most_held`: bytes. `patience`: seconds in which a client takes a part of its answer."""

    def __init__(self, most: int, most_held: int, patience: float) -> None:
        self._most, self._most_held, self._patience = most, most_held, patience
        self._waiting: OrderedDict[Connection, None] = OrderedDict()  # for their clients; the longest first
        self._working: dict[Connection, None] = {}
        self._bytes = 0
        self._later: deque[tuple[Callable[[], None], int]] = deque()
        self._done, self._in_round = 0, False
        self._next: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._waiting) + len(self._working)

    def joins(self, one: Connection) -> None:
        """It is new, and waits for its client; beyond the most, the one that has waited longest goes."""
        self.waits(one)
        if self._next is None:
            self._next = one.loop.call_later(_SECONDS, self._look_again, one.loop)
        if len(self) > self._most:
            self._waiting.popitem(last=False)[0].cut()

    def waits(self, one: Connection) -> None:
        """From now on it waits for its client."""
        self._working.pop(one, None)
        self._waiting[one] = None
        self._waiting.move_to_end(one)

    def works(self, one: Connection) -> None:
        """From now on its client waits."""
        self._waiting.pop(one, None)
        self._working[one] = None

    def leaves(self, one: Connection) -> None:
        """It is gone."""
        self._waiting.pop(one, None)
        self._working.pop(one, None)

    def in_turn(self, loop: asyncio.AbstractEventLoop, work: Callable[[], None], weight: int, at_once: bool) -> bool:
        """Do some work now, or in a round of the loop that has time for it; whether it is done."""
        now = at_once or (self._done < _ROUND and not self._later)
        if now:
            self._done += weight
            work()
        else:
            self._later.append((work, weight))
        if not self._in_round:
            self._in_round = True
            loop.call_soon(self._next_round, loop)
        return now

    def _next_round(self, loop: asyncio.AbstractEventLoop) -> None:
        self._done = 0
        while self._later and self._done < _ROUND:
            work, weight = self._later.popleft()
            self._done += weight
            work()
        self._in_round = self._done > 0
        if self._in_round:
            loop.call_soon(self._next_round, loop)

    def moved(self, size: int, now: float) -> None:
        """So many bytes came, or go."""
        self._bytes += size
        if self._bytes > _BYTES:
            self.look(now)

    def look(self, now: float) -> None:
        """End those that take nothing, and of those that hold more than their share as many as it needs."""
        self._bytes = held = 0
        sizes: dict[Connection, int] = {}
        for one in itertools.chain(self._waiting, self._working):
            unsent = one.transport.get_write_buffer_size()
            if not unsent or unsent < one.unsent:
                one.moved_at = now
            one.unsent = unsent
            if now - one.moved_at > self._patience:
                one.cut()
            else:
                sizes[one] = one.taken + unsent
                held += sizes[one]
        if held > self._most_held:
            share = self._most_held / len(sizes)
            for one in [one for one, size in sizes.items() if size > share][
                :-1
            ]:  # the last may be what one request needs
                one.cut()
                held -= sizes[one]
                if held <= self._most_held:
                    break

    def _look_again(self, loop: asyncio.AbstractEventLoop) -> None:
        self._next = loop.call_later(_SECONDS, self._look_again, loop) if len(self) else None
        self.look(loop.time())
