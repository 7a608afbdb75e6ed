"""A server that answers as it is told, whatever it is asked."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Answering(ThreadingHTTPServer):
    """Each request gets the next status and model version, and then for ever the last; `asked` counts them."""

    def __init__(self, *answers: tuple[int, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.address, self.asked = f"http://127.0.0.1:{self.server_port}", 0
        self._answers, self._lock = answers, threading.Lock()

    def next(self) -> tuple[int, int]:
        with self._lock:
            self.asked += 1
            return self._answers[min(self.asked, len(self._answers)) - 1]

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet
    server: Answering

    def do_GET(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, version = self.server.next()
        rows = json.loads(content or "[]") if status == 200 else []
        body = json.dumps({"model_version": version, "request_id": "r", "predictions": [{} for _ in rows]}).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status != 200:
            self.send_header("Connection", "close")  # and so it is closed
        self.end_headers()
        self.wfile.write(body)

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815

    def log_message(self, *args: Any) -> None:
        pass
