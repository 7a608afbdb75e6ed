"""The edge of batch inference: files checked before, put in place whole, and kept in the store."""

import stat
from pathlib import Path
from typing import Any

import pytest

from champion.errors import ProjectError
from champion.orchestration.materializers.files import FileMaterializer, StoredFile
from champion.progress import tell_watchers, watched
from pipelines import batch_files as edge
from pipelines.batch_files import checked_files, deliver


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(**_: object) -> Any:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "table.csv").write_text("a\n1\n", encoding="utf-8")
    monkeypatch.setattr(edge.tempfile, "TemporaryFile", refused)
    with pytest.raises(ProjectError, match=r"out.csv cannot be written \(Permission denied\)"):
        checked_files(tmp_path / "table.csv", tmp_path / "out.csv", None, (), keep_all=False)


def test_a_disk_that_is_full_leaves_the_former_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, target = tmp_path / "source", tmp_path / "out.csv"
    source.write_text("new", encoding="utf-8")
    target.write_text("former", encoding="utf-8")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(edge.shutil, "copyfile", full)
        with pytest.raises(ProjectError, match=r"out.csv could not be written \(No space left on device\)"):
            deliver(source, target)
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {
        "source": "new", "out.csv": "former",
    }  # fmt: skip


def test_a_file_that_is_replaced_keeps_its_permissions_and_a_link_its_target(tmp_path: Path) -> None:
    source, target, link = tmp_path / "source", tmp_path / "out.csv", tmp_path / "link.csv"
    source.write_text("new", encoding="utf-8")
    target.write_text("former", encoding="utf-8")
    target.chmod(0o640)
    link.symlink_to(target)
    deliver(source, link)
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


class FarStore:
    """An artifact store elsewhere: its files are had by their names alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, path: str, mode: str) -> Any:
        assert path.startswith("far://place/")
        return (self.folder / path.removeprefix("far://place/")).open(mode)

    def listdir(self, _: str) -> list[str]:
        return [path.name for path in self.folder.iterdir()]


def test_a_file_comes_back_from_a_store_elsewhere_byte_for_byte(tmp_path: Path) -> None:
    far, source = tmp_path / "far", tmp_path / "table.csv"
    far.mkdir()
    source.write_bytes(bytes(range(256)) * 100_000)
    materializer = FileMaterializer("far://place", FarStore(far))
    materializer.save(StoredFile(source))
    found = materializer.load(StoredFile).path
    assert found.name == "table.csv"
    assert found.read_bytes() == source.read_bytes()
    assert far not in found.parents


def test_a_step_tells_how_far_it_is_to_whoever_looks_on() -> None:
    heard: list[Any] = []
    tell_watchers(1, None, 0.1)
    with watched(lambda *how_far: heard.append(how_far)):
        tell_watchers(2, 4, 0.5)
    tell_watchers(3, 4, 0.7)
    assert heard == [(2, 4, 0.5)]
