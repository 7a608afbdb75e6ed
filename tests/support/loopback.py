"""Servers on loopback that tests answer from."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Handler(BaseHTTPRequestHandler):
    """A request, read and answered in one line each; a double says how."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def reply(self, status: int, content: Any = None, headers: dict[str, str] | None = None) -> None:
        """Answer with bytes, or with JSON."""
        sent = content if isinstance(content, bytes) else b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(sent)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(sent)

    def do_GET(self) -> None:
        self.server.answer(self)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_GET  # noqa: N815 - the names are http.server's

    def log_message(self, *_: Any) -> None:
        """Nothing goes to the terminal."""


class Loopback(ThreadingHTTPServer):
    """A server that answers while it is entered."""

    daemon_threads = True

    def __init__(self, handler: type[Handler] = Handler) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.url, self.lock = f"http://127.0.0.1:{self.server_port}", threading.RLock()

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class Answering(Loopback):
    """Each request gets the next status and model version, and then for ever the last; `asked` counts them."""

    def __init__(self, *answers: tuple[int, int]) -> None:
        super().__init__()
        self.asked, self._answers = 0, answers

    def answer(self, request: Handler) -> None:
        rows = json.loads(request.body() or "[]")
        with self.lock:
            self.asked += 1
            status, version = self._answers[min(self.asked, len(self._answers)) - 1]
        found = {"model_version": version, "request_id": "r", "predictions": [{} for _ in rows]}
        request.reply(status, found, {} if status == 200 else {"Connection": "close"})
