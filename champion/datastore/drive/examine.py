"""What is wrong with Google Drive as the remote, found before DVC is called: for `python run.py doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from champion.datastore import dvc, remote
from champion.datastore.drive.client import probe
from champion.datastore.drive.credentials import Credentials, identity
from champion.datastore.drive.texts import RemoteError, known


def examine(root: Path) -> str:
    """Look at credentials, folder and files; what was found.

    Returns
    -------
    str
        One line, with the identity and without any secret.

    Raises
    ------
    RemoteError
        With cause and remedy, for the first thing that is wrong.
    """
    found = remote.default(root)
    if found is None or not found.is_drive:
        return "not used; `dvc remote add --default drive gdrive://FOLDER` makes it the remote"
    who = identity(found.url, found.config)
    seen = probe(root, settings_of(found.config, who), found.url.removeprefix("gdrive://"), files=True)
    if who.service_account and not seen["shared_drive"] and not found.config.get("gdrive_service_account_user_email"):
        raise known("Service Accounts do not have storage quota")
    waiting = _compare(dvc.recorded(root), seen["files"])
    place = "a shared drive" if seen["shared_drive"] else "My Drive"
    told = f"the folder {seen['title']!r} of {place}, reached as {who}"
    return f"{told}; not pushed yet: {', '.join(waiting)} (`make push`)" if waiting else told


def settings_of(config: dict[str, str], who: Credentials) -> dict[str, Any]:
    """The client's settings, as DVC would give them."""
    return {
        "use_service_account": who.service_account,
        "client_json": who.secret,
        "client_user_email": config.get("gdrive_service_account_user_email"),
        "client_id": config.get("gdrive_client_id", "unset"),
        "client_secret": config.get("gdrive_client_secret", "unset"),
    }


def _compare(recorded: list[dvc.Output], files: dict[str, str | None]) -> list[str]:
    """Refuse files that are not what their names say, and what nobody has; the rest that is not there, by name."""
    changed = sorted(name for name, checksum in files.items() if checksum and checksum != name.removesuffix(".dir"))
    if changed:
        names = [output.path.name for output in recorded if output.md5 in changed] or [f"files/md5/{changed[0]}"]
        raise RemoteError(
            f"Drive holds other bytes than their name says for {', '.join(names)}: somebody changed or replaced them.",
            "Delete them in Drive, and run `make push` where the right ones are.",
        )
    absent = [output for output in recorded if output.md5 not in files]
    lost = sorted(output.path.name for output in absent if not output.made and not output.path.exists())
    if lost:
        raise RemoteError(
            f"{', '.join(lost)} was never pushed: neither this machine nor Drive has it.",
            "Run `make push` where it is.",
        )
    return [output.path.name for output in absent if output.path.exists()]
