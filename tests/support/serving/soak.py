"""``python -m tests.support.serving.soak``: load on a real service while its package is swapped back and forth.

Several connections ask without a pause, and every answer is compared with that of the version that it names. Prints
one line of JSON; exits with 1 where a request failed or an answer was mixed.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from champion.bundle.folder import write
from tests.support.serving.models import IRIS, answers_of, made
from tests.support.serving.service import JSON, PATIENCE, Service, running

ROWS = [IRIS, {**IRIS, "petal_length": 4.9, "petal_width": 1.7}, {**IRIS, "petal_length": 5.1, "petal_width": 1.5}] * 8


class Load:
    """Connections that ask until they are told to stop; one row and many take turns.

    `answers`: how many by model version. `mixed`: how many were not what the version they name says.
    """

    def __init__(self, service: Service, model: str, connections: int) -> None:
        self.answers: Counter[int] = Counter()
        self.failures = self.mixed = 0
        self.slowest = 0.0
        self._port, self._done = service.port, threading.Event()
        self._expected = {number: answers_of(made("iris", model, number, seed=number), ROWS) for number in (1, 2)}
        self._threads = [threading.Thread(target=self._ask) for _ in range(connections)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE)
        for count in itertools.cycle((1, len(ROWS))):
            if self._done.is_set():
                break
            began = time.perf_counter()
            try:
                connection.request("POST", "/predict", json.dumps(ROWS[:count]), JSON)
                answer = json.loads(connection.getresponse().read())
                expected = self._expected[answer["model_version"]][:count]
            except (OSError, http.client.HTTPException, ValueError, KeyError):
                self.failures += 1
                connection.close()
                continue
            self.slowest = max(self.slowest, time.perf_counter() - began)
            self.answers[answer["model_version"]] += 1
            self.mixed += answer["predictions"] != expected
        connection.close()


def swap(service: Service, folder: Path, model: str, number: int) -> None:
    """Put the package of a version there, and wait until it answers."""
    write(made("iris", model, number, seed=number), folder)
    service.until(lambda: service.metric("champion_model_version") == number, f"version {number}")


def main() -> int:
    """Soak one service, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.serving.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--model", choices=["FOREST", "REGRESSION", "BOOSTING"], default="FOREST")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "models" / "iris"
        write(made("iris", asked.model, 1, seed=1), folder)
        with running(folder, "--log", f"{temporary}/log", forked=False) as service:
            load, began, memory, swaps = Load(service, asked.model, asked.connections), time.monotonic(), [], 0
            for part in (0.1, 1.0):
                while time.monotonic() < began + part * asked.seconds:
                    swap(service, folder, asked.model, 2 - swaps % 2)
                    swaps += 1
                    time.sleep(1.0)
                memory.append(service.memory() // 1_000_000)
            load.stop()
            dropped = service.metric("champion_log_rows_dropped_total", reason="queue")
    facts = {
        "requests": load.answers.total(), "failures": load.failures, "mixed": load.mixed, "swaps": swaps,
        "slowest_ms": round(load.slowest * 1e3), "log_rows_dropped": int(dropped),
        "rss_mb_after_a_tenth": memory[0], "rss_mb_at_the_end": memory[1],
    }  # fmt: skip
    print(json.dumps(facts))
    return 1 if load.failures or load.mixed else 0


if __name__ == "__main__":
    sys.exit(main())
