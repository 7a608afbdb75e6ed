"""Remotes that are not Google Drive: the real dvc's failures, explained in the words of their own kind."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from champion.datastore import dvc, fetch, publish, remote
from champion.datastore.backends.base import RemoteError
from champion.datastore.backends.table import backend_of

if TYPE_CHECKING:
    from collections.abc import Callable


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("template")
    (root / "table.csv").write_text("width,kind\n1,a\n")
    assert dvc.run(root, "init", "--no-scm", "--quiet").ok
    assert dvc.run(root, "add", "--quiet", "table.csv").ok
    return root


@pytest.fixture
def root(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DVC repository whose table was never pushed."""
    monkeypatch.delenv("DVC_REMOTE_URL", raising=False)
    monkeypatch.setattr(remote, "WAITS", ())
    return Path(shutil.copytree(template, tmp_path / "root"))


def use(root: Path, url: object) -> None:
    (root / ".dvc/config").write_text(
        f"[core]\n    no_scm = True\n    remote = store\n['remote \"store\"']\n    url = {url}\n"
    )


def pull_anew(root: Path, *_: str) -> str:
    shutil.rmtree(root / ".dvc/cache")
    (root / "table.csv").unlink()
    return fetch.pull(root, "table.csv.dvc")


def push(root: Path) -> str:
    return publish.push(root, "table.csv.dvc")


def refusal(call: Callable[[Path], str], root: Path) -> RemoteError:
    with pytest.raises(RemoteError) as refused:
        call(root)
    lines = str(refused.value).splitlines()
    assert len(lines) == 2, "a cause and a remedy"
    assert not [word for word in ("google", "drive client", "gdrive") if word in str(refused.value).casefold()]
    return refused.value


@pytest.mark.parametrize(
    ("url", "call", "cause", "remedy"),
    [
        ("s3://bucket/path", push, "s3:// remotes by dvc-s3, which is not installed", "uv pip install"),
        ("s3://bucket/path", pull_anew, "s3:// remotes by dvc-s3, which is not installed", "uv pip install"),
        ("s3://bucket/path", remote.check, "s3:// remotes by dvc-s3, which is not installed", "uv pip install"),
        ("http://127.0.0.1:9/path", push, "host cannot be reached", "dvc remote list"),
        ("/proc/nothing/here", push, "/proc/nothing is not there or does not answer", "Mount the drive"),
        ("{tmp}/missing", pull_anew, "The folder {tmp}/missing of the remote store does not exist", "Mount the drive"),
        ("{tmp}/file", push, "a part of its path is a file", "Move that file away"),
        ("{tmp}/file", remote.check, "The folder {tmp}/file of the remote store does not exist", "correct the address"),
    ],
)
def test_a_failure_is_explained_in_the_words_of_its_own_kind(
    root: Path, tmp_path: Path, url: str, call: Callable[[Path], str], cause: str, remedy: str
) -> None:
    (tmp_path / "file").write_text("")
    use(root, url.format(tmp=tmp_path))
    refused = refusal(call, root)
    assert cause.format(tmp=tmp_path) in refused.cause
    assert remedy in refused.remedy


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_told(root: Path, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o555)
    use(root, tmp_path / "closed")
    for call in (push, remote.check):
        assert f"may not read or write {tmp_path}/closed" in refusal(call, root).cause


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("[Errno 13] Permission denied: '/srv/store/files'", "This user may not read or write /srv/store/files."),
        ("[Errno 30] Read-only file system: '/srv/store/files'", "mounted to be read only"),
        (
            "[Errno 28] No space left on device: '/cache/a' -> '/srv/store/a.tmp'",
            "no room left to write /srv/store/a.tmp",
        ),
        ("[Errno 116] Stale file handle: '/srv/store'", "the drive that it lies on may not be mounted"),
    ],
)
def test_what_dvc_says_of_a_folder_is_known(said: str, cause: str) -> None:
    """No permission and no room as real dvc printed them; the other two after the text of their number."""
    problem = backend_of("/srv/store").diagnose(f"ERROR: unexpected error - {said}\n")
    assert problem is not None
    assert cause in problem.cause


def test_a_folder_says_what_it_lacks_and_a_push_makes_it(root: Path, tmp_path: Path) -> None:
    use(root, tmp_path / "new")
    assert "`make push` makes it" in remote.check(root)
    assert "1 file pushed" in push(root)
    assert remote.check(root) == f"the folder {tmp_path}/new"
    shutil.rmtree(tmp_path / "new/files")
    pushed = refusal(pull_anew, root)
    assert "table.csv was never pushed: the remote does not have it" in pushed.cause


@pytest.fixture
def answering() -> Iterator[Callable[[int], str]]:
    """A web server that answers every request with one status; its address."""
    servers = []

    def start(status: int) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                self.send_response(status)
                self.end_headers()

            do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815 - the names that http.server calls

            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        servers.append(HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/path"

    yield start
    for server in servers:
        server.shutdown()


@pytest.mark.parametrize(
    ("status", "cause", "passing"),
    [
        (401, "takes no credentials", False),
        (403, "does not let these credentials", False),
        (503, "failed itself", True),
    ],
)
def test_what_a_server_answers_is_explained(
    root: Path, answering: Callable[[int], str], status: int, cause: str, passing: bool
) -> None:
    use(root, answering(status))
    refused = refusal(push, root)
    assert cause in refused.cause
    assert refused.passing is passing


def test_without_a_remote_nothing_is_shared(root: Path) -> None:
    (root / ".dvc/config").write_text("[core]\n    no_scm = True\n")
    assert "nothing is shared" in remote.check(root)
    assert not remote.available(root)
    with pytest.raises(RemoteError, match="No DVC remote is set"):
        push(root)
    use(root, "s3://bucket/path")
    with pytest.raises(RemoteError, match="needs no login"):
        remote.login(root)
