"""A service in a process of its own, and a client that is as rude as a test wants it to be."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.conftest import ROOT

PATIENCE = 60.0  # seconds after which something that should come counts as missing
JSON = {"Content-Type": "application/json"}


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Of an error; its form is looked at too."""
        assert self.json.keys() == {"error", "request_id"}
        assert self.json["error"].keys() == {"code", "message", "field"}
        return str(self.json["error"]["code"])


@dataclass
class Service:
    """A running service."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def _listen(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def facts(self, event: str) -> dict[str, str]:
        """The facts of the last line about an event, as soon as there is one."""
        found = self.until(lambda: [line for line in self.lines if line.split(" ")[0] == event], event)
        return dict(word.split("=", 1) for word in shlex.split(found[-1])[1:])

    def until(self, look: Any, what: str) -> Any:
        """What a look finds as soon as it finds something."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            if found := look():
                return found
            time.sleep(0.02)
        raise AssertionError(f"never came: {what}; said: {self.lines}")

    @property
    def port(self) -> int:
        return int(self.facts("listening")["address"].rpartition(":")[2])

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def predict(self, rows: Any, **headers: str) -> Answer:
        """POST /predict; bytes go as they are."""
        body = rows if isinstance(rows, bytes) else json.dumps(rows).encode()
        return self.ask("POST", "/predict", body, {**JSON, **headers})

    def metric(self, name: str, **labels: str) -> float:
        """The value of one sample; 0 where there is none."""
        wanted = {f'{label}="{value}"' for label, value in labels.items()}
        for line in self.get("/metrics").body.decode().splitlines():
            match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
            if match and match[1] == name and wanted <= set((match[2] or "").split(",")):
                return float(match[3])
        return 0.0

    def memory(self) -> int:
        """Resident memory in bytes."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) * 1024  # type: ignore[index]

    def raw(self) -> socket.socket:
        """A connection to say anything on."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)


@contextlib.contextmanager
def running(
    package: Path, *flags: str, env: dict[str, str] | None = None, open_files: int | None = None
) -> Iterator[Service]:
    """`python -m champion.serving` over a package, on a free port, with a limit of open files where one is given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SERVE_")}
    command = [
        sys.executable,
        "-m",
        "champion.serving",
        "--package",
        str(package),
        "--port",
        "0",
        "--reload-seconds",
        "0.05",
    ]
    limited = [] if open_files is None else ["sh", "-c", f'ulimit -n {open_files}; exec "$@"', "sh"]
    process = subprocess.Popen(
        [*limited, *command, *flags],
        cwd=ROOT,
        env={**kept, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    service = Service(process)
    try:
        service.facts("listening")
        yield service
    finally:
        process.kill()
        process.wait()
        service.listener.join()
        process.stdout.close()  # type: ignore[union-attr]


def refused_start(*flags: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """`python -m champion.serving` that must not start."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SERVE_")}
    return subprocess.run(
        [sys.executable, "-m", "champion.serving", *flags], cwd=ROOT, env={**kept, **(env or {})},
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
