"""Every cryptic text of the client, from the client itself: what it means, and that the doctor tells it before."""

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from champion.datastore import dvc, fetch, publish, remote
from champion.datastore.backends.base import RemoteError
from champion.datastore.backends.drive.backend import DriveBackend
from tests.conftest import ROOT
from tests.unit.datastore.conftest import Desk


def with_fault(desk: Desk, fault: str) -> tuple[str, str]:
    """Credentials, and a folder's id, of which one is wrong."""
    users = ("a user's", "revoked", "another client")
    credentials, folder = desk.user() if fault in users else desk.account()
    text = json.dumps(credentials)
    match fault:
        case "base64":
            text = base64.b64encode(text.encode()).decode()
        case "truncated":
            text = text[:300]
        case "without any":
            text = ""
        case "another client":
            text = json.dumps({**credentials, "client_secret": "wrong"})
        case "revoked":
            desk.drive.refresh_tokens.pop(credentials["refresh_token"])
        case "rotated":
            desk.drive.service_account()
        case "not shared":
            folder = desk.drive.folder("bob@gmail.com")
        case "on My Drive":
            folder = desk.drive.folder(credentials, shared_drive=False)
        case "below nothing":
            folder += "/models"
    return text, folder


@pytest.mark.parametrize(
    ("fault", "flag", "said", "means"),
    [
        ("a service account's", False, "'access_token'", "are a service account's, but DVC was told"),
        ("a user's", True, "Unexpected credentials type", "are a user's, but DVC was told"),
        ("base64", True, "Expecting value: line 1 column 1", "base64"),
        ("truncated", True, "Unterminated string", "cut off"),
        ("revoked", False, "invalid_grant: Token has been expired or revoked", "still in Testing"),
        ("rotated", True, "invalid_grant: Invalid JWT Signature", "key was deleted or replaced"),
        ("not shared", True, "File not found: ", "not shared with it"),
        ("on My Drive", True, "Service Accounts do not have storage quota", "cannot push into a folder of My Drive"),
        ("without any", True, "To use service account, set `gdrive_service_account", "no credentials|is empty"),
        ("without any", False, "Non interactive mode", "no credentials for Drive"),  # no browser is waited for
        ("below nothing", True, "exists and you can access it", "a path below the folder's id"),
        ("another client", False, "invalid_client", "does not know the OAuth client"),
    ],
)
def test_the_doctor_tells_cause_and_remedy_of_what_the_client_says_cryptically(
    desk: Desk, fault: str, flag: bool, said: str, means: str
) -> None:
    """The switch is as somebody set it by hand, who uses plain dvc."""
    text, folder = with_fault(desk, fault)
    desk.use(text, folder, gdrive_use_service_account=flag)
    done = dvc.run(desk.root, "push", python=desk.root / ".venv-drive/bin/python")  # without this project around it
    assert not done.ok
    assert said in done.output
    meant = DriveBackend().diagnose(done.output)
    assert meant is not None, done.output
    if fault in ("a service account's", "a user's"):
        assert means in meant.cause
        assert "reached as" in remote.check(desk.root)
        assert "pushed" in publish.push(desk.root), "the switch follows the credentials"
        return
    for look in (remote.check, publish.push):
        with pytest.raises(RemoteError, match=means) as refused:
            look(desk.root)
        assert len(str(refused.value).splitlines()) == 2
        assert [word for word in ("BEGIN", "client-s", text[:30] or "BEGIN") if word in str(refused.value)] == []
    assert set(meant.remedy.split()) & set(refused.value.remedy.split())
    assert fault != "without any" or desk.drive.calls == []


@pytest.mark.parametrize("call", [fetch.pull, publish.push])
def test_google_out_of_reach_is_told(desk: Desk, call: Callable[[Path], str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setattr(remote, "WAITS", ())
    with pytest.raises(RemoteError, match="cannot be reached"):
        call(desk.root)


def test_the_page_shows_texts_that_are_explained() -> None:
    rows = re.findall(r"^\| `([^`]+)`", (ROOT / "docs/google-drive.md").read_text(encoding="utf-8"), re.MULTILINE)
    texts = [row for row in rows if not row.isupper() and row not in ("GDRIVE_CREDENTIALS_DATA", "HTTPS_PROXY")]
    assert len(texts) == 12
    unexplained = [text for text in texts if DriveBackend().diagnose(text) is None]
    assert unexplained == [
        "Checkout failed for following targets",
        "Some of the cache files do not exist neither locally nor on remote",
    ], "these two are read by champion.datastore.fetch"
