"""`python run.py serve`: a promotion and a rollback of the same checkout reach it while it runs."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Checkout
from tests.support.serving.models import IRIS
from tests.support.serving.service import PATIENCE, Service


@pytest.fixture
def started(ready: Checkout, tree: Any) -> Iterator[tuple[Checkout, Service]]:
    """A checkout with a champion, and a service over it."""
    ready.write_use_case(tree(1))
    ready.train()
    command = [sys.executable, "run.py", "serve", "--port", "0", "--reload-seconds", "0.1"]
    process = subprocess.Popen(
        command, cwd=ready.root, env=ready.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with Service(process) as service:
        yield ready, service


def test_a_promotion_and_a_rollback_reach_the_service_that_runs(started: tuple[Checkout, Service], tree: Any) -> None:
    checkout, service = started
    assert service.facts("listening")["log"].endswith("predictions/iris")
    assert service.predict(IRIS).json["model_version"] == 1

    checkout.write_use_case(tree(2))
    checkout.train("--require-promotion")
    service.until(lambda: service.predict(IRIS).json["model_version"] == 2, "version 2")
    checkout.run("rollback")
    service.until(lambda: service.predict(IRIS).json["model_version"] == 1, "version 1")

    service.process.send_signal(signal.SIGINT)
    assert service.process.wait(PATIENCE) == 0
    assert list((checkout.root / "predictions" / "iris").glob("predictions-v1-*.parquet"))
    assert checkout.git("status", "--porcelain", "--", "predictions") == ""


def test_a_taken_port_is_a_sentence_and_no_traceback(ready: Checkout) -> None:
    done = ready.run("serve", "--host", "203.0.113.7", expect=1)
    assert done.stderr.startswith("Error: Port 8000 of 203.0.113.7 cannot be listened on")
    assert "Traceback" not in done.stderr
