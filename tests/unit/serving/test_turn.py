"""One replica after another loads a package from a folder that they share."""

import fcntl
import os
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from champion.bundle.folder import write
from champion.serving import turn
from champion.serving.turn import FREE, Turns, give_back
from tests.support.serving.models import IRIS, made
from tests.support.serving.service import over


def test_whoever_has_the_turn_loads_and_the_next_one_waits_for_it_but_not_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = Turns(), Turns()
    mine = one.take(tmp_path, "a state")
    assert mine not in (None, FREE)
    assert other.take(tmp_path, "a state") is None
    monkeypatch.setattr(turn, "_LONGEST", 0.0)
    assert other.take(tmp_path, "a state") == FREE, "its holder may wait for a disk"
    monkeypatch.undo()
    give_back(mine or FREE)
    theirs = other.take(tmp_path, "a state")
    assert theirs not in (None, FREE)
    give_back(theirs or FREE)
    assert one.take(tmp_path / "nothing", "a state") == FREE


def test_without_locks_each_waits_for_a_while_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any) -> None:
        raise OSError("EBADF, as NFS says to a reader")

    monkeypatch.setattr(fcntl, "flock", unknown)
    monkeypatch.setattr(turn.random, "uniform", lambda low, high: (low + high) / 2)
    replica, began = Turns(), time.monotonic()
    now = began
    monkeypatch.setattr(turn.time, "monotonic", lambda: now)
    assert replica.take(tmp_path, "a state") is None
    now = began + turn._SPREAD
    assert replica.take(tmp_path, "a state") == FREE
    assert replica.take(tmp_path, "the next state") is None


def test_a_running_service_answers_with_the_former_champion_until_it_is_its_turn(folder: Path) -> None:
    with over(folder) as service:
        write(made(number=2), folder.with_name("next"))
        handle = os.open(folder.with_name("next"), os.O_RDONLY)  # another replica's
        fcntl.flock(handle, fcntl.LOCK_EX)
        shutil.rmtree(folder)
        folder.with_name("next").rename(folder)
        time.sleep(0.5)  # ten looks
        assert service.predict(IRIS).json["model_version"] == 1
        assert service.get("/readyz").json["refused"] is None
        os.close(handle)
        service.serves(2)
