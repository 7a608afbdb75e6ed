"""Who reads which version is champion in order to change it lets nobody else do so meanwhile."""

import contextlib
import fcntl
import shutil
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import pytest
from filelock import FileLock

from champion.bundle import folder
from champion.datastore import publish
from champion.errors import StoreError
from champion.modeling.kept import AnswersCompared
from champion.orchestration import store
from champion.orchestration.store import beside
from champion.registry import prune, reconcile
from champion.registry import versions as champions
from champion.registry.promotion import carry_out
from champion.registry.refit import Refitted, RefitTerms, carry_out_refit
from champion.registry.versions import version_history
from tests.unit.registry.conftest import NAME, Clone, Machine

WRITERS: list[tuple[ModuleType, str]] = [
    (champions, "create"),
    (champions, "save_package"),
    (champions, "log"),
    (champions, "set_champion"),
    (folder, "write"),
    (publish, "record"),
    (prune, "_remove"),
]


def test_of_two_promotions_that_decide_at_one_moment_the_second_sees_what_the_first_did(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = clone("ada")
    runs = [machine.judged() for _ in range(2)]
    both = threading.Barrier(2)

    def read(client: Any, name: str) -> Any:
        history = version_history(client, name)
        with contextlib.suppress(threading.BrokenBarrierError):  # the other one has to wait until this one has ended
            both.wait(0.3)
        return history

    monkeypatch.setattr(champions, "version_history", read)
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda run: carry_out(*run), runs))
    decided = {outcome.action: (outcome.challenger, decision.reason_code) for decision, outcome, _ in done}
    assert (decided["promoted"][0], decided["kept"]) == (1, (2, "champion_changed"))


def test_whatever_changes_production_does_so_under_the_lock(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = clone("ada"), clone("bob")
    locks = {machine: beside(machine.client, f"{NAME}.lock") for machine in (here, there)}
    wrote: set[str] = set()

    def watch(module: ModuleType, name: str) -> None:
        write: Callable[..., Any] = getattr(module, name)

        def watched(*arguments: Any, **named: Any) -> Any:
            with locks[machine].open("ab") as file, contextlib.suppress(BlockingIOError):
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                pytest.fail(f"{name} without the lock")
            wrote.add(sys._getframe(1).f_globals["__name__"].rpartition(".")[2])
            return write(*arguments, **named)

        monkeypatch.setattr(module, name, watched)

    for each in WRITERS:
        watch(*each)
    machine = here
    here.promote()
    here.promote()
    refit(here)
    here.push()
    here.roll_back()
    prune.prune(here.client, here.workspace, really=True)
    machine = there
    there.pull()
    there.reconcile()
    there.promote()
    shutil.rmtree(there.workspace.package)
    there.reconcile()
    there.push()
    machine = here
    here.merge("theirs")
    reconcile.adopt(here.client, here.workspace, "store", None)
    assert wrote >= {"promotion", "reconcile", "refit", "rollback", "recording", "prune"}


def test_where_all_agree_nobody_waits_for_the_lock_and_who_has_to_write_does(
    clone: Clone, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = clone("ada")
    assert machine.reconcile() == ""
    machine.promote()
    machine.push()
    machine.reconcile()
    monkeypatch.setattr(store, "LOCK_SECONDS", 0.1)
    with FileLock(beside(machine.client, f"{NAME}.lock")):  # as a holder does who is dead, or takes long
        assert machine.reconcile() == ""
        shutil.rmtree(machine.workspace.package)
        with pytest.raises(StoreError, match="Another process has held"):
            machine.reconcile()
    assert "was written anew" in machine.reconcile()


def refit(machine: Machine) -> None:
    client, judged, terms = machine.judged()
    refitted = Refitted(judged.made, AnswersCompared(rows=30, difference=None))
    assert terms.champion is not None
    about = RefitTerms(champion=terms.champion, revision=terms.revision, moved="another version", readmit=False)
    assert carry_out_refit(client, refitted, about)[0].action == "refitted"
    machine.reconcile()
