"""The store: one holder of a use case at a time, beside a file and on a server, and errors in a sentence."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from zenml.client import Client

from champion.errors import StoreError
from champion.orchestration import store as room
from champion.orchestration.store import locked
from tests.conftest import enter_store
from tests.support.server import zenml_server


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


def test_on_a_real_server_a_use_case_is_held_by_one_and_what_a_crash_left_behind_is_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fastapi", reason="the server is not installed")
    counter = tmp_path / "counter"
    counter.write_text("0")

    def count() -> None:
        for _ in range(4):
            with locked(client, "shared"):
                number = int(counter.read_text())
                time.sleep(0.05)
                counter.write_text(str(number + 1))

    with zenml_server(tmp_path / "server") as server:
        client = enter_store(tmp_path / "client", monkeypatch, server.environment)
        assert not room.is_local(client)
        with ThreadPoolExecutor() as pool:
            for done in [pool.submit(count) for _ in range(2)]:
                done.result()
        assert counter.read_text() == "8", "no one read what the other was about to write"

        monkeypatch.setattr(room, "LOCK_SECONDS", 0.2)
        claim = client.create_tag("champion-iris-claim").name
        with pytest.raises(StoreError, match="Another process has held the claim"), locked(client, "iris"):
            pytest.fail("two held it")
        assert client.get_tag(claim), "who waited in vain does not end the holder's claim"
        monkeypatch.setattr(room, "CLAIM_SECONDS", 0.0)
        with locked(client, "iris"):
            assert client.get_tag(claim), "it was old, and taken over"
        with pytest.raises(KeyError):
            client.get_tag(claim)


@pytest.mark.parametrize(
    ("raised", "said"),
    [
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
