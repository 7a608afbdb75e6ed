"""The micro-batch: what waits is answered together, each by its own champion, and one bad row spoils no other."""

import asyncio
import threading
from typing import Any

import numpy as np
import pytest

from champion.errors import DataError
from champion.modeling.arrays import Block
from champion.modeling.predictor import Predictions
from champion.serving.predict import Batcher


class Slow:
    """A champion that is busy until it is let go; it answers its number, and refuses a negative value."""

    def __init__(self, number: int) -> None:
        self.number, self.asked, self.go, self.busy = number, [], threading.Event(), threading.Event()

    def predict(self, block: Block) -> Predictions:
        self.asked.append(len(block))
        self.busy.set()
        assert self.go.wait(30)
        if (block.numbers < 0).any():
            raise DataError("A number is negative.")
        return Predictions(np.full(len(block), self.number), block.numbers * 2)


def block(*values: float) -> Block:
    return Block(np.array([[value] for value in values]), np.empty((len(values), 0), dtype=object))


def together(*questions: tuple[Any, Block]) -> list[Any]:
    """Ask all while the first champion is busy with a question of its own."""

    async def ask() -> list[Any]:
        batcher = Batcher(asyncio.get_running_loop())
        first = questions[0][0]
        busy = asyncio.create_task(batcher.predict(first, block(0.0)))
        await asyncio.to_thread(first.busy.wait)
        tasks = [asyncio.create_task(batcher.predict(champion, each)) for champion, each in questions]
        await asyncio.sleep(0)
        for champion, _ in questions:
            champion.go.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        await busy
        await asyncio.to_thread(batcher.close)
        return found

    return asyncio.run(ask())


def test_what_waits_is_one_question_and_every_request_gets_its_own_rows_from_the_champion_that_it_took() -> None:
    one, two = Slow(1), Slow(2)
    found = together((one, block(0.0)), (one, block(*[1.0] * 3)), (two, block(1.0)), (one, block(2.0, 2.0)))
    assert (one.asked, two.asked) == ([1, 6], [1])
    assert [each.probabilities.ravel().tolist() for each in found] == [[0.0], [2.0] * 3, [2.0], [4.0] * 2]
    assert [each.values.tolist() for each in found] == [[1], [1] * 3, [2], [1] * 2]


def test_a_row_that_is_refused_spoils_no_other_request() -> None:
    champion = Slow(1)
    good, bad, other = together((champion, block(1.0)), (champion, block(-1.0)), (champion, block(3.0)))
    assert good.values.tolist() == other.values.tolist() == [1]
    with pytest.raises(DataError, match="negative"):
        raise bad


def test_a_request_that_was_given_up_stops_nobody() -> None:
    async def ask() -> Predictions:
        champion = Slow(1)
        batcher = Batcher(asyncio.get_running_loop())
        given_up = asyncio.create_task(batcher.predict(champion, block(1.0)))  # type: ignore[arg-type]  # a double
        await asyncio.to_thread(champion.busy.wait)
        given_up.cancel()
        champion.go.set()
        return await batcher.predict(champion, block(1.0))  # type: ignore[arg-type]  # a double

    assert asyncio.run(ask()).values.tolist() == [1]
