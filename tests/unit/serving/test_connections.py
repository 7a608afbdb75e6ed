"""Which connections go: those that take nothing, and of too many or too heavy ones those that have waited longest."""

from collections import deque
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from champion.serving.connections import Connections


class One:
    """A connection that holds so many bytes, and has so many unsent ones."""

    loop: Any = SimpleNamespace(call_later=lambda *_: None, time=lambda: 0.0)

    def __init__(self, taken: int = 0, left: int = 0) -> None:
        self.taken, self.left, self.unsent, self.moved_at, self.gone = taken, left, 0, 0.0, False
        self.transport: Any = SimpleNamespace(get_write_buffer_size=lambda: self.left)

    def cut(self) -> None:
        self.gone = True


def joined(most: int, *ones: One) -> Connections:
    connections = Connections(most, most_held=100, patience=10.0)
    for one in ones:
        connections.joins(one)
    return connections


def gone(*ones: One) -> list[int]:
    return [place for place, one in enumerate(ones) if one.gone]


@pytest.mark.parametrize(
    ("held", "expected"),
    [
        ([10, 10, 10], []),
        ([50, 1, 30, 40], [0]),  # what is left is little enough
        ([60, 1, 70, 80], [0, 2]),
        ([1000, 1], []),  # what one alone needs for one request is not too much
        ([30] * 10, list(range(7))),
    ],
)
def test_of_those_that_hold_more_than_their_share_the_first_go_until_it_is_little_enough(
    held: list[int], expected: list[int]
) -> None:
    for ones in ([One(size) for size in held], [One(left=size) for size in held]):
        connections = joined(99, *ones)
        connections.moved(1, 0.0)
        assert gone(*ones) == []
        connections.moved(2**30, 0.0)
        assert gone(*ones) == expected


def test_who_takes_nothing_for_a_while_is_cut_off_and_who_takes_a_little_is_not() -> None:
    silent, slow, rests = ones = One(left=50), One(left=50), One()
    connections = joined(99, *ones)
    for now in range(30):
        slow.left -= 1
        connections.look(float(now))
    assert (silent.gone, slow.gone, rests.gone) == (True, False, False)


def test_a_new_one_beyond_the_most_ends_the_one_that_has_waited_longest_for_its_client() -> None:
    ones = [One() for _ in range(6)]
    connections = joined(4, *ones[:4])
    connections.works(ones[0])
    connections.waits(ones[1])  # again
    connections.joins(ones[4])
    connections.joins(ones[5])
    assert gone(*ones) == [2, 3]
    for one in ones:
        connections.leaves(one)
    assert len(connections) == 0


def test_a_round_of_the_loop_does_a_bounded_piece_of_work_in_order_and_a_probe_does_not_wait() -> None:
    connections, later, done = joined(4), deque[Callable[[], None]](), list[Any]()
    loop: Any = SimpleNamespace(call_soon=lambda work, *given: later.append(partial(work, *given)))
    ask = partial(connections.in_turn, loop)
    assert [ask(partial(done.append, number), 1, at_once=False) for number in range(40)].count(True) == 16
    assert ask(partial(done.append, "probe"), 1, at_once=True)
    assert not ask(partial(done.append, 40), 16, at_once=False)
    rounds = []
    while later:
        later.popleft()()
        rounds.append(len(done))
    assert done == [*range(16), "probe", *range(16, 41)]
    assert rounds == [33, 42, 42]
