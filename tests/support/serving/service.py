"""A service in a process of its own or in a test's, and a client that is as rude as a test wants it to be."""

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
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import uvicorn
from prometheus_client.parser import text_string_to_metric_families

from champion.bundle.folder import Package, write
from champion.bundle.predictions import Answered
from champion.serving import app
from champion.serving.loaded import Champion
from champion.serving.options import Options
from champion.serving.state import State
from tests.conftest import ROOT
from tests.support.serving.forked import Forked
from tests.support.serving.models import made

PATIENCE = 60.0  # seconds after which something that should come counts as missing
JSON = {"Content-Type": "application/json"}


class Answer:
    """What came back."""

    def __init__(self, answer: http.client.HTTPResponse) -> None:
        self.status, self.body = answer.status, answer.read()
        self.headers = {name.lower(): value for name, value in answer.getheaders()}

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Of an error; its form is looked at too."""
        assert self.json.keys() == {"error", "request_id"}
        assert self.json["error"].keys() == {"code", "message", "field"}
        return str(self.json["error"]["code"])


def answered(line: socket.socket) -> Answer:
    """The next answer on a connection."""
    answer = http.client.HTTPResponse(line)
    answer.begin()
    return Answer(answer)


def request(body: bytes, *headers: bytes, length: int | None = None) -> bytes:
    """POST /predict as it goes over the line; with a length of 0 there is none of it in the head."""
    lines = [b"POST /predict HTTP/1.1", b"host: x", b"content-type: application/json", *headers]
    if length != 0:
        lines.append(b"content-length: %d" % (length or len(body)))
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@dataclass
class Service:
    """A running service."""

    process: Any  # subprocess.Popen, or Forked
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.listener.join()
        self.process.stdout.close()

    def _listen(self) -> None:
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
            ended = self.process.poll() is not None
            if found := look():
                return found
            if ended and not self.listener.is_alive():
                break
            time.sleep(0.01)
        raise AssertionError(f"never came: {what}; said: {self.lines}")

    @property
    def example(self) -> Any:
        """A row that its champion answers."""
        return self.get("/model").json["example"]

    def serves(self, number: int) -> None:
        """Wait until it answers with a model version."""
        self.until(lambda: self.get("/model").json.get("model_version") == number, f"version {number}")

    @property
    def port(self) -> int:
        return int(self.facts("listening")["address"].rpartition(":")[2])

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            return Answer(connection.getresponse())

    def get(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=headers)

    def predict(self, rows: Any, **headers: str) -> Answer:
        """POST /predict; bytes go as they are."""
        body = rows if isinstance(rows, bytes) else json.dumps(rows).encode()
        return self.ask("POST", "/predict", body, {**JSON, **headers})

    def metric(self, name: str, **labels: str) -> float:
        """The value of one sample; 0 where there is none."""
        families = text_string_to_metric_families(self.get("/metrics").body.decode())
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        return next((each.value for each in samples if labels.items() <= each.labels.items()), 0.0)

    def memory(self) -> int:
        """Resident memory in bytes."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", text)[1]) * 1024  # type: ignore[index]  # Linux writes it

    def raw(self) -> socket.socket:
        """A connection to say anything on."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)


def environment(more: dict[str, str] | None = None) -> dict[str, str]:
    """Of a service: without settings that this process was given."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SERVE_")} | (more or {})


@contextlib.contextmanager
def running(
    package: Path, *flags: str, env: dict[str, str] | None = None, open_files: int | None = None, forked: bool = True
) -> Iterator[Service]:
    """`python -m champion.serving` over a package, on a free port, with a limit of open files where one is given."""
    arguments = ["--package", str(package), "--port", "0", "--reload-seconds", "0.05", *flags]
    if forked:
        process: Any = Forked(arguments, environment(env), open_files)
    else:
        command = [sys.executable, "-m", "champion.serving", *arguments]
        output: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        process = subprocess.Popen(command, cwd=ROOT, env=environment(env), **output)
    with Service(process) as service:
        service.facts("listening")
        yield service


def over(folder: Path, *flags: str, **more: Any) -> AbstractContextManager[Service]:
    """The same over a package of the sample, which is put into the folder."""
    write(made(), folder)
    return running(folder, *flags, **more)


def refused_start(*flags: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    """`python -m champion.serving` that must not start: its exit code, and what it said."""
    process = Forked(flags, environment(env))
    with process.stdout as said:
        text = said.read()
    return process.wait(PATIENCE), text


class Recorder:
    """A prediction log that remembers the rows it is given, by their fields."""

    rows, dropped = 0, dict.fromkeys(["queue"], 0)

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def add(self, answered: Answered) -> None:
        names = [feature.name for feature in answered.manifest.signature]
        self.asked += [dict(zip(names, row, strict=True)) for row in answered.rows]

    def close(self) -> None: ...


def state(log: Any = None, **options: Any) -> State:
    """Of a service whose package is nowhere; nobody looks for it."""
    return State(Options(Path("models/none"), "models/iris", reload_seconds=86_400.0, **options), log)


@contextlib.contextmanager
def inside(package: Package | None, **options: Any) -> Iterator[Any]:
    """A service of this package in this process: its state, its address, and the rows that it has answered."""
    log = Recorder()
    of = state(log, **options)

    def adopt(champion: Package) -> None:
        of.adopt(Champion(champion, "models/iris"))

    with listening(of) as address:
        if package is not None:
            adopt(package)
        yield SimpleNamespace(state=of, adopt=adopt, address=address, asked=log.asked)


@contextlib.contextmanager
def listening(of: State) -> Iterator[str]:
    """The service of this state in this process, on a free port; its address."""
    server = uvicorn.Server(uvicorn.Config(app.service(of, lambda *_: None), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.005)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
