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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from champion.bundle.folder import write
from tests.support.serving.models import made
from tests.support.serving.service import JSON, PATIENCE, Service, running
from tests.unit.serving.test_reload import ROWS, answers_of


@dataclass
class Seen:
    """What the connections saw."""

    answers: Counter[int] = field(default_factory=Counter)
    failures: int = 0
    mixed: int = 0
    slowest: float = 0.0


def load(port: int, expected: dict[int, list[Any]], seen: Seen, done: threading.Event) -> None:
    """Ask on one connection until it is enough; one row and many take turns."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    for count in itertools.cycle((1, len(ROWS))):
        if done.is_set():
            break
        began = time.perf_counter()
        try:
            connection.request("POST", "/predict", json.dumps(ROWS[:count]), JSON)
            answer = connection.getresponse()
            found = json.loads(answer.read())
            if answer.status != 200:
                seen.failures += 1
                continue
        except (OSError, http.client.HTTPException, ValueError):
            seen.failures += 1
            connection.close()
            continue
        seen.slowest = max(seen.slowest, time.perf_counter() - began)
        seen.answers[found["model_version"]] += 1
        seen.mixed += found["predictions"] != expected[found["model_version"]][:count]
    connection.close()


def swap(service: Service, folder: Path, model: str, ends: float) -> int:
    """Swap the package every second; how many swaps were taken over."""
    swaps = 0
    for number in itertools.cycle((2, 1)):
        if time.monotonic() > ends:
            return swaps
        write(made("iris", model, number, seed=number), folder)
        service.until(lambda: service.metric("champion_model_version") == number, f"version {number}")  # noqa: B023
        swaps += 1
        time.sleep(1.0)
    return swaps


def main() -> int:
    """Soak one service.

    Returns
    -------
    int
        The exit code.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.support.serving.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--model", choices=["FOREST", "REGRESSION", "BOOSTING"], default="FOREST")
    asked = parser.parse_args()
    expected = {number: answers_of(number, asked.model) for number in (1, 2)}
    seen, done = Seen(), threading.Event()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "models" / "iris"
        write(made("iris", asked.model, 1, seed=1), folder)
        with running(folder, "--log", str(Path(place) / "log")) as service:
            work = (service.port, expected, seen, done)
            threads = [threading.Thread(target=load, args=work) for _ in range(asked.connections)]
            for thread in threads:
                thread.start()
            swaps = swap(service, folder, asked.model, time.monotonic() + asked.seconds / 10)
            start = service.memory()
            swaps += swap(service, folder, asked.model, time.monotonic() + asked.seconds * 9 / 10)
            end = service.memory()
            done.set()
            for thread in threads:
                thread.join()
            dropped = service.metric("champion_log_rows_dropped_total", reason="queue")
    told = {
        "requests": sum(seen.answers.values()), "failures": seen.failures, "mixed": seen.mixed, "swaps": swaps,
        "slowest_ms": round(seen.slowest * 1e3), "log_rows_dropped": int(dropped),
        "rss_mb_after_a_tenth": start // 1_000_000, "rss_mb_at_the_end": end // 1_000_000,
    }  # fmt: skip
    print(json.dumps(told))
    return 1 if seen.failures or seen.mixed else 0


if __name__ == "__main__":
    sys.exit(main())
