"""The load: a closed loop over sockets, with the request's bytes made beforehand, in the process that calls it.

It reads as much of an answer as it takes to know where it ends. What it costs itself is measured with it, because a
generator that has no time left would measure itself.
"""

from __future__ import annotations

import contextlib
import gc
import re
import select
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

from devtools.checkout import UnexpectedError

PATIENCE = 60.0  # seconds for one answer
_CHUNK = 262_144
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class Target:
    """Where a server listens, and the bytes of the request that it is asked again and again."""

    port: int
    request: bytes


@dataclass(frozen=True)
class Load:
    """What came of some seconds of load."""

    seconds: float  # from the first request to the last answer
    latencies: list[float]  # in seconds, one per answer, rising
    busy: float  # the share of the time in which the generator itself used its core, 0 to 1

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.latencies) / self.seconds

    def quantile(self, share: float) -> float:
        """The latency that a share of the answers does not exceed, in seconds."""
        return self.latencies[min(len(self.latencies) - 1, int(share * len(self.latencies)))]


def request_bytes(path: str, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """Write a POST of JSON as it goes over the wire."""
    fields = {"Host": "127.0.0.1", "Content-Type": "application/json", "Content-Length": len(body), **(headers or {})}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def is_whole(answer: bytes) -> bool:
    """Whether an answer has arrived to its end."""
    end = answer.find(b"\r\n\r\n")
    if end < 0:
        return False
    length = _LENGTH.search(answer, 0, end + 2)
    return len(answer) >= end + 4 + int(length[1]) if length else answer.endswith(b"0\r\n\r\n")


def ask_once(target: Target) -> tuple[int, bytes]:
    """Ask on a connection of its own; status and body. Raises OSError where nothing listens there."""
    with socket.create_connection(("127.0.0.1", target.port), PATIENCE) as connection:
        connection.sendall(target.request)
        answer = _read(connection)
    head, _, body = answer.partition(b"\r\n\r\n")
    if not _LENGTH.search(head + b"\r\n"):
        body = b"".join(body.split(b"\r\n")[1::2])  # sizes and chunks take turns
    return int(head.split(b" ", 2)[1]), body


def ask_alone(target: Target, seconds: float) -> Load:
    """Ask on one connection, one request after the other."""
    latencies: list[float] = []
    with socket.create_connection(("127.0.0.1", target.port), PATIENCE) as connection, _measured() as cost:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ends = time.perf_counter() + seconds
        while (began := time.perf_counter()) < ends:
            connection.sendall(target.request)
            answer = _read(connection)
            latencies.append(time.perf_counter() - began)
            _require_ok(answer)
    return Load(cost.seconds, sorted(latencies), cost.busy)


def ask_together(target: Target, seconds: float, connections: int) -> Load:
    """Ask on several connections at once; each sends its next request when it has its answer."""
    with contextlib.closing(_Crowd(target, connections)) as crowd, _measured() as cost:
        crowd.ask(seconds)
    return Load(cost.seconds, sorted(crowd.latencies), cost.busy)


class _Crowd:
    """Connections that are asked in turn, as their answers come."""

    def __init__(self, target: Target, connections: int) -> None:
        self.latencies: list[float] = []
        self._request = target.request
        self._sockets = [socket.create_connection(("127.0.0.1", target.port), PATIENCE) for _ in range(connections)]
        self._by_handle = {each.fileno(): each for each in self._sockets}
        self._began: dict[int, float] = {}
        self._partial: dict[int, bytes] = {}
        self._poll = select.epoll()
        for handle, each in self._by_handle.items():
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._poll.register(handle, select.EPOLLIN)

    def ask(self, seconds: float) -> None:
        ends = time.perf_counter() + seconds
        for handle in self._by_handle:
            self._send(handle)
        while self._began:
            ready = self._poll.poll(PATIENCE)
            if not ready:
                raise UnexpectedError(f"a server did not answer within {PATIENCE:.0f} s, expected it to")
            for handle, _ in ready:
                self._receive(handle, ends)

    def _send(self, handle: int) -> None:
        self._began[handle] = time.perf_counter()
        self._by_handle[handle].sendall(self._request)

    def _receive(self, handle: int, ends: float) -> None:
        data = self._by_handle[handle].recv(_CHUNK)
        if not data:
            raise UnexpectedError("a server closed a connection under load, expected it to stay open")
        answer = self._partial.pop(handle, b"") + data
        if not is_whole(answer):
            self._partial[handle] = answer
            return
        now = time.perf_counter()
        self.latencies.append(now - self._began.pop(handle))
        _require_ok(answer)
        if now < ends:
            self._send(handle)

    def close(self) -> None:
        self._poll.close()
        for each in self._sockets:
            each.close()


class _measured:  # noqa: N801 - it is used as a statement
    """Wall time and the share of it that this process computed; no garbage is collected meanwhile."""

    seconds = busy = 0.0

    def __enter__(self) -> _measured:
        gc.disable()
        self._wall, self._own = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._wall
        self.busy = (time.process_time() - self._own) / self.seconds
        gc.enable()


def _read(connection: socket.socket) -> bytes:
    answer = b""
    while not is_whole(answer):
        data = connection.recv(_CHUNK)
        if not data:
            raise UnexpectedError("a server closed the connection before its answer was whole")
        answer += data
    return answer


def _require_ok(answer: bytes) -> None:
    if not answer.startswith(b"HTTP/1.1 200"):
        raise UnexpectedError(f"a server answered {answer[:300]!r} under load, expected status 200")
