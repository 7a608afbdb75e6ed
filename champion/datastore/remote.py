"""The default DVC remote, and calls of dvc for it.

What differs by kind (credentials, which dvc is called, what a failure means) is the backend's. Calls ask no questions,
end within a time limit, and are tried again where that may help: DVC sends and fetches what is missing alone.
"""

import os
import time
from pathlib import Path
from typing import Any

from champion.datastore import dvc
from champion.datastore.backends.base import NoCredentialsError, Remote, RemoteError, Tell
from champion.datastore.backends.table import backend_of

WAITS = (5.0, 20.0)  # seconds before the second and the third try


def silent(_: str) -> None:
    """Tell nobody."""


def default(root: Path) -> Remote | None:
    """The default remote, which DVC_REMOTE_URL becomes where none is configured; None where this is no DVC repository."""
    if not (root / ".dvc").is_dir():
        return None
    name, url = _configuration(root)["core"].get("remote"), os.environ.get("DVC_REMOTE_URL", "").strip()
    if name is None and url:
        name, address = "shared", url if "://" in url else str(root / url)
        try:
            configure(root, {"core": {"remote": name}, "remote": {name: {"url": address}}})
        except RemoteError as error:
            raise RemoteError(
                f"DVC refuses DVC_REMOTE_URL: {error.__cause__}.",
                "Set it to an address that DVC knows: a folder, s3://BUCKET/PATH, gdrive://FOLDER ...",
            ) from None
    if name is None:
        return None
    config = {key: str(value) for key, value in _configuration(root)["remote"].get(name, {}).items()}
    return Remote(name, config.get("url", ""), config)


def _configuration(root: Path) -> Any:
    """DVC's configuration of a checkout, all its files merged: read without starting dvc, which takes a second."""
    from dvc.config import Config

    try:
        return Config(str(root / ".dvc"))
    except Exception as error:  # of DVC, of what it checks settings with, of the file system
        raise RemoteError(f"DVC's configuration cannot be read: {error}.", "Mend .dvc/config.") from None


def configure(root: Path, settings: dict[str, Any]) -> None:
    """Write settings, by section, into DVC's file that git ignores. Raises RemoteError when DVC refuses them."""
    from dvc.config import merge

    try:
        with _configuration(root).edit("local") as local:
            merge(local, settings)
    except Exception as error:  # as above
        raise RemoteError(f"DVC's configuration cannot be written: {error}.", "Mend .dvc/config.local.") from error


def required(root: Path) -> Remote:
    """The default remote. Raises RemoteError when there is none."""
    remote = default(root)
    if remote is None:
        raise RemoteError(
            "No DVC remote is set, so nothing is shared.",
            "`dvc remote add --default NAME URL` sets one: a folder, a bucket, or Google Drive (docs/google-drive.md). "
            "Without one, training, judging, predicting and rolling back go on with what is on this machine.",
        )
    return remote


def available(root: Path) -> bool:
    """Whether there is a remote, and credentials for it where it needs them.

    Raises RemoteError when the configuration is broken, or there are credentials and they cannot be right.
    """
    remote = default(root)
    if remote is None:
        return False
    try:
        backend_of(remote.url).identity(remote)
    except NoCredentialsError:
        return False
    return True


def check(root: Path) -> str:
    """Look at the remote before DVC is asked for anything. Raises RemoteError for the first thing that is wrong."""
    remote = default(root)
    if remote is None:
        return "none: nothing is shared, everything else works; `dvc remote add --default NAME URL` sets one"
    return backend_of(remote.url).check(root, remote)


def login(root: Path, tell: Tell = silent) -> str:
    """Let a user's browser give this machine access, and say where its credentials are kept."""
    remote = required(root)
    return backend_of(remote.url).login(root, remote, tell)


def call(root: Path, verb: str, *targets: str, tell: Tell = silent, folder: Path | None = None) -> dvc.Done:
    """Call dvc for the remote, in a folder instead of the checkout if given, and again where that may help.

    Only a failure that nothing explains is returned. Raises RemoteError with cause and remedy.
    """
    remote, folder = required(root), folder or root
    backend = backend_of(remote.url)
    who = backend.identity(remote)
    tell(f"{verb} {remote.url} as {who}" if who else f"{verb} {remote.url}")
    if settings := backend.settings(remote):
        configure(folder, {"remote": {remote.name: settings}})
    python, variables = backend.python(root), backend.variables(remote)
    for wait in (*WAITS, None):
        done = dvc.run(folder, verb, *targets, python=python, tell=tell, variables=variables)
        problem = None if done.ok else backend.diagnose(done.output)
        if problem is None:
            return done
        if wait is None or not problem.passing:
            raise problem
        tell(f"{problem.cause} Trying again in {wait:g} s.")
        time.sleep(wait)
    raise AssertionError
