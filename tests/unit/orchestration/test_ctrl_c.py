"""Ctrl-C takes effect between two transactions of a real store, and is not lost in ZenML's statistics."""

import os
import signal
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from zenml.analytics.context import AnalyticsContext
from zenml.client import Client

from champion.orchestration import ctrl_c, patches
from champion.orchestration.stack_support.local_docker import ended_by_signals
from champion.patching import apply


@pytest.fixture
def client(store: Client) -> Iterator[Client]:
    """A store as a command opens it, in a process whose Ctrl-C raises KeyboardInterrupt."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    ctrl_c.between_transactions(store.zen_store)
    yield store
    signal.signal(signal.SIGINT, before)


def press() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def wait(seconds: float) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        time.sleep(0.01)


def test_ctrl_c_takes_effect_when_the_transaction_has_ended(client: Client) -> None:
    committed: list[bool] = []
    with pytest.raises(KeyboardInterrupt), client.zen_store.engine.connect() as connection:  # noqa: PT012 - one press
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        press()
        wait(5 * ctrl_c.AGAIN)  # nothing happens yet
        connection.exec_driver_sql("UPDATE user SET name = name")
        connection.commit()
        committed.append(True)
        connection.close()
        wait(60)
    assert committed
    client.create_tag("afterwards")


def test_a_run_in_containers_is_interrupted_at_the_end_of_a_transaction_too(client: Client) -> None:
    containers: Any = SimpleNamespace(interrupted=False)
    committed: list[bool] = []
    with pytest.raises(KeyboardInterrupt), ended_by_signals(containers):  # noqa: PT012 - one press
        with client.zen_store.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            os.kill(os.getpid(), signal.SIGTERM)
            wait(5 * ctrl_c.AGAIN)  # nothing happens yet
            committed.append(True)
        wait(60)
    assert committed
    assert containers.interrupted


def test_a_transaction_that_does_not_end_is_interrupted_all_the_same(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctrl_c, "LONGEST", 0.1)
    with client.zen_store.engine.connect(), pytest.raises(KeyboardInterrupt):  # noqa: PT012 - both are one press
        press()
        wait(60)


def test_ctrl_c_outside_of_a_transaction_takes_effect_at_once_also_in_zenmls_statistics(client: Client) -> None:
    apply(*patches.RUN)
    with pytest.raises(KeyboardInterrupt), AnalyticsContext():
        press()
    assert client.active_stack_model.name
