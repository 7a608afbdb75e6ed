"""Push and pull against a double of Google Drive, with the unmodified client."""

from __future__ import annotations

import pytest

from champion.datastore import dvc, fetch, publish, remote
from champion.datastore.backends.base import RemoteError
from tests.unit.datastore.backends.drive.conftest import Desk

UPLOAD = "PUT www.googleapis.com/upload"


def with_service_account(desk: Desk) -> None:
    account = desk.drive.service_account()
    desk.use(account, desk.drive.folder(account))


def with_user(desk: Desk) -> None:
    desk.use(desk.drive.user("ada@gmail.com"), desk.drive.folder("ada@gmail.com", shared_drive=False))


@pytest.mark.parametrize("begin", [with_service_account, with_user])
def test_a_push_and_a_pull_in_a_fresh_clone_give_the_same_bytes(desk: Desk, begin: object) -> None:
    before = desk.files()
    begin(desk)  # type: ignore[operator]
    told: list[str] = []
    assert "files pushed" in publish.push(desk.root, tell=told.append)
    assert desk.drive.count(UPLOAD) == 5, "the double was not used: is pysocks in the environment?"
    assert desk.drive.count("POST oauth2.googleapis.com/token") >= 1
    clone = desk.clone()
    (clone.root / ".dvc/config").write_bytes((desk.root / ".dvc/config").read_bytes())
    assert clone.files() == {}
    assert "files added" in fetch.pull(clone.root)
    assert clone.files() == before
    assert desk.drive.count("alt=media") >= 4
    calls = len(desk.drive.calls)
    assert "up to date" in publish.push(desk.root)
    assert desk.drive.count(UPLOAD) == 5, "nothing is sent twice"
    assert len(desk.drive.calls) > calls


def test_the_remote_may_come_from_the_environment(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    account = desk.drive.service_account()
    desk.use(account, desk.drive.folder(account))
    url = remote.default(desk.root)
    assert url is not None
    desk.configure()
    assert not remote.available(desk.root), "no remote is configured"
    monkeypatch.setenv("DVC_REMOTE_URL", url.url)
    assert remote.available(desk.root)
    assert "pushed" in publish.push(desk.root)
    assert url.url in (desk.root / ".dvc/config.local").read_text()
    monkeypatch.setenv("GDRIVE_CREDENTIALS_DATA", "")
    assert not remote.available(desk.root), "a fork has no secret"


def test_a_remote_folder_needs_no_drive_client(desk: Desk) -> None:
    before = desk.files()
    desk.configure(f"remote.storage.url={desk.root.parent / 'storage'}", "core.remote=storage")
    (desk.root / ".venv-drive").unlink()
    assert remote.available(desk.root)
    publish.push(desk.root)
    desk.forget()
    fetch.pull(desk.root)
    assert desk.files() == before
    assert desk.drive.calls == []


def test_a_pointer_of_another_commit_is_fetched_beside_itself(desk: Desk) -> None:
    with_service_account(desk)
    before = desk.files()
    publish.push(desk.root)
    pointer = desk.root.parent / "elsewhere" / "package.dvc"
    pointer.parent.mkdir()
    pointer.write_bytes((desk.root / "package.dvc").read_bytes())
    (desk.root / "package/model.skops").write_bytes(b"another")
    assert dvc.run(desk.root, "add", "--quiet", "package").ok
    desk.forget()
    place = fetch.pull_pointer(desk.root, pointer)
    assert place == pointer.parent / "package"
    assert (place / "model.skops").read_bytes() == before["model.skops"]
    assert not (desk.root / "package").exists()
    assert desk.drive.count("alt=media") > 0
    calls = len(desk.drive.calls)
    pointer.with_suffix("").rename(pointer.parent / "taken")
    assert fetch.pull_pointer(desk.root, pointer).is_dir(), "the second time it comes from the cache"
    assert len(desk.drive.calls) == calls
    with pytest.raises(RemoteError, match="never pushed"):
        fetch.pull_pointer(desk.root, desk.root / "package.dvc")


def test_an_upload_that_is_cut_off_is_tried_again_by_itself(desk: Desk) -> None:
    with_service_account(desk)
    desk.drive.fail(UPLOAD, times=6, cut_after=1000)  # the client itself sends once more at once
    told: list[str] = []
    assert "pushed" in publish.push(desk.root, tell=told.append)
    assert any("The connection broke" in line and "Trying again" in line for line in told)
    desk.forget()
    assert "added" in fetch.pull(desk.root)


def test_a_push_broken_in_the_middle_is_completed_by_the_next(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with_service_account(desk)
    monkeypatch.setattr(remote, "WAITS", ())
    before = desk.files()
    publish.push(desk.root, "table.csv.dvc")
    desk.drive.fail(UPLOAD, times=1000, cut_after=1000)
    with pytest.raises(RemoteError, match="connection broke") as broken:
        publish.push(desk.root)
    assert "not sent twice" in broken.value.remedy
    desk.drive.faults.clear()
    desk.drive.calls.clear()
    publish.push(desk.root)
    assert 1 <= desk.drive.count(UPLOAD) <= 4
    assert desk.drive.count(UPLOAD) + 1 == len(before) + 1, "the table, which was there, is not sent again"
    desk.forget()
    fetch.pull(desk.root)
    assert desk.files() == before


def test_bytes_changed_on_the_remote_are_refused(desk: Desk) -> None:
    with_service_account(desk)
    table = desk.files()["table.csv"]
    publish.push(desk.root)
    stored = next(item for item in desk.drive.files().values() if item.content == table)
    stored.content = table.replace(b"1,a", b"1,b")
    desk.forget()
    with pytest.raises(RemoteError, match=r"table.csv is refused: the remote holds other bytes"):
        fetch.pull(desk.root)
    assert not (desk.root / "table.csv").exists()
    with pytest.raises(RemoteError, match=r"other bytes than their name says for table.csv"):
        remote.check(desk.root)


def test_what_was_never_pushed_is_told_by_name(desk: Desk) -> None:
    with_service_account(desk)
    publish.push(desk.root, "table.csv.dvc")
    assert "not pushed yet: package (`make push`)" in remote.check(desk.root)
    desk.forget()
    said = desk.plain("pull").output
    assert "neither locally nor on remote" in said
    with pytest.raises(RemoteError, match="package was never pushed"):
        fetch.pull(desk.root)
    assert (desk.root / "table.csv").is_file(), "what is there has come"
    with pytest.raises(RemoteError, match="package was never pushed"):
        remote.check(desk.root)


@pytest.mark.parametrize(
    ("fault", "again"),
    [
        ({"status": 403, "reason": "rateLimitExceeded", "message": "Rate Limit Exceeded"}, False),
        ({"status": 403, "reason": "userRateLimitExceeded", "message": "User Rate Limit Exceeded"}, False),
        ({"status": 500, "reason": "internalError"}, False),
        ({"status": 503, "reason": "backendError"}, False),
        ({"status": 429, "reason": "rateLimitExceeded", "message": "Too many requests"}, True),
        ({"status": 401, "reason": "authError", "message": "Invalid Credentials"}, False),
    ],
)
def test_what_passes_is_waited_for(desk: Desk, fault: dict[str, object], again: bool) -> None:
    with_service_account(desk)
    desk.drive.fail(r"GET www.googleapis.com/drive/v2/files\?", **fault)
    told: list[str] = []
    assert "pushed" in publish.push(desk.root, "table.csv.dvc", tell=told.append)
    assert any("Trying again" in line for line in told) == again, "what DVC does not try again itself"
    assert desk.drive.faults[0].times == 0


def test_too_many_calls_for_good_end_in_cause_and_remedy(desk: Desk) -> None:
    with_service_account(desk)
    desk.drive.fail(r"GET www.googleapis.com/drive/v2/files", times=1000, status=429, reason="rateLimitExceeded")
    with pytest.raises(RemoteError, match="fewer calls a minute") as refused:
        publish.push(desk.root)
    assert refused.value.passing


def test_an_access_token_that_expires_in_the_middle_is_renewed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with_user(desk)
    answer, begun = desk.drive.answer, []

    def expiring(call: object, request: object) -> object:
        if "/upload" in str(call) and not begun:
            begun.append(call)
            desk.drive.expire_tokens()
        return answer(call, request)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.drive, "answer", expiring)
    assert "pushed" in publish.push(desk.root)
    assert begun
    assert desk.drive.count("POST oauth2.googleapis.com/token") >= 2


def test_a_client_that_hangs_is_ended(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    with_service_account(desk)
    desk.drive.fail(r"POST oauth2.googleapis.com/token", times=1000, hang=60)
    monkeypatch.setenv("DVC_TIME_LIMIT", "20")  # a slow machine asks for the configuration within it
    monkeypatch.setattr(remote, "WAITS", ())
    with pytest.raises(RemoteError, match="took too long"):
        publish.push(desk.root)
