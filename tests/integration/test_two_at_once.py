"""Two runs on one store, and runs that are killed: one champion at any time."""

import json
import random
import signal
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from champion.orchestration.store import at_work
from champion.registry.prune import prune
from champion.registry.reconcile import reconcile
from tests.conftest import Checkout, Session, enter_store, tree

DIE_AT = """
import importlib, os, signal, sys

where, name, when = sys.argv.pop(1).split(":")
module = importlib.import_module(where)
former = getattr(module, name)

def deadly(*arguments, **named):
    if when == "after":
        former(*arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(module, name, deadly)
import run
sys.exit(run.main())
"""
DIE_AFTER = """
import runpy, signal, sys

signal.setitimer(signal.ITIMER_REAL, float(sys.argv.pop(1)))  # unhandled it kills, at whatever moment it comes
runpy.run_path("run.py", run_name="__main__")
"""


def on_machine_of(checkout: Checkout, monkeypatch: pytest.MonkeyPatch) -> Session:
    """The checkout's store and files, in this process."""
    return Session(checkout.root, enter_store(checkout.root / ".zenml", monkeypatch), "iris")


def one_champion(session: Session) -> tuple[int, str | None]:
    """What the next command finds after a crash: the champion, and what had to be repaired."""
    done = "; ".join(reconcile(session.client, session.workspace(tree(1))).notes)
    champions = [number for number, stage in session.stages().items() if stage == "production"]
    assert len(champions) == 1
    assert session.manifest()["model_version"] == champions[0]
    assert reconcile(session.client, session.workspace(tree(1))).notes == ()
    return champions[0], done or None


def test_of_two_runs_at_once_one_is_champion_and_both_are_recorded(ready: Checkout) -> None:
    ready.write_use_case(tree(0))
    ready.run("train")
    configs = [ready.write_use_case(tree(depth), f"../depth_{depth}") for depth in (1, 2)]
    (ready.root / "configs/iris.yaml").unlink()  # of two files there with one name both are refused
    with ThreadPoolExecutor() as pool:  # each in a process of its own
        list(pool.map(lambda config: ready.train("--config", config), configs))
    versions = ready.models("--config", configs[0])
    assert len(versions) == 3
    assert len({version["fingerprint"] for version in versions}) == 3
    (champion,) = [version for version in versions if version["stage"] == "production"]
    assert ready.manifest()["model_version"] == champion["number"] != 1
    changed = [version for version in versions if "champion changed" in version["reason"]]
    assert [version["judged_against"] for version in changed] in ([], [1]), "judged against the one it was beside"


def test_a_kill_at_the_worst_moments_leaves_one_champion_and_the_next_command_repairs(
    ready: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ready.root / "die_at.py").write_text(DIE_AT, encoding="utf-8")

    def die(where: str, *arguments: str) -> None:
        ready.command(sys.executable, "die_at.py", where, *arguments, expect=-signal.SIGKILL)

    ready.write_use_case(tree(1))
    die("champion.bundle.folder:write:before", "train")
    session = on_machine_of(ready, monkeypatch)
    champion, done = one_champion(session)
    assert (champion, "written anew" in str(done)) == (1, True)

    ready.write_use_case(tree(2))
    die("champion.registry.versions:create:after", "train")
    assert one_champion(session) == (1, None)
    die("champion.registry.versions:set_champion:before", "train")
    assert one_champion(session) == (1, None)
    die("champion.registry.versions:set_champion:after", "train")
    champion, done = one_champion(session)
    assert (champion, "written anew" in str(done)) == (2, True), "three runs of one challenger, one number"
    with at_work(session.client):
        said = json.loads(ready.run("prune", "--json").stdout)
        assert (said["runs"], said["unfinished"]) == (0, 3), (
            "somebody runs a pipeline, so that nobody knows who was killed"
        )
    for runs in (3, 0):
        assert prune(session.client, session.workspace(tree(2)), really=True).runs == runs, (
            "killed runs are no obstacle"
        )
    die("champion.registry.versions:set_champion:after", "rollback")
    champion, done = one_champion(session)
    assert (champion, "written anew" in str(done)) == (1, True)
    assert session.stages() == {1: "production", 2: "archived"}


@pytest.mark.parametrize("attempts", [2, pytest.param(20, marks=pytest.mark.long)])
def test_a_kill_at_any_moment_leaves_one_champion(
    ready: Checkout, monkeypatch: pytest.MonkeyPatch, attempts: int
) -> None:
    ready.write_use_case(tree(1))
    ready.run("--help")  # the forked Python is there
    begun = time.monotonic()
    ready.run("train")
    took = time.monotonic() - begun
    session = on_machine_of(ready, monkeypatch)
    draw, ends = random.Random(7), Counter[str]()
    for attempt in range(attempts):
        ready.write_use_case(tree(2 if attempt % 2 else 1, training={"seed": attempt}, promotion={"min_gain": 0.0}))
        moment = str(took * draw.uniform(0.4, 1.1))
        done = ready.command(sys.executable, "-c", DIE_AFTER, moment, "train", "--readmit", expect=None)
        ends["killed" if done.returncode < 0 else "ended before the kill"] += 1
        _, repaired = one_champion(session)
        ends["package written anew by the next command"] += repaired is not None
    print(f"\n{attempts} attempts: {', '.join(f'{count} {what}' for what, count in ends.items())}")
    assert ready.run("train").returncode == 0
