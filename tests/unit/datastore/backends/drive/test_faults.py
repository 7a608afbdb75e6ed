"""Every cryptic text of the client, from the client itself: what it means, and that the doctor tells it before."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from champion.datastore import fetch, publish, remote
from champion.datastore.backends.base import RemoteError
from champion.datastore.backends.drive.backend import DriveBackend
from tests.conftest import ROOT
from tests.unit.datastore.conftest import Desk

Made = tuple[dict[str, Any] | str, str]  # credentials, and a folder's id


def base64_of_a_key(desk: Desk) -> Made:
    credentials, folder = desk.account()
    return base64.b64encode(json.dumps(credentials).encode()).decode(), folder


def truncated(desk: Desk) -> Made:
    credentials, folder = desk.account()
    return json.dumps(credentials)[:300], folder


def revoked(desk: Desk) -> Made:
    credentials, folder = desk.user()
    desk.drive.refresh_tokens.pop(credentials["refresh_token"])
    return credentials, folder


def rotated(desk: Desk) -> Made:
    made = desk.account()
    desk.drive.service_account()
    return made


def not_shared(desk: Desk) -> Made:
    return desk.account()[0], desk.drive.folder("bob@gmail.com")


def on_my_drive(desk: Desk) -> Made:
    credentials, _ = desk.account()
    return credentials, desk.drive.folder(credentials, shared_drive=False)


def without_any(desk: Desk) -> Made:
    return "", desk.account()[1]


def below_nothing(desk: Desk) -> Made:
    credentials, folder = desk.account()
    return credentials, f"{folder}/models"


def another_client(desk: Desk) -> Made:
    credentials, folder = desk.user()
    return {**credentials, "client_secret": "wrong"}, folder


@pytest.mark.parametrize(
    ("fault", "flag", "said", "means"),
    [
        (Desk.account, False, "'access_token'", "are a service account's, but DVC was told"),
        (Desk.user, True, "Unexpected credentials type", "are a user's, but DVC was told"),
        (base64_of_a_key, True, "Expecting value: line 1 column 1", "base64"),
        (truncated, True, "Unterminated string", "cut off"),
        (revoked, False, "invalid_grant: Token has been expired or revoked", "still in Testing"),
        (rotated, True, "invalid_grant: Invalid JWT Signature", "key was deleted or replaced"),
        (not_shared, True, "File not found: ", "not shared with it"),
        (on_my_drive, True, "Service Accounts do not have storage quota", "cannot push into a folder of My Drive"),
        (without_any, True, "To use service account, set `gdrive_service_account", "no credentials|is empty"),
        (without_any, False, "Non interactive mode", "no credentials for Drive"),
        (below_nothing, True, "exists and you can access it", "a path below the folder's id"),
        (another_client, False, "invalid_client", "does not know the OAuth client"),
    ],
)
def test_the_doctor_tells_cause_and_remedy_of_what_the_client_says_cryptically(
    desk: Desk, fault: Callable[[Desk], Made], flag: bool, said: str, means: str
) -> None:
    """The switch is as somebody set it by hand, who uses plain dvc."""
    credentials, folder = fault(desk)
    desk.use(credentials, folder, gdrive_use_service_account=flag)
    done = desk.plain("push")
    assert not done.ok
    assert said in done.output
    meant = DriveBackend().diagnose(done.output)
    assert meant is not None, done.output
    if fault in (Desk.account, Desk.user):
        assert means in meant.cause
        assert "reached as" in remote.check(desk.root)
        assert "pushed" in publish.push(desk.root), "the switch follows the credentials"
        return
    for look in (remote.check, publish.push):
        with pytest.raises(RemoteError, match=means) as refused:
            look(desk.root)
        assert len(str(refused.value).splitlines()) == 2
        secret = credentials if isinstance(credentials, str) else credentials.get("private_key", "client-s")
        assert not secret or secret[:30] not in str(refused.value)
    assert set(meant.remedy.split()) & set(refused.value.remedy.split())


def test_the_double_is_what_the_client_talks_to(desk: Desk) -> None:
    desk.use(*desk.account())
    seen = remote.check(desk.root)
    assert "robot@project.iam.gserviceaccount.com" in seen
    assert "a shared drive" in seen
    assert desk.drive.count("POST oauth2.googleapis.com/token") == 1
    assert desk.drive.count("GET www.googleapis.com/drive/v2/files") >= 1


def test_a_browser_that_nobody_looks_at_is_not_waited_for(desk: Desk) -> None:
    desk.use("", desk.account()[1], gdrive_client_id="own", gdrive_client_secret="secret")
    assert "Non interactive mode" in desk.plain("push").output
    with pytest.raises(RemoteError, match="no credentials for Drive") as refused:
        fetch.pull(desk.root)
    assert "training, judging, predicting and rolling back go on" in refused.value.remedy
    assert desk.drive.calls == []


@pytest.mark.parametrize("call", [fetch.pull, publish.push])
def test_google_out_of_reach_is_told(desk: Desk, call: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch) -> None:
    desk.use(*desk.account())
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setattr(remote, "WAITS", ())
    with pytest.raises(RemoteError, match="cannot be reached"):
        call(desk.root)


@pytest.mark.parametrize(
    ("calls", "reason", "message", "cause"),
    [
        ("PUT ", "quotaExceeded", "The user's Drive storage quota has been exceeded.", "Drive is full"),
        (
            "POST www",
            "insufficientFilePermissions",
            "The user does not have sufficient permissions for this file.",
            "may read the folder but not write",
        ),
    ],
)
def test_a_full_drive_and_a_folder_that_may_only_be_read_are_told(
    desk: Desk, calls: str, reason: str, message: str, cause: str
) -> None:
    desk.use(*desk.account())
    desk.drive.fail(calls, times=100, status=403, reason=reason, message=message)
    with pytest.raises(RemoteError, match=cause):
        publish.push(desk.root, "table.csv.dvc")


def test_the_page_shows_texts_that_are_explained() -> None:
    rows = re.findall(r"^\| `([^`]+)`", (ROOT / "docs/google-drive.md").read_text(encoding="utf-8"), re.MULTILINE)
    texts = [row for row in rows if not row.isupper() and row not in ("GDRIVE_CREDENTIALS_DATA", "HTTPS_PROXY")]
    assert len(texts) == 12
    unexplained = [text for text in texts if DriveBackend().diagnose(text) is None]
    assert unexplained == [
        "Checkout failed for following targets",
        "Some of the cache files do not exist neither locally nor on remote",
    ], "these two are read by champion.datastore.fetch"
