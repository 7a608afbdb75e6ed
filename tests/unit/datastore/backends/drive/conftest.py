"""A double of Google Drive, the unmodified client in its environment, and small repositories to push from."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock

from champion.datastore import dvc, remote
from tests.conftest import ROOT
from tests.support.doubles.drive import GoogleDrive

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def client() -> Path:
    """The environment of the Drive client, made once in the checkout that runs the tests."""
    with FileLock(Path(tempfile.gettempdir()) / f"drive-client-{zlib.crc32(str(ROOT).encode())}.lock"):
        subprocess.run(["make", "--no-print-directory", ".venv-drive/ready"], cwd=ROOT, check=True)
    return ROOT / ".venv-drive"


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoogleDrive]:
    """Google Drive, for the tests of a module: each has folders of its own."""
    with GoogleDrive(tmp_path_factory.mktemp("google")) as double:
        yield double


@pytest.fixture
def drive(google: GoogleDrive, client: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[GoogleDrive]:
    """Google Drive without faults, as the only thing that the client can reach; nothing but it may have been asked."""
    google.calls.clear()
    google.faults.clear()
    (tmp_path / "home").mkdir(exist_ok=True)
    for name in ("https_proxy", "NO_PROXY", "no_proxy", "DVC_REMOTE_URL", "XDG_CACHE_HOME", "GDRIVE_CREDENTIALS_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", google.url)
    monkeypatch.setenv("HTTPLIB2_CA_CERTS", str(google.authority))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(remote, "WAITS", (0.01, 0.01))
    yield google
    assert google.refused == [], "the client asked for a host that is not Google Drive"


@dataclass
class Desk:
    """A small DVC repository with a table and a folder, and Google Drive as its remote."""

    root: Path
    drive: GoogleDrive
    monkeypatch: pytest.MonkeyPatch

    def use(self, credentials: dict[str, Any] | str, folder: str) -> None:
        """Work with these credentials on this folder."""
        text = credentials if isinstance(credentials, str) else json.dumps(credentials)
        self.monkeypatch.setenv("GDRIVE_CREDENTIALS_DATA", text)
        self.configure(f"remote.drive.url={'gdrive://' + folder}", "core.remote=drive")

    def configure(self, *pairs: str) -> None:
        """Write DVC's configuration, without the second that its program takes."""
        sections: dict[str, list[str]] = {"core": ["analytics = false"]}
        for pair in pairs:
            key, _, value = pair.partition("=")
            section, _, name = key.rpartition(".")
            title = section if section == "core" else f"'remote \"{section.partition('.')[2]}\"'"
            sections.setdefault(title, []).append(f"{name} = {value}")
        text = "".join(f"[{title}]\n" + "".join(f"    {line}\n" for line in lines) for title, lines in sections.items())
        (self.root / ".dvc/config").write_text(text)

    def expect_service_account(self, flag: bool) -> None:
        """Set the switch by hand, as somebody might who uses plain dvc."""
        text = (self.root / ".dvc/config").read_text().rstrip()
        (self.root / ".dvc/config.local").unlink(missing_ok=True)
        name = "    gdrive_use_service_account"
        section = "['remote \"drive\"']\n"
        (self.root / ".dvc/config").write_text(text.replace(section, f"{section}{name} = {str(flag).lower()}\n") + "\n")

    def plain(self, verb: str) -> dvc.Done:
        """The unmodified program, without this project around it."""
        return dvc.run(self.root, verb, python=self.root / ".venv-drive/bin/python")

    def files(self) -> dict[str, bytes]:
        """What is under DVC."""
        found = [self.root / "table.csv", *sorted((self.root / "package").glob("*"))]
        return {path.name: path.read_bytes() for path in found if path.is_file()}

    def forget(self) -> None:
        """Remove the files and DVC's cache, as in a fresh clone."""
        shutil.rmtree(self.root / ".dvc/cache", ignore_errors=True)
        shutil.rmtree(self.root / "package", ignore_errors=True)
        (self.root / "table.csv").unlink(missing_ok=True)

    def clone(self, name: str = "clone") -> Desk:
        """A fresh clone."""
        target = self.root.parent / name
        subprocess.run(["git", "clone", "--quiet", str(self.root), str(target)], check=True)
        equip(target, (self.root / ".venv-drive").resolve())
        return Desk(target, self.drive, self.monkeypatch)


def equip(root: Path, client: Path) -> None:
    """Give a repository what a checkout of the project has for the Drive client."""
    (root / ".venv-drive").symlink_to(client)
    (root / "requirements").mkdir(exist_ok=True)
    shutil.copy2(ROOT / "requirements/drive.txt", root / "requirements/drive.txt")


@pytest.fixture(scope="session")
def template(client: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository that every desk starts as."""
    root = tmp_path_factory.mktemp("template") / "desk"
    (root / "package").mkdir(parents=True)
    (root / "table.csv").write_text("width,kind\n1,a\n2,b\n")
    (root / "package/manifest.json").write_text("{}\n")
    (root / "package/model.skops").write_bytes(bytes(range(256)) * 4000)
    (root / "package/empty").write_bytes(b"")
    (root / ".gitignore").write_text("/.venv-drive\n/requirements\n")

    def git(*arguments: str) -> None:
        who = ("-c", "user.name=Test", "-c", "user.email=test@example.com")
        subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True)

    git("init", "--quiet", "--initial-branch", "main")
    assert dvc.run(root, "init", "--quiet").ok
    assert dvc.run(root, "add", "--quiet", "table.csv", "package").ok
    git("add", "--all")
    git("commit", "--quiet", "--message", "start")
    equip(root, client)
    return root


@pytest.fixture
def desk(template: Path, drive: GoogleDrive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A repository with a table and a folder under DVC, nothing pushed yet, and no remote."""
    shutil.copytree(template, tmp_path / "desk", symlinks=True)
    return Desk(tmp_path / "desk", drive, monkeypatch)
