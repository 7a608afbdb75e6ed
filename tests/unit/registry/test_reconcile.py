"""Store and package agree before anything is done: each way in which they may differ."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from champion.errors import PackageError
from champion.registry.reconcile import reconcile
from champion.registry.rollback import roll_back
from champion.registry.versions import version_history
from tests.conftest import Session, enter_store, iris_csv

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Tree = Callable[..., dict[str, Any]]


class Machines:
    """Machines with a store of their own each, which share packages as git and DVC would."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.monkeypatch = monkeypatch

    def __call__(self, name: str) -> Session:
        """Sit down at a machine."""
        client = enter_store(self.folder / name / "store", self.monkeypatch)
        made = Session(self.folder / name / "work", client, "shared")
        made.write(iris_csv())
        return made


@pytest.fixture
def machines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machines:
    return Machines(tmp_path, monkeypatch)


def package(session: Session) -> Path:
    return session.root / "models/shared"


def pull(session: Session, saved: Path) -> None:
    shutil.rmtree(package(session), ignore_errors=True)
    shutil.copytree(saved, package(session))


def reconciled(session: Session, use_case: dict[str, Any]) -> str | None:
    return reconcile(session.client, session.workspace(use_case)).done


def test_a_champion_travels_by_its_package_and_numbers_never_repeat(
    machines: Machines, tree: Tree, tmp_path: Path
) -> None:
    here = machines("here")
    one, two, back = tmp_path / "one", tmp_path / "two", tmp_path / "back"
    for depth, saved in ((1, one), (2, two)):
        here.train(tree(depth))
        shutil.copytree(package(here), saved)
    roll_back(here.client, here.workspace(tree(1)), None)
    shutil.copytree(package(here), back)

    there = machines("there")
    assert reconciled(there, tree(1)) is None, "nothing here and nothing there"
    pull(there, one)
    assert "version 1 was imported" in str(reconciled(there, tree(1)))
    pull(there, two)
    assert "version 2 was imported" in str(reconciled(there, tree(1)))
    assert there.stages() == {1: "archived", 2: "production"}
    imported = version_history(there.client, "shared").champion
    assert imported is not None
    assert imported.record.imported is True
    assert imported.record.replaced == 1
    assert imported.record.reason == json.loads((two / "manifest.json").read_text())["decision"]["reason"]
    assert reconciled(there, tree(1)) is None, "what agrees is left alone"

    pull(there, back)
    assert reconciled(there, tree(1)) == "model version 1 is the champion again, as models/shared says"
    assert there.stages() == {1: "production", 2: "archived"}
    withdrawn, _ = there.train(tree(2))
    assert (withdrawn.decision.reason_code, withdrawn.outcome.champion) == ("withdrawn", 1), (
        "also where another rolled back"
    )

    empty = machines("empty")
    pull(empty, back)
    promoted, _ = empty.train(tree(2), readmit=True)
    assert "version 1 was imported" in promoted.notes[0]
    assert promoted.outcome.champion == 3, "version 2 was given elsewhere"
    assert empty.stages() == {1: "archived", 3: "production"}


def test_a_package_that_has_fallen_behind_is_written_anew(machines: Machines, tree: Tree, tmp_path: Path) -> None:
    here = machines("here")
    here.train(tree(1))
    shutil.copytree(package(here), tmp_path / "one")
    here.train(tree(2))
    newest = {path.name: path.read_bytes() for path in package(here).iterdir()}

    pull(here, tmp_path / "one")
    assert "written anew" in str(reconciled(here, tree(1)))
    assert {path.name: path.read_bytes() for path in package(here).iterdir()} == newest

    shutil.rmtree(package(here))
    assert "written anew" in str(reconciled(here, tree(1)))
    assert {path.name: path.read_bytes() for path in package(here).iterdir()} == newest
    assert here.stages() == {1: "archived", 2: "production"}


def test_of_two_clones_that_both_promoted_the_pulled_package_is_the_champion(
    machines: Machines, tree: Tree, tmp_path: Path
) -> None:
    here = machines("here")
    here.train(tree(0))
    shutil.copytree(package(here), tmp_path / "shared")
    here.train(tree(2))
    shutil.copytree(package(here), tmp_path / "theirs")

    there = machines("there")
    pull(there, tmp_path / "shared")
    there.train(tree(1))
    assert there.manifest()["model_version"] == 2
    pull(there, tmp_path / "theirs")
    assert "version 2 was imported" in str(reconciled(there, tree(1)))
    versions = version_history(there.client, "shared").versions
    assert [(version.number, version.stage) for version in versions] == [
        (1, "archived"),
        (2, "archived"),
        (2, "production"),
    ]
    done, _ = there.train(tree(1))
    assert (done.decision.reason_code, done.outcome.champion) == ("worse", 2)
    assert done.outcome.challenger == 3, "judged against another champion than before"


def test_a_foreign_or_broken_package_is_refused_with_the_reason(machines: Machines, tree: Tree) -> None:
    here = machines("here")
    here.train(tree(1))
    manifest = package(here) / "manifest.json"
    right = manifest.read_text()
    manifest.write_text(right.replace('"use_case": "shared"', '"use_case": "other"'))
    with pytest.raises(PackageError, match=r"is a package of the use case 'other'") as error:
        here.train(tree(2))
    assert error.value.exit_code == 1

    manifest.write_text(right)
    with (package(here) / "model.skops").open("ab") as model:
        model.write(b"x")
    with pytest.raises(PackageError, match=r"models/shared is refused: model.skops does not match its hash"):
        reconciled(here, tree(1))
    assert here.stages() == {1: "production"}

    shutil.rmtree(package(here))
    assert "written anew" in str(reconciled(here, tree(1))), "what the message says helps"
