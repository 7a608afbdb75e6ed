"""Push and pull against a double of Google Drive, with the unmodified client."""

import shutil
from collections.abc import Callable
from typing import Any

import pytest

from champion.datastore import dvc, fetch, publish, remote
from champion.datastore.backends.base import RemoteError
from tests.unit.datastore.conftest import Desk, configure, files, forget

UPLOAD = "PUT www.googleapis.com/upload"
LOOK = "GET www.googleapis.com/drive/v2/files"
TOKEN = "POST oauth2.googleapis.com/token"


@pytest.mark.parametrize("make", [Desk.account, Desk.user])
def test_a_push_and_a_pull_in_a_fresh_clone_give_the_same_bytes(desk: Desk, make: Callable[[Desk], Any]) -> None:
    before = files(desk.root)
    desk.use(*make(desk))
    whom = "robot@project.iam.gserviceaccount.com" if make is Desk.account else "own.apps.googleusercontent.com"
    assert whom in (seen := remote.check(desk.root))
    assert ("a shared drive" in seen) is (make is Desk.account)
    assert desk.drive.count(TOKEN) == 1
    assert desk.drive.count(LOOK) >= 1
    assert "files pushed" in publish.push(desk.root)
    assert desk.drive.count(UPLOAD) == 5, "the double was not used: is pysocks in the environment?"
    calls = len(desk.drive.calls)
    assert "up to date" in publish.push(desk.root)
    assert desk.drive.count(UPLOAD) == 5, "nothing is sent twice"
    assert len(desk.drive.calls) > calls
    forget(desk.root)
    assert files(desk.root) == {}
    assert "files added" in fetch.pull(desk.root)
    assert files(desk.root) == before
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


def test_a_pointer_of_another_commit_is_fetched_beside_itself(desk: Desk) -> None:
    before = files(desk.root)
    publish.push(desk.root)
    pointer = desk.root.parent / "elsewhere" / "package.dvc"
    pointer.parent.mkdir()
    pointer.write_bytes((desk.root / "package.dvc").read_bytes())
    (desk.root / "package/model.skops").write_bytes(b"another")
    assert dvc.run(desk.root, "add", "--quiet", "package").ok
    forget(desk.root)
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


def test_a_push_broken_in_the_middle_is_completed_by_the_next(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "WAITS", ())
    publish.push(desk.root, "table.csv.dvc")
    desk.drive.fail(UPLOAD, times=1000, cut_after=1000)
    with pytest.raises(RemoteError, match="connection broke") as broken:
        publish.push(desk.root)
    assert "not sent twice" in broken.value.remedy
    desk.drive.faults.clear()
    desk.drive.calls.clear()
    publish.push(desk.root)
    assert desk.drive.count(UPLOAD) == len(files(desk.root)), "the package's listing; the table was there"


def test_what_was_never_pushed_is_told_by_name_and_bytes_changed_on_the_remote_are_refused(desk: Desk) -> None:
    table = files(desk.root)["table.csv"]
    publish.push(desk.root, "table.csv.dvc")
    assert "not pushed yet: package (`make push`)" in remote.check(desk.root)
    forget(desk.root)
    for call in (fetch.pull, remote.check):
        with pytest.raises(RemoteError, match="package was never pushed"):
            call(desk.root)
    assert (desk.root / "table.csv").is_file(), "what is there has come"

    stored = [item for item in desk.drive.items.values() if item.content == table]
    stored[-1].content = table.replace(b"1,a", b"1,b")
    with pytest.raises(RemoteError, match=r"other bytes than their name says for table.csv"):
        remote.check(desk.root)
    forget(desk.root)
    with pytest.raises(RemoteError, match=r"table.csv is refused: the remote holds other bytes"):
        fetch.pull(desk.root, "table.csv.dvc")
    assert not (desk.root / "table.csv").exists()


@pytest.mark.parametrize(
    ("calls", "fault", "again"),
    [
        (rf"{LOOK}\?", {"status": 403, "reason": "rateLimitExceeded", "message": "Rate Limit Exceeded"}, ""),
        (rf"{LOOK}\?", {"status": 403, "reason": "userRateLimitExceeded", "message": "User Rate Limit Exceeded"}, ""),
        (rf"{LOOK}\?", {"status": 500, "reason": "internalError"}, ""),
        (rf"{LOOK}\?", {"status": 503, "reason": "backendError"}, ""),
        (rf"{LOOK}\?", {"status": 401, "reason": "authError", "message": "Invalid Credentials"}, ""),
        (rf"{LOOK}\?", {"status": 429, "reason": "rateLimitExceeded"}, "Trying again"),
        (UPLOAD, {"times": 2, "cut_after": 1000}, "The connection broke"),  # the client itself sends once more at once
    ],
)
def test_what_passes_is_waited_for(desk: Desk, calls: str, fault: dict[str, Any], again: str) -> None:
    desk.drive.fail(calls, **fault)
    lines: list[str] = []
    assert "pushed" in publish.push(desk.root, "table.csv.dvc", tell=lines.append)
    waited = [line for line in lines if "Trying again" in line]
    assert bool(waited) is bool(again), "what DVC does not try again itself"
    assert all(again in line for line in waited)
    assert desk.drive.faults[0].times == 0


READ_ONLY = "The user does not have sufficient permissions for this file."


@pytest.mark.parametrize(
    ("calls", "status", "reason", "message", "cause"),
    [
        (LOOK, 429, "rateLimitExceeded", "", "fewer calls a minute"),
        ("PUT ", 403, "quotaExceeded", "The user's Drive storage quota has been exceeded.", "Drive is full"),
        ("POST www", 403, "insufficientFilePermissions", READ_ONLY, "may read the folder but not write"),
    ],
)
def test_what_does_not_pass_ends_in_its_cause(
    desk: Desk, calls: str, status: int, reason: str, message: str, cause: str
) -> None:
    desk.drive.fail(calls, times=1000, status=status, reason=reason, message=message)
    with pytest.raises(RemoteError, match=cause) as refused:
        publish.push(desk.root, "table.csv.dvc")
    assert refused.value.passing is (status == 429), "a limit of calls is tried again"


def test_an_access_token_that_expires_in_the_middle_is_renewed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.use(*desk.user())
    answer, begun = desk.drive.answer, []

    def expiring(call: str, request: Any) -> Any:
        if "/upload" in call and not begun:
            begun.append(call)
            desk.drive.bearers.clear()
        return answer(call, request)

    monkeypatch.setattr(desk.drive, "answer", expiring)
    assert "pushed" in publish.push(desk.root, "table.csv.dvc")
    assert begun
    assert desk.drive.count(TOKEN) >= 2


def test_a_client_that_hangs_is_ended(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.drive.fail(TOKEN, times=1000, hang=60)
    monkeypatch.setenv("DVC_TIME_LIMIT", "4")
    monkeypatch.setattr(remote, "WAITS", ())
    with pytest.raises(RemoteError, match="took too long"):
        publish.push(desk.root)
