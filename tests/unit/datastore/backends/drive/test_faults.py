"""Every cryptic text of the client, from the client itself: what it means, and that the doctor tells it before."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from champion.datastore import fetch, publish, remote
from champion.datastore.backends.base import RemoteError, explain
from champion.datastore.backends.drive.texts import SYMPTOMS
from tests.conftest import ROOT
from tests.unit.datastore.backends.drive.conftest import Desk


@dataclass
class Case:
    """Credentials and folder that are wrong in one way, with the switch as somebody set it."""

    credentials: dict[str, Any] | str
    folder: str
    flag: bool
    said: str
    means: str
    ours_refuses: bool = True


def account(desk: Desk) -> tuple[dict[str, str], str]:
    made = desk.drive.service_account()
    return made, desk.drive.folder(made)


def user(desk: Desk) -> tuple[dict[str, Any], str]:
    return desk.drive.user("ada@gmail.com"), desk.drive.folder("ada@gmail.com", shared_drive=False)


def flag_not_set(desk: Desk) -> Case:
    return Case(*account(desk), False, "'access_token'", "are a service account's, but DVC was told", False)


def flag_set_for_a_user(desk: Desk) -> Case:
    return Case(*user(desk), True, "Unexpected credentials type", "are a user's, but DVC was told", False)


def base64_of_a_key(desk: Desk) -> Case:
    made, folder = account(desk)
    coded = base64.b64encode(json.dumps(made).encode()).decode()
    return Case(coded, folder, True, "Expecting value: line 1 column 1", "base64")


def truncated(desk: Desk) -> Case:
    made, folder = account(desk)
    return Case(json.dumps(made)[:300], folder, True, "Unterminated string", "cut off")


def revoked(desk: Desk) -> Case:
    made, folder = user(desk)
    desk.drive.refresh_tokens.pop(made["refresh_token"])
    return Case(made, folder, False, "invalid_grant: Token has been expired or revoked", "still in Testing")


def rotated(desk: Desk) -> Case:
    made, folder = account(desk)
    desk.drive.service_account()
    return Case(made, folder, True, "invalid_grant: Invalid JWT Signature", "key was deleted or replaced")


def not_shared(desk: Desk) -> Case:
    return Case(account(desk)[0], desk.drive.folder("bob@gmail.com"), True, "File not found: ", "not shared with it")


def on_my_drive(desk: Desk) -> Case:
    made, _ = account(desk)
    folder = desk.drive.folder(made, shared_drive=False)
    return Case(
        made, folder, True, "Service Accounts do not have storage quota", "cannot push into a folder of My Drive"
    )


def of_a_fork(desk: Desk) -> Case:
    return Case(
        "", account(desk)[1], True, "To use service account, set `gdrive_service_account", "no credentials|is empty"
    )


def without_any(desk: Desk) -> Case:
    return Case("", account(desk)[1], False, "Non interactive mode", "no credentials for Drive")


def below_nothing(desk: Desk) -> Case:
    made, folder = account(desk)
    return Case(made, f"{folder}/models", True, "exists and you can access it", "a path below the folder's id")


def another_client(desk: Desk) -> Case:
    made, folder = user(desk)
    return Case({**made, "client_secret": "wrong"}, folder, False, "invalid_client", "does not know the OAuth client")


CASES = [
    flag_not_set, flag_set_for_a_user, base64_of_a_key, truncated, revoked, rotated, not_shared, on_my_drive, of_a_fork,
    without_any, below_nothing, another_client,
]  # fmt: skip


@pytest.mark.parametrize("fault", CASES, ids=lambda fault: fault.__name__)
def test_the_doctor_tells_cause_and_remedy_of_what_the_client_says_cryptically(
    desk: Desk, fault: Callable[[Desk], Case]
) -> None:
    case = fault(desk)
    desk.use(case.credentials, case.folder)
    desk.expect_service_account(case.flag)

    done = desk.plain("push")
    assert not done.ok
    assert case.said in done.output
    meant = explain(SYMPTOMS, done.output)
    assert meant is not None, done.output

    if not case.ours_refuses:
        assert case.means in meant.cause
        assert "reached as" in remote.check(desk.root)
        assert "pushed" in publish.push(desk.root), "the switch follows the credentials"
        return
    for look in (remote.check, publish.push):
        with pytest.raises(RemoteError, match=case.means) as refused:
            look(desk.root)
        lines = str(refused.value).splitlines()
        assert len(lines) == 2
        secret = (
            case.credentials if isinstance(case.credentials, str) else case.credentials.get("private_key", "client-s")
        )
        assert not secret or secret[:30] not in str(refused.value)
    assert set(meant.remedy.split()) & set(refused.value.remedy.split())


def test_the_double_is_what_the_client_talks_to(desk: Desk) -> None:
    desk.use(*account(desk))
    told = remote.check(desk.root)
    assert "robot@project.iam.gserviceaccount.com" in told
    assert "a shared drive" in told
    assert desk.drive.count("POST oauth2.googleapis.com/token") == 1
    assert desk.drive.count("GET www.googleapis.com/drive/v2/files") >= 1


def test_a_browser_that_nobody_looks_at_is_not_waited_for(desk: Desk) -> None:
    desk.use("", account(desk)[1])
    desk.configure(
        "core.remote=drive", f"remote.drive.url=gdrive://{account(desk)[1]}", "remote.drive.gdrive_client_id=own",
        "remote.drive.gdrive_client_secret=secret",
    )  # fmt: skip
    done = desk.plain("push")
    assert "Non interactive mode" in done.output
    with pytest.raises(RemoteError, match="no credentials for Drive") as refused:
        fetch.pull(desk.root)
    assert "training, judging, predicting and rolling back go on" in refused.value.remedy
    assert desk.drive.calls == []


@pytest.mark.parametrize("call", [fetch.pull, publish.push])
def test_google_out_of_reach_is_told(desk: Desk, call: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch) -> None:
    desk.use(*account(desk))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setattr(remote, "WAITS", ())
    with pytest.raises(RemoteError, match="cannot be reached"):
        call(desk.root)


def test_a_full_drive_and_a_folder_that_may_only_be_read_are_told(desk: Desk) -> None:
    desk.use(*account(desk))
    full = "The user's Drive storage quota has been exceeded."
    desk.drive.fail("PUT ", times=100, status=403, reason="quotaExceeded", message=full)
    with pytest.raises(RemoteError, match="Drive is full"):
        publish.push(desk.root)
    desk.drive.faults.clear()
    denied = "The user does not have sufficient permissions for this file."
    desk.drive.fail("POST www", times=100, status=403, reason="insufficientFilePermissions", message=denied)
    with pytest.raises(RemoteError, match="may read the folder but not write"):
        publish.push(desk.root)


def test_the_page_shows_texts_that_are_explained() -> None:
    rows = re.findall(r"^\| `([^`]+)`", (ROOT / "docs/google-drive.md").read_text(encoding="utf-8"), re.MULTILINE)
    texts = [row for row in rows if not row.isupper() and row not in ("GDRIVE_CREDENTIALS_DATA", "HTTPS_PROXY")]
    assert len(texts) == 12
    ours = {
        "Checkout failed for following targets",
        "Some of the cache files do not exist neither locally nor on remote",
    }
    assert [text for text in texts if explain(SYMPTOMS, text) is None and text not in ours] == []
