"""A cluster that says what was recorded, asked by the real client library over loopback."""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from champion.orchestration.cluster.api import Cluster

RECORDED: dict[str, Any] = json.loads(Path(__file__).with_name("recorded.json").read_text(encoding="utf-8"))
LOGS = '{"event": "epoch", "loss": 0.5}\nValueError: no such column\n'


@dataclass
class Api:
    """What is there of a run by name, how often it is to be away, and which jobs were removed."""

    run: str = "oom"
    away: int = 0
    removed: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def answer(self, path: str, query: dict[str, list[str]]) -> Any:
        self.asked.append(path)
        if path == "/api/v1/nodes":
            return {"items": RECORDED["nodes"]}
        kind = path.rpartition("/")[2]
        things = RECORDED[self.run][kind]
        if kind != "events":
            assert query["labelSelector"] == [f"run_id={self.run}"]
            things = [thing for thing in things if not self.removed]
        return {"items": things}


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def cluster(api: Api) -> Iterator[Cluster]:
    from kubernetes import client

    class Handler(BaseHTTPRequestHandler):
        def answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if api.away:
                api.away -= 1
                self.answer(503, b"{}")
            elif parts.path.endswith("/log"):
                self.answer(200, LOGS.encode())
            else:
                self.answer(200, json.dumps(api.answer(parts.path, parse_qs(parts.query))).encode())

        def do_DELETE(self) -> None:
            api.removed.append(urlsplit(self.path).path.rpartition("/")[2])
            self.answer(200, b"{}")

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    configuration = client.Configuration(host=f"http://127.0.0.1:{server.server_port}")
    configuration.retries = False
    yield Cluster(client.ApiClient(configuration), "champion")
    server.shutdown()
    server.server_close()
    thread.join()
