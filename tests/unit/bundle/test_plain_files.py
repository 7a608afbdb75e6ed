import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from champion.bundle.plain_files import opened

CACHED = Path("elsewhere/files/md5/0a/" + "b" * 30)


def linked(file: Path, target: Path) -> None:
    """A file that is a link to another one, which is made."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(b"content")
    file.symlink_to(target)


def as_a_volume(file: Path) -> None:
    """As Kubernetes makes the volume of a ConfigMap."""
    linked(file.parent / "moment", file.parent / "..2026_11_29" / file.name)
    (file.parent / "..data").symlink_to("..2026_11_29")
    file.symlink_to(Path("..data") / file.name)


@pytest.mark.parametrize(
    "make",
    [
        lambda file: file.write_bytes(b"content"),
        as_a_volume,
        lambda file: linked(file, file.parent.parent / CACHED),
        lambda file: linked(file, file.with_name("beside")),
    ],
    ids=["a file", "a ConfigMap", "a link into DVC's cache", "a link within the folder"],
)
def test_a_file_and_a_link_that_stays_within_its_folder_or_the_cache_are_read(
    folder: Path, make: Callable[[Path], Any]
) -> None:
    make(folder / "file")
    with opened(folder / "file") as file:
        assert file.read() == b"content"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (os.mkfifo, "it is no regular file"),
        (Path.mkdir, "it is no regular file"),
        (lambda file: socket.socket(socket.AF_UNIX).bind(str(file)), "it is no regular file"),
        (lambda file: file.symlink_to("/dev/null"), "it is a link to a file elsewhere"),
        (lambda file: linked(file, file.absolute().parent.parent / "secret"), "it is a link to a file elsewhere"),
        (lambda file: file.symlink_to("nothing"), "No such file or directory"),
        (lambda file: file.symlink_to(file.name), "ymbolic link"),
    ],
    ids=["a FIFO", "a folder", "a socket", "a device", "a link elsewhere", "a link to nothing", "a link to itself"],
)
def test_what_is_no_regular_file_of_the_folder_is_refused_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Any], Any], reason: str
) -> None:
    monkeypatch.chdir(folder)  # the path of a socket may not be long
    make(Path("file"))
    with pytest.raises(OSError, match=reason), opened(folder / "file"):
        pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    return tmp_path / "folder"
