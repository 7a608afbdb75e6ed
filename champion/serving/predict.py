"""The hot path: POST /predict as a plain ASGI callable.

A web framework's routing, middleware and validation cost as much as the prediction itself, so nothing of it is here.

A long request is read and written by a thread, two of them at a time, so that others are answered meanwhile.

A model that takes a while for one row takes hardly longer for thirty. While it is busy, requests gather; when it is
free, one thread asks it for all that wait, without a timer. Each row is answered by the champion that its request took.
"""

import asyncio
import contextlib
import itertools
import logging
import queue
import re
import secrets
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np
from starlette.types import Receive, Scope, Send

from champion.bundle.predictions import Answered
from champion.errors import DataError, listed
from champion.modeling.arrays import Block
from champion.modeling.predictor import Predictions
from champion.serving.loaded import Champion, Warnings
from champion.serving.rows import Header, Noted, RequestError
from champion.serving.state import Observed, State

Answer = tuple[asyncio.Future[Predictions], Predictions | Exception]

PATH = "/predict"
CLIENT_LEFT = 499  # what the metrics say of a client that did not wait
_AT_ONCE = 4096  # rows that the model is asked for together
_SHORT_BYTES, _SHORT_ROWS = 65_536, 64  # of a request that is read and written on the event loop
_LONG_AT_ONCE = 2  # others that are under way; so many leave the event loop its time, and hold little memory
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_DRAINED, _DRAIN_SECONDS = 32 * 2**20, 2.0  # what is read and thrown away of a body that is refused unread
_IGNORED_SHOWN = 20  # names in the header of an answer
_PREFIX, _COUNT = secrets.token_hex(6), itertools.count(1)  # of the names of requests

_logger = logging.getLogger(__name__)


class ClientLeftError(Exception):
    """The connection was closed before the body was there."""


def request_id_of(headers: Mapping[bytes, bytes]) -> str:
    """The header `X-Request-ID` where it is fit for a name, else a new one."""
    given = headers.get(b"x-request-id")
    if given is not None and _REQUEST_ID.fullmatch(given):
        return given.decode()
    return f"{_PREFIX}-{next(_COUNT):x}"


class Predict:
    """Answers POST /predict."""

    def __init__(self, state: State) -> None:
        self._state, self._options = state, state.options
        self.batcher: Batcher | None = None  # while the service runs
        self._observed = Observed(state.metrics, PATH)
        self._asking = 0
        self._long = asyncio.Semaphore(_LONG_AT_ONCE)
        self._labels: tuple[Champion | None, list[Any]] = (None, [])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever it is."""
        started = time.perf_counter()
        headers = dict(scope["headers"])
        request_id = request_id_of(headers)
        body = _Body(receive, headers, self._options.max_body)
        more: tuple[Header, ...] = ()
        try:
            answer, more = await self._answered(scope["method"], headers, body, request_id)
            status = 200
        except RequestError as refusal:
            status, answer, more = refusal.status, refusal.body(request_id), refusal.headers
        except ClientLeftError:
            self._observed.answered(CLIENT_LEFT, time.perf_counter() - started)
            return
        except Exception:  # a fault of ours is an answer too, and stands in the log
            _logger.exception("Request %s failed", request_id)
            failed = RequestError(500, "internal", "The service failed; its own log says why.")
            status, answer = 500, failed.body(request_id)
        self._observed.answered(status, time.perf_counter() - started)
        await _send(send, status, answer, request_id, more, body)

    async def _answered(
        self, method: str, headers: Mapping[bytes, bytes], body: "_Body", request_id: str
    ) -> tuple[bytes, tuple[Header, ...]]:
        if method != "POST":
            raise RequestError(405, "method_not_allowed", f"{PATH} takes POST alone.", headers=((b"allow", b"POST"),))
        self._state.require_key(headers)
        _require_json(headers)
        body.require_length()
        self._state.present()
        try:
            async with asyncio.timeout(self._options.body_seconds):
                content = await body.read()
        except TimeoutError:
            message = f"The body was not there within {self._options.body_seconds:g} s, expected it at once."
            raise RequestError(408, "too_slow", message) from None
        if self._asking >= self._options.max_concurrency:
            message = "Too many requests are being answered at this moment; try again soon."
            raise RequestError(429, "too_many_requests", message, headers=((b"retry-after", b"1"),))
        self._asking += 1
        try:
            if len(content) <= _SHORT_BYTES and content.count(b"{") <= _SHORT_ROWS:
                return await self._predicted(content, request_id, _here)
            async with self._long:
                return await self._predicted(content, request_id, asyncio.to_thread)
        finally:
            self._asking -= 1

    async def _predicted(
        self, body: bytes, request_id: str, run: Callable[..., Awaitable[Any]]
    ) -> tuple[bytes, tuple[Header, ...]]:
        """The answer, and the headers that go with it."""
        champion, noted = self._state.present(), Noted()
        rows, block = await run(champion.rows, body, self._options.max_rows, noted)
        try:
            if len(rows) <= champion.on_the_loop or self.batcher is None:
                predictions = champion.predict(block)
            else:
                predictions = await self.batcher.predict(champion, block)
            answered: tuple[Warnings | None, bytes] = await run(
                champion.answer, request_id, block, predictions, noted.wrong
            )
        except DataError as error:
            raise RequestError(422, "refused_by_model", str(error)) from None
        warnings, answer = answered
        self._count(champion, predictions, warnings)
        if self._state.log is not None and rows:
            self._state.log.add(Answered(time.time(), champion.manifest, request_id, rows, predictions))
        return answer, self._count_ignored(champion, noted.ignored) if noted.ignored else ()

    def _count_ignored(self, champion: Champion, ignored: Counter[str]) -> tuple[Header, ...]:
        """Count the fields that nobody looked at, tell of each once, and name them to the client."""
        for name, rows in ignored.items():
            self._state.metrics.ignored.labels(name).inc(rows)
        new = [name for name in ignored if name not in champion.told]
        if new:
            champion.told.update(new)
            _logger.warning(
                "Requests have %s, which a former model version took and version %d does not: ignored.",
                listed(new), champion.model_version,
            )  # fmt: skip
        names = ", ".join(quote(name, safe="") for name in list(ignored)[:_IGNORED_SHOWN])
        return ((b"x-ignored-fields", names.encode()),)

    def _count(self, champion: Champion, predictions: Predictions, warnings: Warnings | None) -> None:
        metrics = self._state.metrics
        known, children = self._labels
        if known is not champion:
            children = [metrics.predictions.labels(text) for text in champion.form.keys]
            self._labels = champion, children
        places = champion.form.places(predictions)
        count = len(places)
        metrics.rows.inc(count)
        if count == 1:
            children[places[0]].inc()
        else:
            by_label = np.bincount(places, minlength=len(children)).tolist()
            for child, rows in zip(children, by_label, strict=True):
                if rows:
                    child.inc(rows)
        if warnings is not None:
            metrics.warned_rows.inc(sum(map(bool, warnings.texts)))
            metrics.range_warnings.inc(warnings.out_of_range)
            metrics.category_warnings.inc(warnings.unseen)
            metrics.wrong_warnings.inc(warnings.wrong)


async def _here(function: Callable[..., Any], *given: Any) -> Any:
    return function(*given)


class _Body:
    """The body of a request, which may be long, slow or never whole."""

    def __init__(self, receive: Receive, headers: Mapping[bytes, bytes], most: int) -> None:
        self._receive, self._most = receive, most
        length = headers.get(b"content-length", b"")
        self._length = int(length) if length.isdigit() else None
        self._unbounded = self._length is None and b"transfer-encoding" in headers
        self.whole = False

    @property
    def ends_the_connection(self) -> bool:
        """Whether so much of it may be still to come that the connection is not used again."""
        return not self.whole and (self._unbounded or (self._length or 0) > self._most)

    def require_length(self) -> None:
        """Refuse what says that it is too long, before a byte of it is read."""
        if self._length is not None and self._length > self._most:
            raise self._too_long()

    def _too_long(self) -> RequestError:
        return RequestError(
            413, "body_too_long", f"The body is longer than the {self._most} bytes that one request may have."
        )

    async def read(self) -> bytes:
        """Read it to its end, or to one chunk beyond what is allowed."""
        chunks, size = [], 0
        while not self.whole:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientLeftError
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            self.whole = not message.get("more_body", False)
            if size > self._most:
                raise self._too_long()
        return b"".join(chunks)

    async def drain(self) -> None:
        """Read on for a moment and throw it away: a client that is still sending would not see the answer."""
        size = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while size < _DRAINED and not self.whole:
                    message = await self._receive()
                    size += len(message.get("body", b""))
                    self.whole = message["type"] == "http.disconnect" or not message.get("more_body", False)


def _require_json(headers: Mapping[bytes, bytes]) -> None:
    kind = headers.get(b"content-type", b"")
    if kind != b"application/json" and kind.partition(b";")[0].strip().lower() != b"application/json":
        raise RequestError(
            415, "not_json", "The body's type must be application/json: send the header Content-Type with it."
        )
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise RequestError(415, "compressed", "The body is compressed, expected plain JSON without Content-Encoding.")


async def _send(send: Send, status: int, answer: bytes, request_id: str, more: tuple[Header, ...], body: _Body) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer)).encode()),
        (b"x-request-id", request_id.encode()),
        *more,
    ]
    closes = status == 408 or body.ends_the_connection
    if closes:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": answer, "more_body": closes})
    if closes:
        if status != 408:
            await body.drain()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


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
