"""A user's login: the one moment when a browser is needed, on a desktop, once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from champion.datastore.drive.client import probe
from champion.datastore.drive.credentials import BLOCKED_CLIENT, login_file
from champion.datastore.drive.texts import VARIABLE, RemoteError


def log_in(root: Path, config: dict[str, str], folder: str, tell: Callable[[str], None]) -> str:
    """Let a browser give the OAuth client of the configuration access to Drive.

    Returns
    -------
    str
        Where the credentials are, and what for.

    Raises
    ------
    RemoteError
        With cause and remedy.
    """
    client, secret = config.get("gdrive_client_id"), config.get("gdrive_client_secret")
    if not client or not secret or client == BLOCKED_CLIENT:
        raise RemoteError(
            "A login needs an OAuth client of your own: Google has blocked DVC's since August 2024.",
            "Set both: `dvc remote modify --local NAME gdrive_client_id ID` and `... gdrive_client_secret SECRET` "
            "(docs/google-drive.md).",
        )
    place = login_file(config)
    place.unlink(missing_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    tell("A browser opens; let the client in there. Where none opens, visit the address below.")
    settings = {"client_id": client, "client_secret": secret, "client_json_file_path": str(place)}
    found = probe(root, settings, folder, in_browser=True)
    return (
        f"Logged in; the folder is {found['title']!r}. `make push` and `make pull` work on this machine now.\n"
        f"For CI: {VARIABLE} is the content of {place}"
    )
