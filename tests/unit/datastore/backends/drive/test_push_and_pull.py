"""Push and pull against a double of Google Drive, with the unmodified client."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest

from champion.datastore import dvc, fetch, publish, remote
from champion.datastore.backends.base import RemoteError
from tests.unit.datastore.conftest import Desk, configure

UPLOAD = "PUT www.googleapis.com/upload"


@pytest.mark.parametrize("make", [Desk.account, Desk.user])
def test_a_push_and_a_pull_in_a_fresh_clone_give_the_same_bytes(desk: Desk, make: Callable[[Desk], Any]) -> None:
    before = desk.files()
    desk.use(*make(desk))
    assert "files pushed" in publish.push(desk.root)
    assert desk.drive.count(UPLOAD) == 5, "the double was not used: is pysocks in the environment?"
    assert desk.drive.count("POST oauth2.googleapis.com/token") >= 1
    calls = len(desk.drive.calls)
    assert "up to date" in publish.push(desk.root)
    assert desk.drive.count(UPLOAD) == 5, "nothing is sent twice"
    assert len(desk.drive.calls) > calls
    desk.forget()
    assert desk.files() == {}
    assert "files added" in fetch.pull(desk.root)
    assert desk.files() == before
    assert desk.drive.count("alt=media") >= 4


def test_the_remote_may_come_from_the_environment(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials, folder = desk.account()
    desk.use(credentials, folder)
    configure(desk.root)
    assert not remote.available(desk.root), "no remote is configured"
    monkeypatch.setenv("DVC_REMOTE_URL", "nothing://here")
    with pytest.raises(RemoteError, match=r"DVC refuses DVC_REMOTE_URL: .*Unsupported URL type nothing"):
        remote.available(desk.root)
    monkeypatch.setenv("DVC_REMOTE_URL", f"gdrive://{folder}")
    assert remote.available(desk.root)
    assert "pushed" in publish.push(desk.root, "table.csv.dvc")
    assert folder in (desk.root / ".dvc/config.local").read_text()
    monkeypatch.setenv("GDRIVE_CREDENTIALS_DATA", "")
    assert not remote.available(desk.root), "a fork has no secret"


def test_a_remote_folder_needs_no_drive_client(desk: Desk) -> None:
    before = desk.files()
    configure(desk.root, desk.root.parent / "storage")
    (desk.root / ".venv-drive").unlink()
    assert remote.available(desk.root)
    publish.push(desk.root)
    desk.forget()
    fetch.pull(desk.root)
    assert desk.files() == before
    assert desk.drive.calls == []


def test_a_pointer_of_another_commit_is_fetched_beside_itself(desk: Desk) -> None:
    desk.use(*desk.account())
    before = desk.files()
    publish.push(desk.root)
    pointer = desk.root.parent / "elsewhere" / "package.dvc"
    pointer.parent.mkdir()
    pointer.write_bytes((desk.root / "package.dvc").read_bytes())
    (desk.root / "package/model.skops").write_bytes(b"another")
    assert dvc.run(desk.root, "add", "--quiet", "package").ok
    desk.forget()
    package = fetch.pull_pointer(desk.root, pointer)
    assert package == pointer.parent / "package"
    assert (package / "model.skops").read_bytes() == before["model.skops"]
    assert not (desk.root / "package").exists()
    assert desk.drive.count("alt=media") > 0
    calls = len(desk.drive.calls)
    shutil.rmtree(package)
    assert fetch.pull_pointer(desk.root, pointer).is_dir(), "the second time it comes from the cache"
    assert len(desk.drive.calls) == calls
    with pytest.raises(RemoteError, match="never pushed"):
        fetch.pull_pointer(desk.root, desk.root / "package.dvc")


def test_an_upload_that_is_cut_off_is_tried_again_by_itself(desk: Desk) -> None:
    desk.use(*desk.account())
    desk.drive.fail(UPLOAD, times=2, cut_after=1000)  # the client itself sends once more at once
    lines: list[str] = []
    assert "pushed" in publish.push(desk.root, "table.csv.dvc", tell=lines.append)
    assert any("The connection broke" in line and "Trying again" in line for line in lines)


def test_a_push_broken_in_the_middle_is_completed_by_the_next(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.use(*desk.account())
    monkeypatch.setattr(remote, "WAITS", ())
    publish.push(desk.root, "table.csv.dvc")
    desk.drive.fail(UPLOAD, times=1000, cut_after=1000)
    with pytest.raises(RemoteError, match="connection broke") as broken:
        publish.push(desk.root)
    assert "not sent twice" in broken.value.remedy
    desk.drive.faults.clear()
    desk.drive.calls.clear()
    publish.push(desk.root)
    assert desk.drive.count(UPLOAD) == len(desk.files()), "the package's listing, but not the table, which was there"


def test_bytes_changed_on_the_remote_are_refused(desk: Desk) -> None:
    desk.use(*desk.account())
    table = desk.files()["table.csv"]
    publish.push(desk.root, "table.csv.dvc")
    stored = [item for item in desk.drive.items.values() if item.content == table]
    stored[-1].content = table.replace(b"1,a", b"1,b")
    with pytest.raises(RemoteError, match=r"other bytes than their name says for table.csv"):
        remote.check(desk.root)
    desk.forget()
    with pytest.raises(RemoteError, match=r"table.csv is refused: the remote holds other bytes"):
        fetch.pull(desk.root, "table.csv.dvc")
    assert not (desk.root / "table.csv").exists()


def test_what_was_never_pushed_is_told_by_name(desk: Desk) -> None:
    desk.use(*desk.account())
    publish.push(desk.root, "table.csv.dvc")
    assert "not pushed yet: package (`make push`)" in remote.check(desk.root)
    desk.forget()
    for call in (fetch.pull, remote.check):
        with pytest.raises(RemoteError, match="package was never pushed"):
            call(desk.root)
    assert (desk.root / "table.csv").is_file(), "what is there has come"


@pytest.mark.parametrize(
    ("status", "reason", "message", "again"),
    [
        (403, "rateLimitExceeded", "Rate Limit Exceeded", False),
        (403, "userRateLimitExceeded", "User Rate Limit Exceeded", False),
        (500, "internalError", "", False),
        (503, "backendError", "", False),
        (429, "rateLimitExceeded", "Too many requests", True),
        (401, "authError", "Invalid Credentials", False),
    ],
)
def test_what_passes_is_waited_for(desk: Desk, status: int, reason: str, message: str, again: bool) -> None:
    desk.use(*desk.account())
    desk.drive.fail(r"GET www.googleapis.com/drive/v2/files\?", status=status, reason=reason, message=message)
    lines: list[str] = []
    assert "pushed" in publish.push(desk.root, "table.csv.dvc", tell=lines.append)
    assert any("Trying again" in line for line in lines) == again, "what DVC does not try again itself"
    assert desk.drive.faults[0].times == 0


def test_too_many_calls_for_good_end_in_cause_and_remedy(desk: Desk) -> None:
    desk.use(*desk.account())
    desk.drive.fail(r"GET www.googleapis.com/drive/v2/files", times=1000, status=429, reason="rateLimitExceeded")
    with pytest.raises(RemoteError, match="fewer calls a minute") as refused:
        publish.push(desk.root)
    assert refused.value.passing


def test_an_access_token_that_expires_in_the_middle_is_renewed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.use(*desk.user())
    answer, begun = desk.drive.answer, []

    def expiring(call: object, request: object) -> object:
        if "/upload" in str(call) and not begun:
            begun.append(call)
            desk.drive.bearers.clear()
        return answer(call, request)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.drive, "answer", expiring)
    assert "pushed" in publish.push(desk.root, "table.csv.dvc")
    assert begun
    assert desk.drive.count("POST oauth2.googleapis.com/token") >= 2


def test_a_client_that_hangs_is_ended(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.use(*desk.account())
    desk.drive.fail(r"POST oauth2.googleapis.com/token", times=1000, hang=60)
    monkeypatch.setenv("DVC_TIME_LIMIT", "4")
    monkeypatch.setattr(remote, "WAITS", ())
    with pytest.raises(RemoteError, match="took too long"):
        publish.push(desk.root)
