"""``python -m devtools.benchmarks.serving.attacks models/iris``: what rude clients cost a service, on this machine alone.

Each attack has a service of its own, a bounded number of connections, and ends after some seconds. Beside it an honest
client asks for the health of the service and for one prediction, each time on a new connection.
"""

import contextlib
import json
import multiprocessing
import os
import re
import select
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import click

from champion.terminal import echo

PATIENCE = 60.0  # seconds for one answer
SMALL = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
POST = "POST /predict HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


@dataclass
class Client:
    """The honest one: the slowest answer of each path in seconds, and how many it did not get."""

    port: int
    row: bytes
    slowest: dict[str, float] = field(default_factory=lambda: {"/healthz": 0.0, "/predict": 0.0})
    refused: dict[str, int] = field(default_factory=lambda: {"/healthz": 0, "/predict": 0})

    def ask_on(self, line: Connection) -> None:
        """Ask until a word comes on the line, and send what came of it."""
        while not line.poll(0.05):
            for path in self.slowest:
                self.ask(path)
        line.send([f"{seconds:.2f} / {self.refused[path]}" for path, seconds in self.slowest.items()])

    def ask(self, path: str) -> None:
        """Ask once."""
        body = self.row if path == "/predict" else None
        address = f"http://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(address, body, {"Content-Type": "application/json"})
        began = time.perf_counter()
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                answer.read()
        except OSError:
            self.refused[path] += 1
        self.slowest[path] = max(self.slowest[path], time.perf_counter() - began)


class Crowd:
    """The rude ones: connections to the service, each of which says something and, where it says so, reads nothing."""

    def __init__(self, port: int, row: bytes) -> None:
        self.port, self.row = port, row
        self.lines: list[socket.socket] = []

    def join(self, said: bytes = b"") -> None:
        """One more; what it cannot send at once it sends never."""
        line = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        line.setblocking(False)
        with contextlib.suppress(OSError):
            while said:
                said = said[line.send(said) :]
        self.lines.append(line)

    @property
    def held(self) -> int:
        """How many of the connections the service has not ended."""
        held = 0
        for line in self.lines:
            with contextlib.suppress(BlockingIOError):
                try:
                    held += bool(line.recv(1, socket.MSG_PEEK)) and not _reset(line)
                except ConnectionError:
                    continue
                continue
            held += 1
        return held

    def leave(self) -> None:
        """All of them go."""
        for line in self.lines:
            line.close()


def _reset(line: socket.socket) -> bool:
    """Whether the other side has ended a connection of which something is still to be read."""
    state = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]
    return state != 1  # man 7 tcp: 1 is ESTABLISHED


def ahead(crowd: Crowd) -> None:
    """60 connections ask for the page again and again, and read nothing."""
    for _ in range(60):
        crowd.join(SMALL * 20_000)


def unread(crowd: Crowd) -> None:
    """220 connections ask for 10,000 rows each, with 256 open files, and read nothing."""
    body = b"[" + b",".join([crowd.row] * 10_000) + b"]"
    for _ in range(220):
        crowd.join((POST % len(body)).encode() + body)


def one_byte(crowd: Crowd) -> None:
    """128 connections send one byte of a body each, again and again."""
    for _ in range(128):
        crowd.join((POST % 80).encode() + b"{")


def bodies(crowd: Crowd) -> None:
    """1,000 connections send all of a body of 1 MB but its last byte."""
    said = (POST % 1_000_000).encode() + b" " * 999_999
    for _ in range(1000):
        crowd.join(said)


def long(crowd: Crowd) -> None:
    """100 clients ask for 10,000 rows each, read the answers and ask again."""
    body = b"[" + b",".join([crowd.row] * 10_000) + b"]"
    ends = time.monotonic() + 10

    def ask() -> None:
        with contextlib.suppress(OSError):
            while time.monotonic() < ends:
                request = urllib.request.Request(
                    f"http://127.0.0.1:{crowd.port}/predict", body, {"Content-Type": "application/json"}
                )
                with (
                    contextlib.suppress(urllib.error.HTTPError),
                    urllib.request.urlopen(request, timeout=PATIENCE) as got,
                ):
                    got.read()

    for _ in range(100):
        threading.Thread(target=ask, daemon=True).start()


def flood(crowd: Crowd) -> None:
    """1,000 connections ask for the page, read it and ask again."""
    poll, ends = select.epoll(), time.monotonic() + 10
    for _ in range(1000):
        crowd.join(SMALL)
        poll.register(crowd.lines[-1], select.EPOLLIN)
    by_number = {line.fileno(): line for line in crowd.lines}
    while time.monotonic() < ends:
        for number, _ in poll.poll(1):
            with contextlib.suppress(BlockingIOError):
                if len(by_number[number].recv(65_536)) < 65_536:
                    by_number[number].send(SMALL)


def idle(crowd: Crowd) -> None:
    """6,000 connections rest after one answer each."""
    for _ in range(6000):
        crowd.join(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")


ATTACKS: dict[str, tuple[Callable[[Crowd], None], int | None]] = {
    "ahead": (ahead, None),
    "unread": (unread, 256),
    "one-byte": (one_byte, None),
    "bodies": (bodies, None),
    "long": (long, None),
    "flood": (flood, None),
    "idle": (idle, None),
}  # with the limit of open files that the service has


@contextlib.contextmanager
def service(package: str, open_files: int | None) -> Iterator[tuple[int, int]]:
    """A service of the package: its process and its port."""
    command = [sys.executable, "-m", "champion.serving", "--package", package, "--port", "0"]
    if open_files is not None:
        command = ["prlimit", f"--nofile={open_files}", *command]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if found := re.search(r"^listening address=\S+:(\d+)", line):
                yield process.pid, int(found[1])
                break
    finally:
        process.kill()
        process.wait()


def memory(pid: int, which: str) -> float:
    """Resident memory in MB: now (`VmRSS`), or the most there was (`VmHWM`)."""
    found = re.search(rf"{which}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) / 1000 if found else 0.0


def measure(package: str, name: str, seconds: float) -> str:
    """One row of the table."""
    attack, open_files = ATTACKS[name]
    with service(package, open_files) as (pid, port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/model") as answer:
            row = json.dumps(json.load(answer)["example"]).encode()
        here, there = multiprocessing.Pipe()
        client = multiprocessing.Process(target=Client(port, row).ask_on, args=(there,), daemon=True)
        client.start()  # a process of its own, so that it waits for the service alone
        crowd, before, ends = Crowd(port, row), memory(pid, "VmRSS"), time.monotonic() + seconds
        coming = threading.Thread(target=attack, args=(crowd,), daemon=True)
        coming.start()
        most = 0
        while time.monotonic() < ends or coming.is_alive():
            most = max(most, crowd.held)
            time.sleep(0.2)
        held, peak = crowd.held, memory(pid, "VmHWM")
        here.send(None)
        figures = here.recv()
        crowd.leave()
    about = " ".join((attack.__doc__ or "").split())
    return f"| {name}: {about} | {before:.0f} | {peak:.0f} | {most} | {held} | {' | '.join(figures)} |"


@click.command()
@click.argument("package")
@click.option("--only", multiple=True, type=click.Choice(list(ATTACKS)), help="This attack; may be repeated.")
@click.option("--seconds", type=click.FloatRange(1, 120), default=15.0, show_default=True, help="Of each attack.")
def main(package: str, only: tuple[str, ...], seconds: float) -> None:
    """Measure what attacks cost a service of a package."""
    import resource

    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    echo(f"{os.cpu_count()} cores. Slowest answer in seconds / answers that were refused.")
    echo("| attack | memory before, MB | peak, MB | held at most | held at the end | /healthz | /predict |")
    echo("|---|---:|---:|---:|---:|---:|---:|")
    for name in only or ATTACKS:
        echo(measure(package, name, seconds))


if __name__ == "__main__":
    main()
