"""The environment of the Drive client: its older libraries stay out of .venv and of every image."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from champion.datastore.drive.texts import RemoteError, explain
from champion.workspace import process

ENVIRONMENT = ".venv-drive"
PROBE_LIMIT = 60.0  # seconds
BROWSER_LIMIT = 600.0


def install_client(root: Path) -> Path:
    """The Python of the Drive client's environment, which is made where it is missing or out of date.

    Raises
    ------
    RemoteError
        When it cannot be made.
    """
    ready, asked = root / ENVIRONMENT / "ready", root / "requirements/drive.txt"
    python = root / ENVIRONMENT / "bin/python"
    if ready.is_file() and ready.stat().st_mtime >= asked.stat().st_mtime:
        return python
    name = f"{ENVIRONMENT}/ready"
    command = ["make", "--no-print-directory", name]
    try:
        made = process.run(command, root)
        sys.stderr.write(made.output)
        problem = made.errors.strip()[-300:] if made.code else ""
    except OSError as error:
        problem = str(error)
    if problem:
        raise RemoteError(f"The Drive client could not be installed: {problem}", f"Mend that, and run `make {name}`.")
    return python


def probe(
    root: Path, settings: dict[str, Any], path: str, files: bool = False, in_browser: bool = False
) -> dict[str, Any]:
    """Ask Drive for a folder with the client that DVC uses.

    Parameters
    ----------
    files : bool
        Whether to list what DVC keeps there.
    in_browser : bool
        Whether the client may open a browser and wait for its user.

    Returns
    -------
    dict of str to Any
        As `champion.datastore.drive.probe.look` gives it.

    Raises
    ------
    RemoteError
        With cause and remedy.
    """
    script = Path(__file__).with_name("probe.py")
    asked = json.dumps({"settings": settings, "path": path, "files": files})
    environment = {key: value for key, value in os.environ.items() if key != "GDRIVE_NON_INTERACTIVE"}
    if not in_browser:
        environment["GDRIVE_NON_INTERACTIVE"] = "1"
    try:
        done = process.run(
            [install_client(root), "-I", "-W", "ignore", script],
            root,
            environment=environment,
            given=asked,
            errors_shown=in_browser,
            seconds=BROWSER_LIMIT if in_browser else PROBE_LIMIT,
        )
        said = (done.errors or "it failed") if done.code else ""
    except process.NotEndedError:
        said = "timed out"
    found: dict[str, Any] = {"error": said} if said else json.loads(done.output)
    if "error" in found:
        told = str(found["error"]).strip()
        raise explain(told) or RemoteError(
            f"Drive's client failed: {told[-300:]}",
            "Look at docs/google-drive.md, or run `make push` to see DVC's words.",
        )
    return found
