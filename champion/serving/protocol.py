"""HTTP with bounds that uvicorn has not: on the head of a request and the time it takes, and on connections.

A client that asks for another protocol, as Java's and curl's do with `Upgrade: h2c`, is answered in HTTP/1.1.

This reaches into uvicorn's inside. `REACHES` lists where; they are taken only where uvicorn still has what it had when
they were written. Elsewhere its own protocol serves, without these bounds, and one warning says so.
"""

import asyncio
import contextlib
import logging
import os
import resource
import sys

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from champion.patching import SWITCH, signature
from champion.serving.rows import RequestError

LARGEST_HEAD = 65_536  # bytes of request line and headers, or of anything else that is no body
MOST_CONNECTIONS = 4096
_FILES = 64  # open files that are left to packages, the log and libraries
_ASKS_FOR_ANOTHER = frozenset({b"upgrade", b"http2-settings"})

_logger = logging.getLogger(__name__)

WRITTEN_FOR = "uvicorn 0.54"
# A method of HttpToolsProtocol that is replaced, why, and the signature that it had
REACHES = (
    ("connection_made", "a connection waits for its first request for a bounded time", "(self, transport)"),
    ("connection_lost", "it waits no more", "(self, exc)"),
    ("on_message_begin", "a head begins", "(self)"),
    ("on_header", "headers behind the body would grow without a bound", "(self, name, value)"),
    ("on_headers_complete", "the head is there; a wish for another protocol is not followed", "(self)"),
    ("on_body", "the request goes on", "(self, body)"),
    ("on_message_complete", "the request is there; a wish for another protocol is not followed", "(self)"),
    ("on_response_complete", "the connection rests, and may make room for another one", "(self)"),
    ("data_received", "a head has a bounded size and time", "(self, data)"),
    ("send_400_response", "what is no HTTP is refused in the form that every error has", "(self, msg)"),
    ("_unsupported_upgrade_warning", "a request that wishes for another protocol is read again", "(self)"),
)
# What else of a connection, and of the request that it answers, is read or set here
_OF_A_CONNECTION = frozenset({"connections", "cycle", "headers", "loop", "parser", "pipeline", "transport"})
_OF_A_REQUEST = frozenset({"disconnected", "message_event", "response_complete", "response_started"})


class BoundedProtocol(HttpToolsProtocol):
    """One connection whose requests have to begin in time, and with a head of bounded size."""

    head_seconds = 10.0
    most_connections = MOST_CONNECTIONS

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request; where there are too many connections, one that rests makes room."""
        super().connection_made(transport)
        self._in_head, self._idle_bytes, self._moved = True, 0, False
        self._data = self._again = b""
        self.rests_since = self.loop.time()
        self._late: asyncio.TimerHandle | None = None
        self._wait()
        if len(self.connections) > self.most_connections:
            resting = [each for each in self.connections if isinstance(each, BoundedProtocol) and each.rests]
            min(resting, key=lambda each: each.rests_since).transport.close()  # this one, where all others are busy

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._in_time()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A head begins."""
        self._in_head = self._moved = True
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, but none that comes behind the body: that would grow without a bound."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Its head is there."""
        self._in_head, self._moved = False, True
        if not self.parser.should_upgrade():
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of its body is there."""
        self._moved = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """All of it is there."""
        self._moved = True
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """It is answered."""
        self.rests_since = self.loop.time()
        super().on_response_complete()

    def data_received(self, data: bytes) -> None:
        """Read what came; refuse a head that becomes too long."""
        self._moved = False
        size = len(data)
        while data:
            self._data, self._again = data, b""
            super().data_received(data)
            data = self._again
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
    def rests(self) -> bool:
        """Whether no request of it is being answered."""
        return not self._answers and not self.transport.is_closing()

    @property
    def _answers(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self) -> None:
        self._late = self.loop.call_later(self.head_seconds, self._too_late)

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _too_late(self) -> None:
        refusal = RequestError(408, "too_slow", f"The headers were not there within {self.head_seconds:g} s.")
        self._refuse("408 Request Timeout" if self._moved or self._idle_bytes else None, refusal)

    def _refuse(self, status: str | None, refusal: RequestError) -> None:
        """Close, and say why in place of the application, unless it has begun to answer or a request before waits."""
        if self.transport.is_closing():
            return
        begun = False
        if self._answers:
            begun = self.cycle.response_started or bool(self.pipeline)
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if status is not None and not begun:
            body = refusal.body("")
            head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
            self.transport.write(f"{head}connection: close\r\n\r\n".encode() + body)
        self.transport.close()


def bounded(head_seconds: float) -> type[HttpToolsProtocol]:
    """The protocol, with the seconds that the head of a request may take, and as many connections as files allow."""
    if os.environ.get(SWITCH, "").lower() == "off":
        return HttpToolsProtocol
    if changed := _changed():
        _logger.warning(
            "uvicorn's %s is not what it was in %s: requests are answered, but without bounds on heads and connections.",
            ", ".join(changed),
            WRITTEN_FOR,
        )
        return HttpToolsProtocol
    bounds = {"head_seconds": head_seconds, "most_connections": _connections()}
    return type("Bounded", (BoundedProtocol,), bounds)


def _changed() -> list[str]:
    """What of uvicorn is not as it was when the reaches were written."""
    methods = vars(HttpToolsProtocol)
    changed = [name for name, _, was in REACHES if name not in methods or signature(methods[name]) != was]
    for owner, names in ((HttpToolsProtocol, _OF_A_CONNECTION), (RequestResponseCycle, _OF_A_REQUEST)):
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
