"""The store: one holder of a use case at a time, beside a file and on a server, and errors in a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from champion.errors import StoreError
from champion.orchestration import store as room
from champion.orchestration.store import locked
from tests.conftest import enter_store
from tests.support.server import zenml_server

if TYPE_CHECKING:
    from zenml.client import Client


def test_a_use_case_is_held_by_one_at_a_time_and_freed_by_the_death_of_its_holder(
    store: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "LOCK_SECONDS", 0.2)
    code = "import sys, filelock\nwith filelock.FileLock(sys.argv[1]): print('held', flush=True); sys.stdin.read()"
    path = Path(str(store.zen_store.url).removeprefix("sqlite:///")).parent / "iris.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(StoreError, match="Another process has held"), locked(store, "iris"):
        pytest.fail("two held it")
    with locked(store, "another use case's"):
        pass
    holder.kill()
    holder.communicate()
    with locked(store, "iris"):
        pass


class Server:
    """The few calls of a server's client that a claim needs, over tags in memory with the server's own rule."""

    def __init__(self) -> None:
        self.zen_store = SimpleNamespace(type=SimpleNamespace(value="rest"), url="http://server")
        self.tags: dict[str, Any] = {}
        self.guard = threading.Lock()

    def create_tag(self, name: str) -> None:
        from zenml.exceptions import EntityExistsError

        with self.guard:
            if name in self.tags:
                raise EntityExistsError(name)
            self.tags[name] = SimpleNamespace(created=datetime.now(UTC).replace(tzinfo=None))

    def get_tag(self, name: str) -> Any:
        return self.tags[name]

    def delete_tag(self, name: str) -> None:
        with self.guard:
            del self.tags[name]


def test_a_claim_that_a_crash_left_behind_is_taken_over_and_a_young_one_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "LOCK_SECONDS", 0.2)
    server: Any = Server()
    with locked(server, "iris"):
        (claim,) = server.tags
        with pytest.raises(StoreError, match="Another process has held the claim"), locked(server, "iris"):
            pytest.fail("two held it")
        assert server.tags, "who waited in vain does not end the holder's claim"
    assert not server.tags
    server.create_tag(claim)
    server.tags[claim].created -= timedelta(seconds=room.CLAIM_SECONDS + 1)
    with locked(server, "iris"):
        pass
    assert not server.tags


def test_on_a_real_server_two_holders_never_have_a_use_case_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fastapi", reason="the server is not installed")
    with zenml_server(tmp_path / "server") as server:
        client = enter_store(tmp_path / "client", monkeypatch, server.environment)
        assert not room.is_local(client)
        counter = tmp_path / "counter"
        counter.write_text("0")

        def count() -> None:
            for _ in range(4):
                with locked(client, "shared"):
                    number = int(counter.read_text())
                    time.sleep(0.05)
                    counter.write_text(str(number + 1))

        with ThreadPoolExecutor() as pool:
            for done in [pool.submit(count) for _ in range(2)]:
                done.result()
        assert counter.read_text() == "8", "no one read what the other was about to write"


def test_an_unreadable_store_is_explained_without_a_traceback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZENML_CONFIG_PATH", str(tmp_path))
    (tmp_path / "config.yaml").write_text("a: [")
    with pytest.raises(StoreError, match=r"config\.yaml cannot be read"):
        room.open_store()
    (tmp_path / "config.yaml").write_text(json.dumps({"version": "0.1.0"}))
    with pytest.raises(StoreError, match=r"made by ZenML 0\.1\.0"):
        room.open_store()


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (RuntimeError("Can't locate revision identified by 'abc'"), "made by another ZenML version"),
        (RuntimeError("attempt to write a readonly database"), "cannot be written"),
        (PermissionError(13, "denied"), "cannot be written"),
        (ValueError("something\nelse"), "cannot be opened (ValueError: something)"),
    ],
)
def test_what_goes_wrong_below_is_said_in_a_sentence(
    raised: Exception, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ZENML_CONFIG_PATH", str(tmp_path))
    assert said in str(room._explained(raised))
