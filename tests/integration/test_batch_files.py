"""The edge of batch inference: files checked before, put in place whole, and kept in the store."""

import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from champion.errors import ProjectError
from champion.orchestration.materializers.files import FileMaterializer, StoredFile
from champion.progress import tell_part, tell_watchers, watched
from pipelines import batch_files as edge
from pipelines.batch_files import checked_files, deliver


def test_no_permission_and_no_room_are_named_and_leave_the_former_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = tmp_path / "table.csv", tmp_path / "out.csv"
    source.write_text("a\n1\n", encoding="utf-8")
    target.write_text("former", encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(edge.tempfile, "TemporaryFile", Mock(side_effect=PermissionError(13, "Permission denied")))
        patch.setattr(edge.shutil, "copyfile", Mock(side_effect=OSError(28, "No space left on device")))
        with pytest.raises(ProjectError, match=r"out.csv cannot be written \(Permission denied\)"):
            checked_files(source, target, None, keep=(), keep_all=False)
        with pytest.raises(ProjectError, match=r"out.csv could not be written \(No space left on device\)"):
            deliver(source, target)
    assert {path.name for path in tmp_path.iterdir()} == {"table.csv", "out.csv"}
    assert target.read_text(encoding="utf-8") == "former"


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


def test_a_file_comes_back_from_a_store_elsewhere_byte_for_byte(tmp_path: Path) -> None:
    far, source = tmp_path / "far", tmp_path / "table.csv"
    far.mkdir()
    source.write_bytes(bytes(range(256)) * 100_000)
    elsewhere = SimpleNamespace(
        open=lambda path, mode: (far / path.split("far://place/")[1]).open(mode),
        listdir=lambda _: [path.name for path in far.iterdir()],
    )
    materializer = FileMaterializer("far://place", elsewhere)
    materializer.save(StoredFile(source))
    found = materializer.load(StoredFile).path
    assert found.name == "table.csv"
    assert found.read_bytes() == source.read_bytes()
    assert far not in found.parents


def test_a_step_tells_how_far_it_is_to_whoever_looks_on() -> None:
    heard: list[Any] = []
    tell_watchers(1, None, 0.1)
    tell_part("forest", 0, 2)
    with watched(lambda *how_far: heard.append(how_far), lambda *parts: heard.append(parts)):
        tell_watchers(2, 4, 0.5)
        tell_part("forest", 1, 2)
    tell_watchers(3, 4, 0.7)
    tell_part("forest", 2, 2)
    assert heard == [(2, 4, 0.5), ("forest", 1, 2)]
