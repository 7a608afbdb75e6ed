"""HTTP with bounds that uvicorn has not: on heads and the time they take, on requests sent ahead, and on connections.

A client that asks for another protocol, as Java's and curl's do with `Upgrade: h2c`, is answered in HTTP/1.1.

This reaches into uvicorn's inside. `REACHES` lists where; they are taken only where uvicorn still has what it had when
they were written. Elsewhere its own protocol serves, without these bounds, and one warning says so.
"""

import asyncio
import contextlib
import functools
import logging
import os
import resource
import socket
import struct
import sys
from collections import deque

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from champion.patching import SWITCH, signature
from champion.serving.connections import ACCEPTED, Connections
from champion.serving.rows import RequestError

LARGEST_HEAD = 65_536  # bytes of request line and headers, or of anything else that is no body
MOST_CONNECTIONS = 4096
MOST_AHEAD = 16  # requests of one connection that wait for the answers to those before them
MOST_HELD = 64 * 2**20  # bytes that all connections hold: requests that are not answered, answers that are not taken
_ONE_AHEAD = 4096  # bytes that such a request costs beside its body
_MUCH, _MUCH_WEIGHT = 65_536, 2  # bytes that are read in their turn, and for how many requests they count
_PROBES = frozenset({"/healthz", "/readyz"})
_END = b"\r\n\r\n"  # of a head
_FILES = 64 + 2 * ACCEPTED
"""Open files for packages, the log, libraries and listening sockets, and for connections that come before those have gone that
make room for them: where there is none left, libuv ends whichever it takes next."""
_ASKS_FOR_ANOTHER = frozenset({b"upgrade", b"http2-settings"})

_logger = logging.getLogger(__name__)

WRITTEN_FOR = "uvicorn 0.54"
# A method of HttpToolsProtocol or FlowControl that is replaced, why, and the signature that it had
REACHES = (
    ("connection_made", "a connection waits for its first request for a bounded time", "(self, transport)"),
    ("connection_lost", "it waits no more", "(self, exc)"),
    ("pause_writing", "its client does not take an answer", "(self)"),
    ("resume_writing", "its client takes the answer", "(self)"),
    ("resume_reading", "nothing more is read while enough of it waits to be answered", "(self)"),
    ("_start_asgi_task", "requests are answered in turn, so many in a round of the event loop", "(self, cycle, app)"),
    ("on_message_begin", "a head begins", "(self)"),
    ("on_header", "headers behind the body would grow without a bound", "(self, name, value)"),
    ("on_headers_complete", "the head is there; a wish for another protocol is not followed", "(self)"),
    ("on_body", "the request goes on, and what it holds is counted", "(self, body)"),
    ("on_message_complete", "the request is there; a wish for another protocol is not followed", "(self)"),
    ("on_response_complete", "the connection rests, or the next of its requests is read", "(self)"),
    ("data_received", "a head has a bounded size and time, and only so many requests are read", "(self, data)"),
    ("send_400_response", "what is no HTTP is refused in the form that every error has", "(self, msg)"),
    ("_unsupported_upgrade_warning", "a request that wishes for another protocol is read again", "(self)"),
)
# What else of a connection, and of the request that it answers, is read or set here
_OF_A_CONNECTION = frozenset({"cycle", "flow", "headers", "loop", "parser", "pipeline", "transport"})
_OF_A_REQUEST = frozenset({"disconnected", "message_event", "more_body", "response_complete", "response_started"})
_OF_A_FLOW = frozenset({"write_paused"})


class Flow(FlowControl):
    """Reading goes on only while nothing that was read waits to be parsed."""

    waits = False

    def resume_reading(self) -> None:
        """Read on, where it may."""
        if not self.waits:
            super().resume_reading()


class BoundedProtocol(HttpToolsProtocol):
    """One connection whose requests have to begin in time, and with a head of bounded size."""

    head_seconds = 10.0
    all = Connections(MOST_CONNECTIONS, MOST_HELD, head_seconds)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's type is wider
        """Begin to wait for the first request; where there are too many connections, another one makes room."""
        super().connection_made(transport)
        self.flow: Flow = Flow(transport)
        self._in_head, self._idle_bytes, self._moved = True, 0, False
        self._data = self._again = self._unread = b""
        self._bodies: deque[int] = deque()  # bytes of each request that is not answered
        self._answering: RequestResponseCycle | None = None
        self.unsent, self.moved_at = 0, self.loop.time()
        self._late: asyncio.TimerHandle | None = None
        self._wait()
        self.all.joins(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._in_time()
        self._unread = b""
        self.all.leaves(self)
        self._leave_unanswered()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Its client has to take some of an answer first."""
        super().pause_writing()
        self._turn()

    def resume_writing(self) -> None:
        """Its client has."""
        super().resume_writing()
        self._turn()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Answer one of the requests, in its turn; a probe before others."""
        self._answering = cycle
        start = functools.partial(super()._start_asgi_task, cycle, app)
        self.all.in_turn(self.loop, start, 1, at_once=cycle.scope["path"] in _PROBES)

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head = self._moved = True
        super().on_message_begin()
        self._turn()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, but none that comes behind the body: that would grow without a bound."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Its head is there."""
        self._in_head, self._moved = False, True
        if not self.parser.should_upgrade():
            super().on_headers_complete()
            self._bodies.append(0)

    def on_body(self, body: bytes) -> None:
        """A part of its body is there."""
        self._moved = True
        if not self.cycle.response_complete:
            self._bodies[-1] += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """All of it is there."""
        self._moved = True
        if not self.parser.should_upgrade():
            super().on_message_complete()
            self._turn()

    def on_response_complete(self) -> None:
        """It is answered; what was sent ahead is read on."""
        self._bodies.popleft()
        super().on_response_complete()
        self.moved_at = self.loop.time()
        if self._unread and len(self.pipeline) <= MOST_AHEAD // 2:
            self._read()
        self._turn()
        self.all.moved(self.transport.get_write_buffer_size(), self.moved_at)

    def data_received(self, data: bytes) -> None:
        """Read what came; refuse a head that becomes too long."""
        self._unread += data
        if len(data) < _MUCH:
            self._read()
        elif not self.all.in_turn(self.loop, self._read, _MUCH_WEIGHT, at_once=False):
            self.flow.waits = True
            self.flow.pause_reading()
        self.all.moved(len(data), self.loop.time())

    def _read(self) -> None:
        """Read as many requests as may wait for their answers, one head or two at a time."""
        waited = self.flow.waits
        while self._unread and len(self.pipeline) < MOST_AHEAD and not self.transport.is_closing():
            end = self._unread.find(_END)
            end = self._unread.find(_END, end + len(_END)) if end >= 0 else end
            end = end + len(_END) if end >= 0 else len(self._unread)
            piece, self._unread = self._unread[:end], self._unread[end:]
            self._feed(piece)
        if self.transport.is_closing():
            self._unread = b""
            return
        self.flow.waits = bool(self._unread)
        if self._unread:
            self.flow.pause_reading()
        elif waited:
            self.flow.resume_reading()

    def _feed(self, piece: bytes) -> None:
        self._moved = False
        size = len(piece)
        while piece:
            self._data, self._again = piece, b""
            super().data_received(piece)
            piece = self._again
        self._data = b""
        self._idle_bytes = 0 if self._moved else self._idle_bytes + size
        if not self._in_head:
            self._in_time()
        if self._idle_bytes > LARGEST_HEAD:
            self._refuse(
                "431 Request Header Fields Too Large",
                RequestError(431, "head_too_long", f"The headers are longer than {LARGEST_HEAD} bytes."),
            )
        elif self._in_head and self._late is None:
            self._wait()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, in the form that every error has."""
        del msg
        self._refuse("400 Bad Request", RequestError(400, "malformed_request", "The request is no valid HTTP/1.1."))

    def _unsupported_upgrade_warning(self) -> None:
        """Read a request that asks for another protocol once more, without that wish: the parser left out its body."""
        stopped = sys.exception()
        if not isinstance(stopped, httptools.HttpParserUpgrade) or self.parser.get_method() == b"CONNECT":
            self.send_400_response("")
            return
        version = self.parser.get_http_version().encode()
        head = [self.parser.get_method(), b" ", self.url, b" HTTP/", version, b"\r\n"]
        for name, value in self.headers:
            if name == b"connection":
                tokens = [token.strip() for token in value.split(b",")]
                value = b", ".join(token for token in tokens if token.lower() not in _ASKS_FOR_ANOTHER)
            if name not in _ASKS_FOR_ANOTHER:
                head += [name, b": ", value, b"\r\n"]
        self.parser = httptools.HttpRequestParser(self)
        self._again = b"".join([*head, b"\r\n", self._data[stopped.args[0] :]])

    @property
    def taken(self) -> int:
        """Bytes that were read of it, and are not answered."""
        return len(self._unread) + sum(self._bodies) + _ONE_AHEAD * len(self._bodies)

    def cut(self) -> None:
        """End it now; where it is not answered to the end, what the system holds of the answers goes too, by a reset."""
        if self._bodies or self.transport.get_write_buffer_size():
            line = self.transport.get_extra_info("socket")
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()

    @property
    def _answers(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _turn(self) -> None:
        """Whose turn it is: the service's, where one request is whole; else the client's.

        A client that asks ahead, or takes nothing, makes room for others as one that rests does.
        """
        asked = self._answers and not (self.cycle.more_body or self.pipeline or self.flow.write_paused)
        (self.all.works if asked else self.all.waits)(self)

    def _wait(self) -> None:
        self._late = self.loop.call_later(self.head_seconds, self._too_late)

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _too_late(self) -> None:
        refusal = RequestError(408, "too_slow", f"The headers were not there within {self.head_seconds:g} s.")
        self._refuse("408 Request Timeout" if self._moved or self._idle_bytes else None, refusal)

    def _leave_unanswered(self) -> None:
        """Let the application know that nobody reads its answer; uvicorn tells that to the last request that came."""
        if self._answering is not None:
            self._answering.disconnected = True
            self._answering.message_event.set()

    def _refuse(self, status: str | None, refusal: RequestError) -> None:
        """Close, and say why in place of the application, unless it has begun to answer or a request before waits."""
        if self.transport.is_closing():
            return
        begun = False
        if self._answers:
            begun = self.cycle.response_started or bool(self.pipeline)
            self._leave_unanswered()
        if status is not None and not begun:
            body = refusal.body("")
            head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
            self.transport.write(f"{head}connection: close\r\n\r\n".encode() + body)
        self.transport.close()


def bounded(head_seconds: float, max_body: int) -> type[HttpToolsProtocol]:
    """The protocol, with as many connections as files allow.

    `head_seconds`: that the head of a request may take, and in which a client takes a part of an answer. `max_body`:
    bytes of one request.
    """
    if os.environ.get(SWITCH, "").lower() == "off":
        return HttpToolsProtocol
    if changed := _changed():
        _logger.warning(
            "uvicorn's %s is not what it was in %s: requests are answered, but without bounds on heads and connections.",
            ", ".join(changed),
            WRITTEN_FOR,
        )
        return HttpToolsProtocol
    connections = Connections(_connections(), MOST_HELD + 4 * max_body, head_seconds)
    return type("Bounded", (BoundedProtocol,), {"head_seconds": head_seconds, "all": connections})


def _changed() -> list[str]:
    """What of uvicorn is not as it was when the reaches were written."""
    methods = {**vars(FlowControl), **vars(HttpToolsProtocol)}
    changed = [name for name, _, was in REACHES if name not in methods or signature(methods[name]) != was]
    attributes = (HttpToolsProtocol, _OF_A_CONNECTION), (RequestResponseCycle, _OF_A_REQUEST), (FlowControl, _OF_A_FLOW)
    for owner, names in attributes:
        changed += sorted(names.difference(owner.__init__.__code__.co_names))
    return changed


def _connections() -> int:
    """How many connections there may be; the process's limit of open files is raised for them where it can be."""
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + _FILES
    if 0 <= now < wanted:
        reached = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (reached, most))
            now = reached
        return max(min(now, wanted) - _FILES, 8)
    return MOST_CONNECTIONS
