"""The service in the process of a test, which changes its state while a page is open."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from champion.bundle.folder import Package
from champion.bundle.predictions import Answered
from champion.serving.app import service
from champion.serving.loaded import Champion
from champion.serving.options import Options
from champion.serving.state import State


class Recorder:
    """A prediction log that remembers the rows it is given, by their fields."""

    rows, dropped = 0, dict.fromkeys(["queue"], 0)

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def add(self, answered: Answered) -> None:
        names = [feature.name for feature in answered.manifest.signature]
        self.asked += [dict(zip(names, row, strict=True)) for row in answered.rows]

    def close(self) -> None: ...


@dataclass
class Inside:
    """A service that is listening; `asked` are the rows that it has answered."""

    state: State
    address: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)

    def adopt(self, package: Package) -> None:
        self.state.adopt(Champion(package, "models/iris"))


def state(log: Any = None, **options: Any) -> State:
    """Of a service whose package is nowhere; nobody looks for it."""
    return State(Options(Path("models/none"), "models/iris", reload_seconds=86_400.0, **options), log)


@contextlib.contextmanager
def inside(package: Package | None, **options: Any) -> Iterator[Inside]:
    """A service of this package, on a port of this machine."""
    log = Recorder()
    found = Inside(state(log, **options), asked=log.asked)
    server = uvicorn.Server(uvicorn.Config(service(found.state, lambda *_: None), port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.005)
        found.address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        if package is not None:
            found.adopt(package)
        yield found
    finally:
        server.should_exit = True
        thread.join()
