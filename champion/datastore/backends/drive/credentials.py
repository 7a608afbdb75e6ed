"""Who speaks to Drive, and to which folder: read and checked before DVC is called.

Nothing here prints a secret: an identity is a service account's address or an OAuth client's id.
"""

import json
import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from champion.datastore.backends.base import NoCredentialsError, RemoteError
from champion.datastore.backends.drive.texts import LINKED_FILE, NO_CREDENTIALS, RENEW_USER, VARIABLE

SCHEME = "gdrive://"
RAW = "Store the raw JSON, from its { to its }"
BLOCKED_CLIENT = "710796635688-iivsgbgsb6uv1fap6635dhvuei09o66c.apps.googleusercontent.com"


@dataclass(frozen=True)
class Credentials:
    """Who speaks to Drive."""

    service_account: bool  # else a user
    identity: str
    source: str  # where they come from, for the user to read
    secret: str = field(repr=False)  # the credentials themselves, never printed
    translated: bool = False  # whether their line breaks were escaped once too often, or not at all

    def __str__(self) -> str:
        kind = "the service account" if self.service_account else "a user of the OAuth client"
        return f"{kind} {self.identity} (from {self.source})"


def credentials_of(url: str, config: dict[str, str]) -> Credentials:
    """Find and check the credentials that the client will use, and the folder's address.

    Raises NoCredentialsError when there are none. Raises RemoteError when they or the address cannot be right.
    """
    key_file = config.get("gdrive_service_account_json_file_path")
    text = os.environ.get(VARIABLE, "")
    path = key_file or config.get("gdrive_user_credentials_file")
    if key_file and config.get("gdrive_use_service_account", "").casefold() in ("true", "yes", "on", "1"):
        credentials = parse(_read(Path(key_file)), key_file)
        if credentials.translated:  # the client reads the file itself
            raise RemoteError(
                f"The key in {key_file} was damaged on its way: its line breaks are not as JSON has them.",
                f"Take the file as Google gave it, or store its content in {VARIABLE}, where they are translated.",
            )
    elif text:
        credentials = parse(text, VARIABLE)
    elif path:
        credentials = parse(_read(Path(path)), path)
    elif (logged_in := login_file(config)).is_file():
        credentials = parse(_read(logged_in), "the login on this machine")
    else:
        raise NO_CREDENTIALS.error()
    folder_of(url)
    return credentials


def login_file(config: dict[str, str]) -> Path:
    """Where the client keeps what a login in a browser gave it."""
    linux = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = Path.home() / "Library/Caches" if sys.platform == "darwin" else linux
    client = config.get("gdrive_client_id", BLOCKED_CLIENT)
    return cache / "pydrive2fs" / client / f"{config.get('profile', 'default')}.json"


def _read(path: Path) -> str:
    if path.is_symlink():
        raise LINKED_FILE.error()
    remedy = f"Correct its path in .dvc/config.local, or give its content in {VARIABLE}."
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise NoCredentialsError(f"The credentials file {path.name} cannot be read: there is none.", remedy) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no text"
        raise RemoteError(f"The credentials file {path.name} cannot be read: {reason}.", remedy) from None


def parse(text: str, source: str) -> Credentials:
    """Check credentials, and translate line breaks that another program has escaped on the way.

    Raises RemoteError when they cannot be right; the message holds nothing of them but their source.
    """
    translated = False
    try:
        try:
            values = json.loads(text)
        except json.JSONDecodeError:
            values, translated = json.loads(text.replace("\\n", "\n"), strict=False), True
    except json.JSONDecodeError as error:
        if text.strip().startswith("{"):
            raise RemoteError(
                f"The credentials in {source} are cut off or damaged: {error.msg}.",
                "Store the whole file, from its { to its }; copy it with a program and not by hand.",
            ) from None
        encoded = text.strip().startswith(("ey", "ew"))  # base64 of { before a name, a blank or the end of its line
        what = "encoded as base64" if encoded else "no JSON" if text.strip() else "empty"
        raise RemoteError(f"The credentials in {source} are {what}.", f"{RAW}, without encoding it.") from None
    if not isinstance(values, dict):
        raise RemoteError(f"The credentials in {source} are no JSON object.", f"{RAW}.")
    if values.get("type") == "service_account":
        _require(values, ("client_email", "private_key", "private_key_id", "client_id"), source, "service account key")
        key = str(values["private_key"]).replace("\\n", "\n")
        translated = translated or key != values["private_key"]
        secret = json.dumps({**values, "private_key": key})
        return Credentials(True, str(values["client_email"]), source, secret, translated)
    if "installed" in values or "web" in values or values.get("type") == "authorized_user":
        what = "of gcloud" if "type" in values else "the OAuth client alone, and no login"
        raise RemoteError(f"The credentials in {source} are {what}: Drive's client cannot use them.", RENEW_USER)
    _require(values, ("client_id", "client_secret", "refresh_token", "_class", "_module"), source, "user's credentials")
    if values["client_id"] == BLOCKED_CLIENT:
        raise RemoteError(
            f"The credentials in {source} belong to DVC's own OAuth client, which Google has blocked since August 2024.",
            "Make an OAuth client of your own (docs/google-drive.md), and run `make login` on a desktop.",
        )
    return Credentials(False, str(values["client_id"]), source, json.dumps(values))


def _require(values: dict[str, Any], keys: tuple[str, ...], source: str, what: str) -> None:
    missing = [key for key in keys if not values.get(key)]
    if missing:
        raise RemoteError(
            f"The credentials in {source} are no complete {what}: {', '.join(missing)} is missing.",
            "Store the whole file as Google or the login gave it (docs/google-drive.md).",
        )


def folder_of(url: str) -> str:
    """The folder's id in the remote's address. Raises RemoteError when the address cannot be right."""
    rest = url.removeprefix(SCHEME)
    folder = rest.partition("/")[0]
    if not re.fullmatch(r"[\w-]+", folder) or "drive.google.com" in rest:
        raise RemoteError(
            f"The remote's address {url} holds no folder's id.",
            "It is gdrive:// and the last part of the folder's web address: `dvc remote modify NAME url gdrive://FOLDER`.",
        )
    return folder
