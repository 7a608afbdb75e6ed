"""Credentials are read and checked before DVC is called, and nothing of them is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from champion.datastore.backends.base import RemoteError
from champion.datastore.backends.drive.credentials import BLOCKED_CLIENT, credentials_of, folder_of, parse

ACCOUNT = {
    "type": "service_account", "client_email": "robot@project.iam", "private_key": "-----SECRET-----",
    "private_key_id": "k", "client_id": "1",
}  # fmt: skip
USER = {
    "client_id": "own.apps", "client_secret": "SECRET", "refresh_token": "SECRET", "_class": "OAuth2Credentials",
    "_module": "oauth2client.client",
}  # fmt: skip
URL = "gdrive://1AbC_d-e"


def without(values: dict[str, Any], key: str) -> str:
    return json.dumps({name: value for name, value in values.items() if name != key})


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("", "are empty"),
        ("SECRET", "are no JSON"),
        ('"SECRET"', "are no JSON object"),
        (without(ACCOUNT, "private_key"), "no complete service account key: private_key is missing"),
        (without(USER, "refresh_token"), "no complete user's credentials: refresh_token is missing"),
        (json.dumps({"installed": {"client_secret": "SECRET"}}), "the OAuth client alone, and no login"),
        (json.dumps({"type": "authorized_user", "refresh_token": "SECRET"}), "of gcloud"),
        (json.dumps({**USER, "client_id": BLOCKED_CLIENT}), "blocked since August 2024"),
    ],
)
def test_credentials_that_cannot_be_right_are_refused_without_being_told(text: str, means: str) -> None:
    with pytest.raises(RemoteError, match=means) as refused:
        parse(text, "GDRIVE_CREDENTIALS_DATA")
    assert "SECRET" not in str(refused.value)
    assert len(str(refused.value).splitlines()) == 2


def test_the_kind_and_the_identity_are_read_from_the_credentials() -> None:
    for given, facts in [(ACCOUNT, (True, "robot@project.iam")), (USER, (False, "own.apps"))]:
        read = parse(json.dumps(given), "A")
        assert (read.service_account, read.identity) == facts
        assert "SECRET" not in f"{read} {read!r}"


@pytest.mark.parametrize(
    "escape",
    [
        lambda text: text.replace("\\n", "\\\\n"),  # the key's line breaks, twice
        lambda text: text.replace(chr(10), "\\n"),  # the whole text's
        lambda text: text.replace("\\n", chr(10)),  # no more escaped at all
    ],
)
def test_line_breaks_that_another_program_has_escaped_or_not_are_translated(
    escape: Callable[[str], str], tmp_path: Path
) -> None:
    right = {**ACCOUNT, "private_key": "--BEGIN--\nSECRET\n--END--\n"}
    given = escape(json.dumps(right, indent=2))
    assert json.loads(parse(given, "A").secret) == right
    (key := tmp_path / "key.json").write_text(given)
    with pytest.raises(RemoteError, match=r"was damaged on its way") as refused:
        credentials_of(URL, {"gdrive_service_account_json_file_path": str(key), "gdrive_use_service_account": "true"})
    assert "SECRET" not in str(refused.value)


def test_an_address_without_a_folder_is_refused() -> None:
    page = "drive.google.com/drive/folders/1AbC"
    for rest in ("", f"https://{page}", page, "1AbC?usp=sharing"):
        with pytest.raises(RemoteError, match="holds no folder's id"):
            folder_of(f"gdrive://{rest}")
    assert folder_of(f"{URL}/below") == "1AbC_d-e"


def test_a_file_a_variable_or_a_login_may_hold_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("XDG_CACHE_HOME", "GDRIVE_CREDENTIALS_DATA"):
        monkeypatch.delenv(name, raising=False)
    key, own = tmp_path / "key.json", {"gdrive_client_id": "own.apps"}
    key.write_text(json.dumps(ACCOUNT))
    with pytest.raises(RemoteError, match="no credentials for Drive"):
        credentials_of(URL, own)
    file = {"gdrive_service_account_json_file_path": str(key), "gdrive_use_service_account": "true"}
    assert credentials_of(URL, file).identity == "robot@project.iam"
    monkeypatch.setenv("GDRIVE_CREDENTIALS_DATA", json.dumps(USER))
    assert credentials_of(URL, own).source == "GDRIVE_CREDENTIALS_DATA"
    assert credentials_of(URL, file).source == str(key), "a configured key file beats the variable"
    monkeypatch.delenv("GDRIVE_CREDENTIALS_DATA")
    login = tmp_path / ".cache/pydrive2fs/own.apps/default.json"
    login.parent.mkdir(parents=True)
    login.write_text(json.dumps(USER))
    monkeypatch.setattr("sys.platform", "linux")
    assert credentials_of(URL, own).source == "the login on this machine"
    (tmp_path / "link.json").symlink_to(key)
    for name, says in [("link.json", "symbolic link"), ("gone.json", r"gone.json cannot be read")]:
        with pytest.raises(RemoteError, match=says):
            credentials_of(URL, {**file, "gdrive_service_account_json_file_path": str(tmp_path / name)})
