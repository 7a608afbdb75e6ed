"""Google Drive as the remote: its client runs in an environment of its own, and a user or a service account speaks to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from champion.datastore import dvc
from champion.datastore.backends.base import Remote, RemoteBackend, RemoteError, Tell, compare
from champion.datastore.backends.drive.client import install_client, probe
from champion.datastore.backends.drive.credentials import (
    BLOCKED_CLIENT,
    SCHEME,
    Credentials,
    credentials_of,
    folder_of,
    login_file,
)
from champion.datastore.backends.drive.texts import SYMPTOMS, VARIABLE, known
from champion.datastore.index import Output, recorded

FLAG = "gdrive_use_service_account"


class DriveBackend(RemoteBackend):
    """An address that starts with gdrive://."""

    symptoms = SYMPTOMS
    secrets = (VARIABLE,)

    def matches(self, url: str) -> bool:
        """Whether it is Google Drive's."""
        return url.startswith(SCHEME)

    def identity(self, remote: Remote) -> str:
        """The service account or the OAuth client."""
        return str(credentials_of(remote.url, remote.config))

    def prepare(self, root: Path, remote: Remote, folder: Path) -> Path:
        """Tell DVC of which kind the credentials are, in its file that git ignores; the client's Python."""
        wanted = str(credentials_of(remote.url, remote.config).service_account).lower()
        if remote.config.get(FLAG, "false").casefold() != wanted:
            dvc.run(folder, "remote", "modify", "--local", remote.name, FLAG, wanted)
        return install_client(root)

    def check(self, root: Path, remote: Remote) -> str:
        """Look at credentials, folder and files."""
        who = credentials_of(remote.url, remote.config)
        seen = probe(root, _client_settings(remote.config, who), remote.url.removeprefix(SCHEME), files=True)
        if (
            who.service_account
            and not seen["shared_drive"]
            and not remote.config.get("gdrive_service_account_user_email")
        ):
            raise known("Service Accounts do not have storage quota")
        outputs = recorded(root)
        _refuse_changed(outputs, seen["files"])
        where = "a shared drive" if seen["shared_drive"] else "My Drive"
        waiting = compare(outputs, seen["files"], "Drive")
        return f"the folder {seen['title']!r} of {where}, reached as {who}{waiting}"

    def login(self, root: Path, remote: Remote, tell: Tell) -> str:
        """Let a browser give the OAuth client of the configuration access: the one moment when one is needed."""
        folder = folder_of(remote.url)
        client, secret = remote.config.get("gdrive_client_id"), remote.config.get("gdrive_client_secret")
        if not client or not secret or client == BLOCKED_CLIENT:
            raise RemoteError(
                "A login needs an OAuth client of your own: Google has blocked DVC's since August 2024.",
                "Set both: `dvc remote modify --local NAME gdrive_client_id ID` and `... gdrive_client_secret SECRET` "
                "(docs/google-drive.md).",
            )
        file = login_file(remote.config)
        file.unlink(missing_ok=True)
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        tell("A browser opens; let the client in there. Where none opens, visit the address below.")
        settings = {"client_id": client, "client_secret": secret, "client_json_file_path": str(file)}
        seen = probe(root, settings, folder, in_browser=True)
        return (
            f"Logged in; the folder is {seen['title']!r}. `make push` and `make pull` work on this machine now.\n"
            f"For CI: {VARIABLE} is the content of {file}"
        )


def _client_settings(config: dict[str, str], who: Credentials) -> dict[str, Any]:
    """The client's settings, as DVC would give them."""
    return {
        "use_service_account": who.service_account,
        "client_json": who.secret,
        "client_user_email": config.get("gdrive_service_account_user_email"),
        "client_id": config.get("gdrive_client_id", "unset"),
        "client_secret": config.get("gdrive_client_secret", "unset"),
    }


def _refuse_changed(outputs: list[Output], files: dict[str, str | None]) -> None:
    changed = sorted(name for name, checksum in files.items() if checksum and checksum != name.removesuffix(".dir"))
    if changed:
        names = [output.path.name for output in outputs if output.md5 in changed] or [f"files/md5/{changed[0]}"]
        raise RemoteError(
            f"Drive holds other bytes than their name says for {', '.join(names)}: somebody changed or replaced them.",
            "Delete them in Drive, and run `make push` where the right ones are.",
        )
