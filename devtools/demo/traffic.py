"""Traffic for `make demo`: a service in a process of its own, and clients that ask it over HTTP."""

import contextlib
import http.client
import itertools
import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from devtools.checkout import Checkout, UnexpectedError

PATIENCE = 60.0  # seconds after which what should come counts as missing
PAUSE = 0.01  # seconds between the requests of one client
CLIENTS = 2
JSON = {"Content-Type": "application/json"}
INTERRUPTED = threading.Event()  # by Ctrl-C: the exception alone is lost where it meets C code that reports none


class Client:
    """One connection that stays open, on which nothing is asked twice. `address`: as ``http://127.0.0.1:8000``.

    Each question raises UnexpectedError when there is no answer, or another status than 200.
    """

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(address.removeprefix("http://"), timeout=PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def predict(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The answer for some rows; UnexpectedError too when it is one for fewer of them."""
        answer: dict[str, Any] = json.loads(self.ask("POST", "/predict", json.dumps(rows).encode()))
        if len(answer["predictions"]) != len(rows):
            raise UnexpectedError(f"{len(rows)} rows were asked, and {len(answer['predictions'])} answered")
        return answer

    def ask(self, method: str, path: str, body: bytes | None = None) -> str:
        """What a path answers."""
        try:
            self._connection.request(method, path, body, JSON if body else {})
            answer = self._connection.getresponse()
            text = answer.read().decode()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise UnexpectedError(f"{method} {path} had no answer ({type(error).__name__})") from None
        if answer.status != 200:
            raise UnexpectedError(f"{method} {path} was answered with {answer.status}: {text[:200]}")
        return text


@dataclass
class Stream:
    """Requests of one row that go on until this is left: what became of them.

    `turns`: the versions that answered each client, each named once per turn.
    """

    address: str
    rows: Sequence[dict[str, Any]]
    requests: int = 0
    failures: list[str] = field(default_factory=list)
    turns: list[list[int]] = field(default_factory=lambda: [[] for _ in range(CLIENTS)])

    def __post_init__(self) -> None:
        self._over, self._lock = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._go, args=(turn,), daemon=True) for turn in self.turns]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def on(self, version: int) -> bool:
        """Whether every client's last answer is of a version."""
        return all(turn and turn[-1] == version for turn in self.turns)

    def check(self, former: int, version: int) -> None:
        """Raise UnexpectedError when a request failed, or a client was not answered by one version and then the other."""
        if self.failures:
            raise UnexpectedError(f"{len(self.failures)} of {self.requests} requests failed: {self.failures[0]}")
        if any(turn != [former, version] for turn in self.turns):
            raise UnexpectedError(f"the clients saw the versions {self.turns}, and not {former}, then {version}")

    def _go(self, turn: list[int]) -> None:
        with Client(self.address) as client:
            for row in itertools.cycle(self.rows):
                if self._over.is_set():
                    return
                failures = []
                try:
                    version = client.predict([row])["model_version"]
                    if turn[-1:] != [version]:
                        turn.append(version)
                except UnexpectedError as error:
                    failures = [str(error)]
                with self._lock:
                    self.requests += 1
                    self.failures += failures
                self._over.wait(PAUSE)


@dataclass(frozen=True)
class Service:
    """A running service: where it answers, and its process."""

    address: str
    process: subprocess.Popen[str]

    def version(self) -> int:
        """The model version that answers."""
        with Client(self.address) as client:
            return int(json.loads(client.ask("GET", "/model"))["model_version"])

    def metric(self, name: str) -> int:
        """The sum of all samples of a metric."""
        with Client(self.address) as client:
            samples = re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", client.ask("GET", "/metrics"), re.MULTILINE)
        return int(sum(map(float, samples)))


@contextlib.contextmanager
def serving(checkout: Checkout, config: str, log: Path) -> Iterator[Service]:
    """Serve a use case of the checkout on a free port, with ``python run.py serve``, whose output goes to a file.

    Raises UnexpectedError when it does not begin to listen.
    """
    command = ("python", "run.py", "serve", "--config", config, "--port", "0")
    with log.open("w", encoding="utf-8") as file, checkout.started(*command, out=file.fileno()) as process:

        def listening() -> re.Match[str] | None:
            return re.search(r"^listening address=(\S+)", log.read_text(encoding="utf-8"), re.MULTILINE)

        wait_until(lambda: bool(listening()) or process.poll() is not None, PATIENCE, "the service did not listen")
        if (line := listening()) is None:
            raise UnexpectedError(f"the service ended, and said: {log.read_text(encoding='utf-8').strip()[-500:]}")
        yield Service(line[1], process)


def wait_until(look: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait until `look` says so; the seconds it took.

    Raises UnexpectedError when the time is over; `what` was not so, in words. Raises KeyboardInterrupt once the demo is
    interrupted.
    """
    begun = time.monotonic()
    while not look():
        if INTERRUPTED.is_set():
            raise KeyboardInterrupt
        if time.monotonic() - begun > seconds:
            raise UnexpectedError(f"{what} within {seconds:.0f} seconds")
        time.sleep(0.05)
    return time.monotonic() - begun
