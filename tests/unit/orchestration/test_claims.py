"""One holder of a use case on a real ZenML server, whatever clocks say, and whoever dies or sleeps meanwhile."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from zenml.client import Client

from champion.errors import StoreError
from champion.orchestration import claims as room
from champion.orchestration import stacks
from champion.orchestration.store import is_local, locked
from tests.conftest import enter_store, forget_store
from tests.support.server import zenml_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """One server for these tests, each with use cases of its own."""
    pytest.importorskip("fastapi", reason="the server is not installed")
    with zenml_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def client(server: SimpleNamespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client of that server."""
    yield enter_store(tmp_path / "client", monkeypatch, server.environment)
    forget_store()


def tag_of(client: Client, use_case: str) -> Any:
    return client.get_tag(f"champion-{use_case}-claim", allow_name_prefix_match=False)


def test_a_use_case_is_held_by_one_at_a_time(client: Client, tmp_path: Path) -> None:
    assert not is_local(client)
    counter = tmp_path / "counter"
    counter.write_text("0")

    def count() -> None:
        for _ in range(3):
            with locked(client, "shared"):
                number = int(counter.read_text())
                time.sleep(0.05)
                counter.write_text(str(number + 1))

    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(count) for _ in range(2)]:
            done.result()
    assert counter.read_text() == "6", "no one read what the other was about to write"


def test_a_holder_that_lives_keeps_its_claim_however_long_it_takes_and_gives_back_no_other(
    client: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(room, "RENEW_SECONDS", 0.2)
    monkeypatch.setattr(room, "LEASE_SECONDS", 2.0)
    monkeypatch.setattr(room, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(room, "_QUIET_SECONDS", 0.5)
    with room.claimed(client, "lives", 0):
        first = tag_of(client, "lives")
        with pytest.raises(StoreError, match="Another process has held the claim"), room.claimed(client, "lives", 3.0):
            pytest.fail("two held it")
        assert "waiting for another process, which holds the claim champion-lives-claim" in capsys.readouterr().err
        now = tag_of(client, "lives")
        assert now.id == first.id, "who waited in vain ended no claim"
        assert now.updated > first.updated, "its holder wrote to it"
        room.require_held(client, "lives")

        client.zen_store.delete_tag(first.id)  # as one does who has looked at it in vain for long
        other = client.create_tag("champion-lives-claim")
        with pytest.raises(StoreError, match=r"The claim on lives was lost: .*did not change production"):
            room.require_held(client, "lives")
    assert tag_of(client, "lives").id == other.id, "it gave back its own, and no other"
    room.require_held(client, "lives")  # who has claimed nothing has nothing to lose
    client.zen_store.delete_tag(other.id)


def test_what_a_crash_left_behind_is_taken_over_by_the_stopwatch_of_who_waits(
    client: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(room, "LEASE_SECONDS", 0.3)
    monkeypatch.setattr(room, "LOOK_SECONDS", 0.05)
    dead = client.create_tag("champion-dead-claim")
    with room.claimed(client, "dead", 30.0):
        assert tag_of(client, "dead").id != dead.id
    assert "was left behind by a process that no longer lives" in capsys.readouterr().err
    with pytest.raises(KeyError):
        tag_of(client, "dead")


def test_who_waits_and_was_held_up_counts_anew(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that slept has seen nothing meanwhile."""
    monkeypatch.setattr(room, "LEASE_SECONDS", 1.0)
    monkeypatch.setattr(room, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(room, "_PAUSE_SECONDS", 0.0)
    client.create_tag("champion-slept-claim")
    with pytest.raises(StoreError, match="Another process has held"), room.claimed(client, "slept", 2.0):
        pytest.fail("it was taken over unseen")


def test_a_server_that_is_away_at_the_end_is_said_and_ends_nothing(
    client: Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def away(*_: object) -> None:
        raise ConnectionError

    with room.claimed(client, "away", 0):
        monkeypatch.setattr(type(client.zen_store), "delete_tag", away)
    assert "the claim champion-away-claim could not be given back (ConnectionError)" in capsys.readouterr().err


def test_two_that_register_one_stack_at_once_have_it(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = {"orchestrator": "local", "artifact_store": "local"}
    text = "components:\n" + "".join(
        f"  {kind}: {{name: shared, flavor: {flavor}}}\n" for kind, flavor in parts.items()
    )
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks/shared.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setattr(stacks.settings, "root", lambda: tmp_path)
    both = threading.Barrier(2)

    def at_once(make: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *given: (both.wait(30), make(*given))[1]

    for name in ("create_stack_component", "create_stack"):
        monkeypatch.setattr(client, name, at_once(getattr(client, name)))
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(stacks.ensure, client, "shared") for _ in range(2)]:
            done.result()
    assert len(client.list_stacks(name="shared").items) == 1
    assert [len(client.list_stack_components(name="shared", type=kind).items) for kind in parts] == [1, 1]
