"""What a client is told when a request is refused: a status, a code, a sentence and a field. Never a value it sent."""

from __future__ import annotations

import json

Header = tuple[bytes, bytes]


class RequestError(Exception):
    """A request that is not answered.

    `status`: of HTTP, 400 to 503. `headers` (tuple of Header): beside those that every answer has.
    """

    def __init__(
        self, status: int, code: str, message: str, field: str | None = None, headers: tuple[Header, ...] = ()
    ) -> None:
        message = message[:1].upper() + message[1:]
        super().__init__(message)
        self.status, self.code, self.message, self.field, self.headers = status, code, message, field, headers

    def body(self, request_id: str) -> bytes:
        """The answer as JSON."""
        error = {"code": self.code, "message": self.message, "field": self.field}
        return json.dumps({"error": error, "request_id": request_id}).encode()
