"""HTTP with a bound on what comes before a body: uvicorn would hold an endless header in memory, and wait for ever."""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving.refusal import RequestError

LARGEST_HEAD = 65_536  # bytes of request line and headers


class BoundedProtocol(HttpToolsProtocol):
    """One connection whose requests have to begin in time, and with a head of bounded size."""

    head_seconds = 10.0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self._in_head, self._head = True, 0
        self._late: asyncio.TimerHandle | None = None
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._in_time()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """A request begins."""
        self._in_head = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Its head is there."""
        self._in_head = False
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Read what came; refuse a head that becomes too long."""
        super().data_received(data)
        if not self._in_head:
            self._head = 0
            self._in_time()
            return
        self._head += len(data)
        if self._head > LARGEST_HEAD:
            self._refuse(
                "431 Request Header Fields Too Large",
                RequestError(431, "head_too_long", f"The headers are longer than {LARGEST_HEAD} bytes."),
            )
        elif self._late is None:
            self._wait()

    def _wait(self) -> None:
        self._late = self.loop.call_later(self.head_seconds, self._too_late)

    def _in_time(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _too_late(self) -> None:
        refusal = RequestError(408, "too_slow", f"The headers were not there within {self.head_seconds:g} s.")
        self._refuse("408 Request Timeout", refusal)

    def _refuse(self, status: str, refusal: RequestError) -> None:
        """Answer in place of the application, unless it is answering a request before, and close."""
        answering = self.cycle is not None and not self.cycle.response_complete
        if not self.transport.is_closing():
            if self._head and not answering:
                body = refusal.body("")
                head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
                self.transport.write(f"{head}connection: close\r\n\r\n".encode() + body)
            self.transport.close()


def bounded(head_seconds: float) -> type[BoundedProtocol]:
    """The protocol, with the seconds that the head of a request may take."""
    return type("Bounded", (BoundedProtocol,), {"head_seconds": head_seconds})
