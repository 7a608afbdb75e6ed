import ctypes
import errno
from pathlib import Path

import pytest

from champion.bundle import exchange as room
from champion.bundle.exchange import exchange
from champion.bundle.folder import write
from champion.errors import PackageError
from tests.support.packages import package


def test_two_folders_change_places(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)

    if not exchange(tmp_path / "one", tmp_path / "other"):
        pytest.skip("this file system cannot exchange")
    assert (tmp_path / "one" / "file").read_text() == "other"
    assert (tmp_path / "other" / "file").read_text() == "one"


def test_a_folder_that_is_not_there_cannot_be_exchanged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "one", tmp_path / "other")


def test_where_the_system_cannot_nothing_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_system_call", lambda: None)

    assert not exchange(tmp_path / "one", tmp_path / "other")


@pytest.mark.parametrize("reason", [errno.EINVAL, errno.ENOSYS, errno.EPERM])
def test_where_the_file_system_cannot_nothing_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    monkeypatch.setattr(room, "_system_call", lambda: lambda *_: -1)
    monkeypatch.setattr(ctypes, "get_errno", lambda: reason)

    assert not exchange(tmp_path / "one", tmp_path / "other")


def test_an_exchange_that_fails_leaves_the_old_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(package(1), tmp_path / "iris")
    monkeypatch.setattr(room, "_system_call", lambda: lambda *_: -1)
    monkeypatch.setattr(ctypes, "get_errno", lambda: errno.EIO)

    with pytest.raises(PackageError, match="the former one is untouched"):
        write(package(2), tmp_path / "iris")
    assert [path.name for path in tmp_path.iterdir()] == ["iris"]
