"""Google Drive as the remote: its client runs in an environment of its own, and a user or a service account speaks to it."""

import json
import os
from pathlib import Path
from typing import Any

import click

from champion.datastore.backends.base import Remote, RemoteBackend, RemoteError, Tell, compare
from champion.datastore.backends.drive.credentials import BLOCKED_CLIENT, SCHEME, credentials_of, folder_of, login_file
from champion.datastore.backends.drive.texts import NO_QUOTA, SYMPTOMS, VARIABLE
from champion.datastore.index import recorded
from champion.terminal import echo
from champion.workspace import process

ENVIRONMENT = ".venv-drive"  # its older libraries stay out of .venv and of every image
PROBE_LIMIT = 60.0  # seconds
BROWSER_LIMIT = 600.0


class DriveBackend(RemoteBackend):
    """An address that starts with gdrive://."""

    schemes = ("gdrive",)
    symptoms = SYMPTOMS
    secrets = (VARIABLE,)

    def identity(self, remote: Remote) -> str:
        """The service account or the OAuth client."""
        return str(credentials_of(remote.url, remote.config))

    def settings(self, remote: Remote) -> dict[str, str]:
        """Of which kind the credentials are."""
        name, value = "gdrive_use_service_account", credentials_of(remote.url, remote.config).service_account
        return {} if remote.config.get(name, "false").casefold() == str(value).lower() else {name: str(value).lower()}

    def variables(self, remote: Remote) -> dict[str, str]:
        """The credentials as they were translated."""
        credentials = credentials_of(remote.url, remote.config)
        return {VARIABLE: credentials.secret} if credentials.source == VARIABLE else {}

    def python(self, root: Path) -> Path:
        """The Drive client's, whose environment is made where it is missing or out of date."""
        name = f"{ENVIRONMENT}/ready"
        ready, requirements = root / name, root / "requirements/drive.txt"
        if not ready.is_file() or ready.stat().st_mtime < requirements.stat().st_mtime:
            try:
                output = ""
                with process.start(["make", "--no-print-directory", name], root) as make:
                    for line in make.stdout or ():
                        echo(click.unstyle(line.rstrip("\n")), err=True)
                        output += line
                problem = (output.strip()[-300:] or "make failed") if make.returncode else ""
            except OSError as error:
                problem = str(error)
            if problem:
                remedy = f"Mend that, and run `make {name}`."
                raise RemoteError(f"The Drive client could not be installed: {problem}", remedy)
        return root / ENVIRONMENT / "bin/python"

    def check(self, root: Path, remote: Remote) -> str:
        """Look at credentials, folder and files."""
        config, who = remote.config, credentials_of(remote.url, remote.config)
        settings = {  # as DVC would give them
            "use_service_account": who.service_account,
            "client_json": who.secret,
            "client_user_email": config.get("gdrive_service_account_user_email"),
            "client_id": config.get("gdrive_client_id", "unset"),
            "client_secret": config.get("gdrive_client_secret", "unset"),
        }
        seen = self._probe(root, settings, remote.url.removeprefix(SCHEME), files=True)
        if who.service_account and not seen["shared_drive"] and not settings["client_user_email"]:
            raise NO_QUOTA.error()
        outputs, files = recorded(root), seen["files"]
        changed = sorted(name for name, checksum in files.items() if checksum not in (None, name.removesuffix(".dir")))
        if changed:
            names = [output.path.name for output in outputs if output.md5 in changed] or [f"files/md5/{changed[0]}"]
            raise RemoteError(
                f"Drive holds other bytes than their name says for {', '.join(names)}: somebody changed or replaced them.",
                "Delete them in Drive, and run `make push` where the right ones are.",
            )
        where = "a shared drive" if seen["shared_drive"] else "My Drive"
        return f"the folder {seen['title']!r} of {where}, reached as {who}{compare(outputs, files, 'Drive')}"

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
        seen = self._probe(root, settings, folder, in_browser=True)
        done = f"Logged in; the folder is {seen['title']!r}. `make push` and `make pull` work on this machine now."
        return f"{done}\nFor CI: {VARIABLE} is the content of {file}"

    def _probe(
        self, root: Path, settings: dict[str, Any], path: str, files: bool = False, in_browser: bool = False
    ) -> dict[str, Any]:
        """What `probe.look` says of a folder; the client may open a browser and wait for its user if `in_browser`."""
        environment = {**os.environ, "GDRIVE_NON_INTERACTIVE": "" if in_browser else "1"}
        try:
            ended = process.run(
                [self.python(root), "-I", "-W", "ignore", Path(__file__).with_name("probe.py")],
                root,
                environment=environment,
                given=json.dumps({"settings": settings, "path": path, "files": files}),
                seconds=BROWSER_LIMIT if in_browser else PROBE_LIMIT,
                errors_shown=in_browser,
            )
            answer = {"error": ended.errors or "it failed"} if ended.code else json.loads(ended.output)
        except process.NotEndedError:
            answer = {"error": "timed out"}
        if "error" in answer:
            error = str(answer["error"]).strip()
            remedy = "Look at docs/google-drive.md, or run `make push` to see DVC's words."
            raise self.diagnose(error) or RemoteError(f"Drive's client failed: {error[-300:]}", remedy)
        return dict(answer)
