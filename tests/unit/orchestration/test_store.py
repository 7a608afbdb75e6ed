"""The store: one holder of a use case at a time, beside a file (on a server: test_claims.py), and errors in a sentence."""

import subprocess
import sys
from pathlib import Path

import pytest
from zenml.client import Client

from champion.errors import StoreError
from champion.orchestration import store as room
from champion.orchestration.store import locked


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
