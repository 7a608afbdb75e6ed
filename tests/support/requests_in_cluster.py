"""A bounded stream of requests to the service, from a pod of its cluster: what became of each."""

import json
import subprocess
import threading
from typing import Any, Self

from devtools.demo.traffic import wait_until
from tests.support.cluster import Namespace

PATIENCE = 60.0  # seconds for what takes one
ROW = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
CLIENTS = r'''
import http.client, json, select, sys, threading

host, row, pause, keys = sys.argv[1], sys.argv[2], float(sys.argv[3]), json.loads(sys.argv[4])
over, printing = threading.Event(), threading.Lock()

def tell(**facts):
    with printing:
        print(json.dumps(facts), flush=True)

def closed(connection):
    """Whether the other side has closed it since the last answer: clients that keep connections look before they use one."""
    return connection is None or connection.sock is None or bool(select.select([connection.sock], [], [], 0)[0])

def ask(client, kept):
    asked, last, connection = 0, None, None
    while not over.is_set():
        asked += 1
        try:
            if closed(connection):
                connection = http.client.HTTPConnection(host, 80, timeout=20)
            for key in keys:
                connection.request("POST", "/predict", row, {"Content-Type": "application/json", "X-API-Key": key})
                answer = connection.getresponse()
                said = answer.read().decode()
                if answer.status != 401:
                    break
            if answer.status != 200:
                raise ValueError(f"{answer.status}: {said[:200]}")
            version = json.loads(said)["model_version"]
            if version != last:
                tell(client=client, version=version)
                last = version
        except (OSError, ValueError, http.client.HTTPException) as error:
            tell(client=client, kept=kept, failed=f"{type(error).__name__}: {error}")
            connection.close()
        if not kept:
            connection.close()
        over.wait(pause)
    tell(client=client, asked=asked)

threads = [threading.Thread(target=ask, args=(client, client % 2 == 0)) for client in range(int(sys.argv[5]))]
for thread in threads:
    thread.start()
sys.stdin.readline()
over.set()
for thread in threads:
    thread.join()
'''


class Requests:
    """Requests of one row that go on until this is left; every other client opens a connection for each.

    A client that is refused one of the `keys` shows the next; with a `pause` of 0 it asks as fast as it is answered.
    `failures`: what failed, in words. `versions`: those that answered.
    """

    def __init__(
        self, namespace: Namespace, *, pod: str = "client", host: str = "champion", pause: float = 0.05, clients: int = 4,
        keys: tuple[str, ...] = ("none",),
    ) -> None:  # fmt: skip
        arguments = [host, json.dumps([ROW]), str(pause), json.dumps(keys), str(clients)]
        self._command = namespace.command("exec", "-i", pod, "--", "python", "-c", CLIENTS, *arguments)
        self._clients = clients
        self._last: dict[int, int] = {}
        self._ended: set[int] = set()
        self._words: list[str] = []
        self.failures: list[str] = []
        self.versions: set[int] = set()
        self.asked = 0

    def __enter__(self) -> Self:
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self._process = subprocess.Popen(self._command, text=True, **pipes)
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._process.stdin and self._process.poll() is None:
                self._process.stdin.write("end\n")
                self._process.stdin.flush()
                wait_until(self._is_over, PATIENCE, f"the clients did not end: {self._words}")
            if len(self._ended) < self._clients:
                self.failures.append(f"the stream broke off: {self._words}")
        finally:
            self._process.kill()
            self._process.wait()
            self._reading.join(PATIENCE)
            for pipe in filter(None, (self._process.stdin, self._process.stdout)):
                pipe.close()

    def _is_over(self) -> bool:
        return len(self._ended) == self._clients or self._process.poll() is not None

    def answered_by(self, version: int) -> None:
        """Wait until the last answer of every client is of a version."""
        expected = dict.fromkeys(range(self._clients), version)
        wait_until(lambda: self._last == expected, PATIENCE, f"{self._last} with failures {self.failures[:3]}")

    def _read(self) -> None:
        for line in self._process.stdout or ():
            try:
                facts = json.loads(line)
            except ValueError:
                self._words.append(line.strip())  # of kubectl, or of a client that broke
                continue
            if "asked" in facts:
                self._ended.add(facts["client"])
                self.asked += facts["asked"]
            if "failed" in facts:
                self.failures.append(f"{facts['failed']} ({'kept' if facts['kept'] else 'new'} connection)")
            if "version" in facts:
                self._last[facts["client"]] = facts["version"]
                self.versions.add(facts["version"])
