"""The load: a closed loop over sockets, with the request's bytes made beforehand, in the process that calls it.

It reads as much of an answer as it takes to know where it ends. What it costs itself is measured with it, because a
generator that has no time left would measure itself.
"""

import contextlib
import gc
import re
import select
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPResponse

from devtools.checkout import UnexpectedError

PATIENCE = 60.0  # seconds for one answer
_CHUNK = 262_144
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


@dataclass(frozen=True)
class Target:
    """Where a server listens, and the bytes of the request that it is asked again and again."""

    port: int
    request: bytes

    def connect(self) -> socket.socket:
        """Open a connection. Raises OSError where nothing listens."""
        connection = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection


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
    """Ask on a connection of its own; status and body. Raises OSError or HTTPException where there is no good answer."""
    with target.connect() as connection, HTTPResponse(connection) as answer:
        connection.sendall(target.request)
        answer.begin()
        return answer.status, answer.read()


def ask(target: Target, seconds: float, connections: int) -> Load:
    """Ask on some connections at once; each sends its next request when it has its answer. No garbage is collected.

    Raises UnexpectedError at an answer that is late, not whole, or not of status 200.
    """
    latencies: list[float] = []
    began: dict[int, float] = {}
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(target.connect()) for _ in range(connections)]
        by_handle = {each.fileno(): each for each in sockets}
        partial = dict.fromkeys(by_handle, b"")
        poll = stack.enter_context(select.epoll())
        stack.callback(gc.enable)
        gc.disable()
        wall, own = time.perf_counter(), time.thread_time()
        for handle, connection in by_handle.items():
            poll.register(handle, select.EPOLLIN)
            began[handle] = time.perf_counter()
            connection.sendall(target.request)
        while began:
            if not (ready := poll.poll(PATIENCE)):
                raise UnexpectedError(f"a server did not answer within {PATIENCE:.0f} s, expected it to")
            for handle, _ in ready:
                if not (data := by_handle[handle].recv(_CHUNK)):
                    raise UnexpectedError("a server closed a connection before its answer was whole")
                partial[handle] += data
                if not is_whole(partial[handle]):
                    continue
                now = time.perf_counter()
                latencies.append(now - began.pop(handle))
                if not partial[handle].startswith(b"HTTP/1.1 200"):
                    raise UnexpectedError(f"a server answered {partial[handle][:300]!r}, expected status 200")
                partial[handle] = b""
                if now < wall + seconds:
                    began[handle] = time.perf_counter()
                    by_handle[handle].sendall(target.request)
        took = time.perf_counter() - wall
        return Load(took, sorted(latencies), (time.thread_time() - own) / took)
