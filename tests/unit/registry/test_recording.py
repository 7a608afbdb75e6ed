"""What a push records, with DVC itself: the pointer, by which git knows of the champion."""

import shutil
from pathlib import Path

import pytest
import yaml

from champion import settings
from champion.bundle import folder
from champion.datastore import dvc, publish
from champion.errors import PackageError, ProjectError
from champion.registry import recording
from champion.workspace.workspace import use_cases
from tests.conftest import tree
from tests.unit.registry.conftest import NAME, LikeDvc, Machine, repository


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    real = dvc.run
    made = repository(tmp_path, monkeypatch)("ada")
    monkeypatch.setattr(dvc, "run", real)
    made.promote()
    return made


def test_the_pointer_names_the_package_and_tells_of_the_champion(machine: Machine) -> None:
    assert machine.record() == "models/shared.dvc names version 1"
    pointer, package = machine.workspace.pointer, machine.package
    assert package is not None
    content, manifest = yaml.safe_load(pointer.read_text()), package.manifest
    assert (content["outs"][0]["path"], content["outs"][0]["md5"]) == ("shared", package.md5)
    names = ("use_case", "model_version", "metrics", "data_version", "commit")
    facts = {
        "model": manifest.files[folder.MODEL],
        "state": manifest.state_name,
        "since": manifest.champion_state.since,
    }
    assert content["meta"] == {name: getattr(manifest, name) for name in names} | facts | {
        "by": "Ada <ada@example.org>"
    }

    before = pointer.read_bytes()
    assert machine.record() == "", "nothing more to record"
    (machine.workspace.package / folder.MODEL).write_bytes(b"x")
    with pytest.raises(PackageError, match="models/shared is refused"):
        machine.record()
    assert pointer.read_bytes() == before


def test_a_package_that_is_swapped_while_dvc_records_it_is_not_recorded_under_the_others_number(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, pointer, package = dvc.run, machine.workspace.pointer, machine.package
    assert package is not None

    def swapped(root: Path, *arguments: str) -> dvc.Done:
        (machine.workspace.package / folder.CARD).write_text("of another package")
        return real(root, *arguments)

    monkeypatch.setattr(dvc, "run", swapped)
    for former in (
        None,
        "outs:\n- {md5: d41d8cd98f00b204e9800998ecf8427e.dir, path: shared}\nmeta: {model_version: 9}\n",
    ):
        if former:
            pointer.write_text(former)
        with pytest.raises(ProjectError, match="models/shared changed while DVC recorded it"):
            publish.record(machine.workspace, package)
        assert (pointer.read_text() if pointer.exists() else None) == former, "nor is a hash beside another's number"


def test_a_use_case_whose_file_ends_in_yml_is_recorded_as_any_other(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = machine.workspace.config.with_suffix(".yml")
    config.parent.mkdir()
    config.write_text(yaml.safe_dump(tree(1, NAME)))
    monkeypatch.setattr(settings, "root", lambda: machine.root)
    monkeypatch.setattr(recording, "open_store", lambda: machine.client)
    assert "models/shared.dvc names version 1" in list(recording.record_all(machine.root))
    assert [workspace.config for workspace in use_cases(machine.root)] == [config]


def test_the_stand_in_for_dvc_leaves_what_dvc_leaves(machine: Machine, tmp_path: Path) -> None:
    twin = shutil.copytree(machine.root, tmp_path / "twin", symlinks=True)
    assert dvc.run(machine.root, "add", "models/shared").ok
    LikeDvc(tmp_path).run(twin, "add", "models/shared")
    left = [
        (
            {path.relative_to(root).as_posix() for path in (root / ".dvc/cache/files").rglob("*") if path.is_file()},
            {key: yaml.safe_load((root / "models/shared.dvc").read_text())["outs"][0][key] for key in ("md5", "path", "hash")},
        )
        for root in (machine.root, twin)
    ]  # fmt: skip
    assert left[0] == left[1]
