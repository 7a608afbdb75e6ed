"""Who speaks to Drive, and to which folder: read and checked before DVC is called.

Nothing here prints a secret: an identity is a service account's address or an OAuth client's id.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from champion.datastore.drive.texts import RENEW_USER, VARIABLE, RemoteError, known

SCHEME = "gdrive://"
BLOCKED_CLIENT = "710796635688-iivsgbgsb6uv1fap6635dhvuei09o66c.apps.googleusercontent.com"


@dataclass(frozen=True)
class Credentials:
    """Who speaks to Drive.

    Attributes
    ----------
    service_account : bool
        Else a user.
    source : str
        Where they come from, for the user to read.
    secret : str
        The credentials themselves, never printed.
    """

    service_account: bool
    identity: str
    source: str
    secret: str = field(repr=False)

    def __str__(self) -> str:
        kind = "the service account" if self.service_account else "a user of the OAuth client"
        return f"{kind} {self.identity} (from {self.source})"


def identity(url: str, config: dict[str, str]) -> Credentials:
    """Find and check the credentials that the client will use, and the folder's address.

    Raises
    ------
    RemoteError
        When there are none, or they cannot be right, or the address cannot.
    """
    folder_of(url)
    key_file = config.get("gdrive_service_account_json_file_path")
    if key_file and _is_true(config.get("gdrive_use_service_account", "")):
        return parse(_read(Path(key_file)), key_file)
    text = os.environ.get(VARIABLE, "")
    if text:
        return parse(text, VARIABLE)
    path = key_file or config.get("gdrive_user_credentials_file")
    if path:
        return parse(_read(Path(path)), path)
    logged_in = login_file(config)
    if logged_in.is_file():
        return parse(_read(logged_in), "the login on this machine")
    raise known("Non interactive mode")


def login_file(config: dict[str, str]) -> Path:
    """Where the client keeps what a login in a browser gave it."""
    home = Path.home()
    cache = (
        home / "Library/Caches"
        if sys.platform == "darwin"
        else Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache")
    )
    client = config.get("gdrive_client_id", BLOCKED_CLIENT)
    return cache / "pydrive2fs" / client / f"{config.get('profile', 'default')}.json"


def _is_true(value: str) -> bool:
    return value.casefold() in ("true", "yes", "on", "1")


def _read(path: Path) -> str:
    if path.is_symlink():
        raise known("symbolic link")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise RemoteError(
            f"The credentials file {path.name} cannot be read: {reason}.",
            f"Correct its path in .dvc/config.local, or give its content in {VARIABLE}.",
        ) from None


def parse(text: str, source: str) -> Credentials:
    """Check credentials, and tell of which kind they are.

    Parameters
    ----------
    text : str
        As stored.
    source : str
        Where it comes from.

    Raises
    ------
    RemoteError
        When they cannot be right; the message holds nothing of them.
    """
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise _no_json(text, source, error.msg) from None
    if not isinstance(found, dict):
        raise RemoteError(
            f"The credentials in {source} are no JSON object.", "Store the raw JSON, from its { to its }."
        )
    return _checked(found, source)


def _no_json(text: str, source: str, reason: str) -> RemoteError:
    if text.strip().startswith("{"):
        return RemoteError(
            f"The credentials in {source} are cut off or damaged: {reason}.",
            "Store the whole file, from its { to its }; copy it with a program and not by hand.",
        )
    what = "encoded as base64" if _is_base64(text) else "no JSON" if text.strip() else "empty"
    return RemoteError(
        f"The credentials in {source} are {what}.", "Store the raw JSON, from its { to its }, without encoding it."
    )


def _is_base64(text: str) -> bool:
    try:
        return base64.b64decode("".join(text.split()), validate=True).lstrip().startswith(b"{")
    except (binascii.Error, ValueError):
        return False


def _checked(found: dict[str, Any], source: str) -> Credentials:
    if found.get("type") == "service_account":
        _require(found, ("client_email", "private_key", "private_key_id", "client_id"), source, "service account key")
        return Credentials(True, str(found["client_email"]), source, json.dumps(found))
    if "installed" in found or "web" in found or found.get("type") == "authorized_user":
        what = "of gcloud" if "type" in found else "the OAuth client alone, and no login"
        raise RemoteError(f"The credentials in {source} are {what}: Drive's client cannot use them.", RENEW_USER)
    _require(found, ("client_id", "client_secret", "refresh_token", "_class", "_module"), source, "user's credentials")
    if found["client_id"] == BLOCKED_CLIENT:
        raise RemoteError(
            f"The credentials in {source} belong to DVC's own OAuth client, which Google has blocked since August 2024.",
            "Make an OAuth client of your own (docs/google-drive.md), and run `make login` on a desktop.",
        )
    return Credentials(False, str(found["client_id"]), source, json.dumps(found))


def _require(found: dict[str, Any], keys: tuple[str, ...], source: str, what: str) -> None:
    missing = [key for key in keys if not found.get(key)]
    if missing:
        raise RemoteError(
            f"The credentials in {source} are no complete {what}: {', '.join(missing)} is missing.",
            "Store the whole file as Google or the login gave it (docs/google-drive.md).",
        )


def folder_of(url: str) -> str:
    """The folder's id in the remote's address.

    Raises
    ------
    RemoteError
        When the address cannot be right.
    """
    rest = url.removeprefix(SCHEME)
    folder = rest.partition("/")[0]
    if not re.fullmatch(r"[\w-]+", folder) or "drive.google.com" in rest:
        raise RemoteError(
            f"The remote's address {url} holds no folder's id.",
            "It is gdrive:// and the last part of the folder's web address: `dvc remote modify NAME url gdrive://FOLDER`.",
        )
    return folder
