"""The micro-batch: one thread answers together whatever waits, without a timer.

A model that takes a while for one row takes hardly longer for thirty. While it is busy, requests gather; when it is
free, all that wait are one question. Each row is answered by the champion that its request took.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from typing import NamedTuple

import numpy as np

from champion.modeling.arrays import Block
from champion.modeling.predictor import Predictions
from champion.serving.loaded import Champion

_AT_ONCE = 4096  # rows of one question
Answer = tuple[asyncio.Future[Predictions], Predictions | Exception]


class Waiting(NamedTuple):
    """One request that waits for its answer."""

    champion: Champion
    block: Block
    answer: asyncio.Future[Predictions]


class Batcher:
    """Answers blocks from a thread of its own, for one event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="micro-batch", daemon=True)
        self._thread.start()

    async def predict(self, champion: Champion, block: Block) -> Predictions:
        """Answer a block, together with others that wait.

        Raises DataError when the model refuses a value of this block; other requests are answered nevertheless.
        """
        answer: asyncio.Future[Predictions] = self._loop.create_future()
        self._queue.put(Waiting(champion, block, answer))
        return await answer

    def close(self) -> None:
        """Answer what waits, and stop."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            together, rows = [first], len(first.block)
            try:
                while rows < _AT_ONCE:
                    waiting = self._queue.get_nowait()
                    if waiting is None:
                        self._queue.put(None)  # ends the thread, once these are answered
                        break
                    together.append(waiting)
                    rows += len(waiting.block)
            except queue.Empty:
                pass
            self._answer(together)

    def _answer(self, together: list[Waiting]) -> None:
        by_champion: dict[int, list[Waiting]] = {}
        for each in together:
            by_champion.setdefault(id(each.champion), []).append(each)
        answers = [answer for group in by_champion.values() for answer in _answers(group)]
        self._loop.call_soon_threadsafe(_deliver, answers)


def _answers(group: list[Waiting]) -> list[Answer]:
    """Ask for a group together; where the model fails, as it may in any way, for each request by itself."""
    try:
        return list(zip((each.answer for each in group), _asked(group), strict=True))
    except Exception as error:  # each request waits for its answer
        if len(group) == 1:
            return [(group[0].answer, error)]
        return [answer for each in group for answer in _answers([each])]


def _asked(group: list[Waiting]) -> list[Predictions]:
    """Ask one champion for all rows of a group."""
    champion = group[0].champion
    if len(group) == 1:
        return [champion.predict(group[0].block)]
    block = Block(
        np.concatenate([each.block.numbers for each in group]), np.concatenate([each.block.texts for each in group])
    )
    whole = champion.predict(block)
    ends = np.cumsum([len(each.block) for each in group]).tolist()
    return [whole.part(slice(end - len(each.block), end)) for end, each in zip(ends, group, strict=True)]


def _deliver(answers: list[Answer]) -> None:
    for future, answer in answers:
        if future.done():
            continue
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)
