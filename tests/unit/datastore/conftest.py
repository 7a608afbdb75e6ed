"""A double of Google Drive, the unmodified client in its environment, and small repositories to push from."""

import json
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from champion.datastore import dvc, remote
from tests.conftest import PYTHONS, ROOT
from tests.support.doubles.drive import GoogleDrive
from tests.support.warm import Warm


@pytest.fixture(scope="session")
def client() -> Path:
    """The environment of the Drive client, made once in the checkout that runs the tests."""
    with FileLock(Path(tempfile.gettempdir()) / f"drive-client-{zlib.crc32(str(ROOT).encode())}.lock"):
        subprocess.run(["make", "--no-print-directory", ".venv-drive/ready"], cwd=ROOT, check=True)
    folder = (ROOT / ".venv-drive/bin").resolve()
    PYTHONS.setdefault(folder, Warm("drive", python=str(folder / "python")))  # unmodified but for its start
    return ROOT / ".venv-drive"


@pytest.fixture(scope="session")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GoogleDrive]:
    """Google Drive, for the tests of a process: each has folders of its own."""
    with GoogleDrive(tmp_path_factory.mktemp("google")) as double:
        yield double


@pytest.fixture
def drive(google: GoogleDrive, client: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[GoogleDrive]:
    """Google Drive without faults, as the only thing that the client can reach; nothing but it may have been asked."""
    google.calls.clear()
    google.faults.clear()
    (tmp_path / "home").mkdir(exist_ok=True)
    for name in ("https_proxy", "NO_PROXY", "no_proxy", "XDG_CACHE_HOME", "GDRIVE_CREDENTIALS_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", google.url)
    monkeypatch.setenv("HTTPLIB2_CA_CERTS", str(google.authority))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    yield google
    assert google.refused == [], "the client asked for a host that is not Google Drive"


def configure(root: Path, url: object = None, **settings: object) -> None:
    """Write DVC's configuration: the default remote and its settings, where there is one."""
    (root / ".dvc/config.local").unlink(missing_ok=True)
    lines = [f"    {name} = {value}" for name, value in settings.items()]
    section = ["    remote = drive", "['remote \"drive\"']", f"    url = {url}", *lines] if url else []
    (root / ".dvc/config").write_text("\n".join(["[core]", "    analytics = false", *section]) + "\n")


def files(root: Path) -> dict[str, bytes]:
    """What is under DVC."""
    paths = [root / "table.csv", *sorted((root / "package").glob("*"))]
    return {path.name: path.read_bytes() for path in paths if path.is_file()}


def forget(root: Path) -> None:
    """Remove the files and DVC's cache, as in a fresh clone."""
    for folder in (".dvc/cache", "package"):
        shutil.rmtree(root / folder, ignore_errors=True)
    (root / "table.csv").unlink(missing_ok=True)


@dataclass
class Desk:
    """A small DVC repository with a table and a folder, and Google Drive as its remote."""

    root: Path
    drive: GoogleDrive
    monkeypatch: pytest.MonkeyPatch

    def use(self, credentials: dict[str, Any] | str, folder: str, **settings: object) -> None:
        """Work with these credentials on this folder."""
        text = credentials if isinstance(credentials, str) else json.dumps(credentials)
        self.monkeypatch.setenv("GDRIVE_CREDENTIALS_DATA", text)
        configure(self.root, f"gdrive://{folder}", **settings)

    def account(self) -> tuple[dict[str, Any], str]:
        """A service account, and a folder of a shared drive that it may write to."""
        made = self.drive.service_account()
        return made, self.drive.folder(made)

    def user(self) -> tuple[dict[str, Any], str]:
        """A user's credentials, and a folder in their drive."""
        return self.drive.user("ada@gmail.com"), self.drive.folder("ada@gmail.com", shared_drive=False)


def equip(root: Path, client: Path) -> None:
    """Give a repository what a checkout of the project has for the Drive client."""
    (root / ".venv-drive").symlink_to(client)
    (root / "requirements").mkdir(exist_ok=True)
    shutil.copy2(ROOT / "requirements/drive.txt", root / "requirements/drive.txt")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository that every other starts as."""
    root = tmp_path_factory.mktemp("template") / "desk"
    (root / "package").mkdir(parents=True)
    (root / "table.csv").write_text("width,kind\n1,a\n2,b\n")
    (root / "package/manifest.json").write_text("{}\n")
    (root / "package/model.skops").write_bytes(bytes(range(256)) * 4000)
    (root / "package/empty").write_bytes(b"")
    (root / ".gitignore").write_text("/.venv-drive\n/requirements\n")
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    for command in (("init", "--quiet"), ("add", "--quiet", "table.csv", "package")):
        assert dvc.run(root, *command).ok
    return root


@pytest.fixture
def root(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warm: None) -> Path:
    """A repository with a table and a folder under DVC, nothing pushed yet, and no remote."""
    monkeypatch.delenv("DVC_REMOTE_URL", raising=False)
    monkeypatch.setattr(remote, "WAITS", (0.01, 0.01))
    return Path(shutil.copytree(template, tmp_path / "desk", symlinks=True))


@pytest.fixture
def desk(root: Path, drive: GoogleDrive, client: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """The repository with what it needs for Google Drive, as a service account that may write to a shared drive."""
    equip(root, client)
    desk = Desk(root, drive, monkeypatch)
    desk.use(*desk.account())
    return desk
