"""Store and package agree before anything is done: each way in which they may differ."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from champion.registry.reconcile import reconcile
from champion.registry.versions import version_history
from tests.conftest import Session, enter_store, iris_csv, tree
from tests.support.stores import copy_store, rolled_back

Machines = Callable[[str], Session]


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machines:
    """Machines with a store of their own each, which share packages as git and DVC would; `here` has rolled back."""
    rolled_back()

    def sit_down(name: str) -> Session:
        folder = tmp_path / name
        if name == "here":
            copy_store(rolled_back() / "store", folder / "store")
            shutil.copytree(rolled_back() / "work", folder / "work")
        session = Session(folder / "work", enter_store(folder / "store", monkeypatch), "shared")
        session.write(iris_csv())
        return session

    return sit_down


def pull(session: Session, name: str) -> None:
    shutil.rmtree(session.root / "models/shared", ignore_errors=True)
    shutil.copytree(rolled_back() / name, session.root / "models/shared")


def reconciled(session: Session) -> str:
    return "; ".join(reconcile(session.client, session.workspace(tree(1))).notes)


def test_a_champion_travels_by_its_package_and_numbers_never_repeat(machines: Machines) -> None:
    two = rolled_back() / "two/manifest.json"
    there = machines("there")
    assert reconciled(there) == "", "nothing here and nothing there"
    pull(there, "one")
    assert "version 1 was imported" in reconciled(there)
    pull(there, "two")
    assert "version 2 was imported" in reconciled(there)
    assert there.stages() == {1: "archived", 2: "production"}
    imported = version_history(there.client, "shared").champion
    assert imported is not None
    assert imported.record.imported is True
    assert imported.record.replaced == 1
    assert imported.record.reason == json.loads(two.read_text())["decision"]["reason"]
    assert reconciled(there) == "", "what agrees is left alone"

    pull(there, "back")
    assert reconciled(there) == "model version 1 is the champion again, as models/shared says"
    assert there.stages() == {1: "production", 2: "archived"}
    withdrawn, _ = there.train(tree(2))
    assert withdrawn.decision.reason_code == "withdrawn", "also where another rolled back"
    assert withdrawn.outcome.champion == 1

    empty = machines("empty")
    pull(empty, "back")
    withdrawn, _ = empty.train(tree(2))
    assert "version 1 was imported" in withdrawn.notes[0]
    assert withdrawn.decision.reason_code == "withdrawn", "which this store learned from the package"
    promoted, _ = empty.train(tree(2), readmit=True)
    assert promoted.outcome.champion == 3, "version 2 was given elsewhere"
    assert empty.stages() == {1: "archived", 3: "production"}


def test_a_package_that_has_fallen_behind_is_written_anew(machines: Machines) -> None:
    here = machines("here")
    package = here.root / "models/shared"
    newest = {path.name: path.read_bytes() for path in package.iterdir()}
    for name in ("one", "two"):
        pull(here, name)
        assert "written anew" in reconciled(here)
        assert {path.name: path.read_bytes() for path in package.iterdir()} == newest
    assert here.stages() == {1: "production", 2: "archived"}


def test_of_two_clones_that_both_promoted_the_pulled_package_is_the_champion(machines: Machines) -> None:
    there = machines("there")
    pull(there, "one")
    there.train(tree(3))
    assert there.manifest()["model_version"] == 2
    pull(there, "two")
    assert "version 2 was imported" in reconciled(there)
    versions = [(each.number, each.stage) for each in version_history(there.client, "shared").versions]
    assert versions == [(1, "archived"), (2, "archived"), (2, "production")]
    done, _ = there.train(tree(3))
    assert (done.decision.reason_code, done.outcome.champion) == ("tie", 2)
    assert done.outcome.challenger == 3, "judged against another champion than before"
