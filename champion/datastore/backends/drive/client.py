"""The environment of the Drive client: its older libraries stay out of .venv and of every image."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from champion.datastore.backends.base import RemoteError, explain
from champion.datastore.backends.drive.texts import SYMPTOMS
from champion.workspace import process

ENVIRONMENT = ".venv-drive"
PROBE_LIMIT = 60.0  # seconds
BROWSER_LIMIT = 600.0


def install_client(root: Path) -> Path:
    """The Python of the Drive client's environment, which is made where it is missing or out of date.

    Raises RemoteError when it cannot be made.
    """
    name = f"{ENVIRONMENT}/ready"
    ready, requirements = root / name, root / "requirements/drive.txt"
    if not ready.is_file() or ready.stat().st_mtime < requirements.stat().st_mtime:
        try:
            output = ""
            with process.start(["make", "--no-print-directory", name], root) as make:
                for line in make.stdout or ():
                    sys.stderr.write(line)
                    output += line
            problem = (output.strip()[-300:] or "make failed") if make.returncode else ""
        except OSError as error:
            problem = str(error)
        if problem:
            raise RemoteError(
                f"The Drive client could not be installed: {problem}", f"Mend that, and run `make {name}`."
            )
    return root / ENVIRONMENT / "bin/python"


def probe(
    root: Path, settings: dict[str, Any], path: str, files: bool = False, in_browser: bool = False
) -> dict[str, Any]:
    """Ask Drive for a folder with the client that DVC uses.

    Returns what it says, as `champion.datastore.backends.drive.probe.look` gives it. Raises RemoteError with
    cause and remedy.

    Parameters
    ----------
    files : bool
        Whether to list what DVC keeps there.
    in_browser : bool
        Whether the client may open a browser and wait for its user.
    """
    environment = {key: value for key, value in os.environ.items() if key != "GDRIVE_NON_INTERACTIVE"}
    if not in_browser:
        environment["GDRIVE_NON_INTERACTIVE"] = "1"
    try:
        ended = process.run(
            [install_client(root), "-I", "-W", "ignore", Path(__file__).with_name("probe.py")],
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
        raise explain(SYMPTOMS, error) or RemoteError(
            f"Drive's client failed: {error[-300:]}",
            "Look at docs/google-drive.md, or run `make push` to see DVC's words.",
        )
    return dict(answer)
