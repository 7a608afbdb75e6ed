"""The default DVC remote, and calls of dvc for it.

What differs by kind (credentials, which dvc is called, what a failure means) is the backend's. Calls ask no questions,
end within a time limit, and are tried again where that may help: DVC sends and fetches what is missing alone.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from champion.datastore import dvc
from champion.datastore.backends.base import NoCredentialsError, Remote, RemoteError, Tell
from champion.datastore.backends.table import backend_of

WAITS = (5.0, 20.0)  # seconds before the second and the third try


def silent(_: str) -> None:
    """Tell nobody."""


def default(root: Path) -> Remote | None:
    """The default remote; DVC_REMOTE_URL becomes it where none is configured.

    Raises RemoteError when DVC's configuration cannot be read.
    """
    configured = _configured(root)
    url = os.environ.get("DVC_REMOTE_URL", "").strip()
    if configured is not None or not url:
        return configured
    added = dvc.run(root, "remote", "add", "--local", "--force", "--default", "shared", url)
    if not added.ok:
        raise RemoteError(
            f"DVC refuses DVC_REMOTE_URL: {added.last_line}.",
            "Set it to an address that DVC knows: a folder, s3://BUCKET/PATH, gdrive://FOLDER ...",
        )
    return _configured(root)


def _configured(root: Path) -> Remote | None:
    listed = dvc.run(root, "config", "--list")
    if not listed.ok:
        raise RemoteError(f"DVC's configuration cannot be read: {listed.last_line}.", "Mend .dvc/config.")
    pairs = dict(line.partition("=")[::2] for line in listed.output.splitlines() if "=" in line)
    name = pairs.get("core.remote")
    if name is None:
        return None
    start = f"remote.{name}."
    config = {key.removeprefix(start): value for key, value in pairs.items() if key.startswith(start)}
    return Remote(name, config.get("url", ""), config)


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
    remote = default(root) if (root / ".dvc").is_dir() else None
    if remote is None:
        return False
    try:
        backend_of(remote.url).identity(remote)
    except NoCredentialsError:
        return False
    return True


def check(root: Path) -> str:
    """Look at the remote before DVC is asked for anything; what was found, in one line.

    Raises RemoteError with cause and remedy, for the first thing that is wrong.
    """
    remote = default(root) if (root / ".dvc").is_dir() else None
    if remote is None:
        return "none: nothing is shared, everything else works; `dvc remote add --default NAME URL` sets one"
    return backend_of(remote.url).check(root, remote)


def login(root: Path, tell: Tell = silent) -> str:
    """Let a user's browser give this machine access, and say where its credentials are kept.

    Raises RemoteError with cause and remedy, also where the remote needs no login.
    """
    remote = required(root)
    return backend_of(remote.url).login(root, remote, tell)


def call(root: Path, verb: str, *targets: str, tell: Tell = silent, folder: Path | None = None) -> dvc.Done:
    """Call dvc for the remote, again where that may help; only a failure that nothing explains is returned.

    Raises RemoteError with cause and remedy.

    Parameters
    ----------
    folder : Path, optional
        Where to call it, instead of in the checkout.
    """
    remote = required(root)
    backend = backend_of(remote.url)
    who = backend.identity(remote)
    tell(f"{verb} {remote.url} as {who}" if who else f"{verb} {remote.url}")
    python = backend.prepare(root, remote, folder or root)
    for wait in (*WAITS, None):
        done = dvc.run(folder or root, verb, *targets, python=python, tell=tell)
        problem = None if done.ok else backend.diagnose(done.output)
        if problem is None:
            return done
        if wait is None or not problem.passing:
            raise problem
        tell(f"{problem.cause} Trying again in {wait:g} s.")
        time.sleep(wait)
    raise AssertionError
