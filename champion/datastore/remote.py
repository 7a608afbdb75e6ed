"""The DVC remote: push and pull, whether it is a folder or Google Drive.

For Google Drive the dvc of the environment .venv-drive is called, since its client needs older libraries; for every other
remote the dvc of .venv. Calls ask no questions, end within a time limit, and are tried again where that may help: DVC
sends and fetches what is missing alone.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from champion.datastore import cache, dvc
from champion.datastore.drive.client import install_client
from champion.datastore.drive.credentials import SCHEME, Credentials, folder_of, identity
from champion.datastore.drive.texts import WITHOUT, RemoteError, explain
from champion.errors import ProjectError

WAITS = (5.0, 20.0)  # seconds before the second and the third try
FLAG = "gdrive_use_service_account"

Tell = Callable[[str], None]


def _silent(_: str) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Remote:
    """The default remote, as DVC's configuration has it."""

    name: str
    url: str
    config: dict[str, str]

    @property
    def is_drive(self) -> bool:
        """Whether it is Google Drive."""
        return self.url.startswith(SCHEME)


def default(root: Path) -> Remote | None:
    """The default remote; DVC_REMOTE_URL becomes it where none is configured.

    Raises
    ------
    ProjectError
        When DVC's configuration cannot be read.
    """
    found = _configured(root)
    url = os.environ.get("DVC_REMOTE_URL", "").strip()
    if found is not None or not url:
        return found
    added = dvc.run(root, "remote", "add", "--local", "--force", "--default", "drive", url)
    if not added.ok:
        raise RemoteError(f"DVC refuses DVC_REMOTE_URL: {added.last_line}.", "Set it to gdrive://FOLDER.")
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


def available(root: Path) -> bool:
    """Whether there is a remote, and credentials for it where it needs them."""
    if not (root / ".dvc").is_dir():
        return False
    try:
        found = default(root)
        if found is not None and found.is_drive:
            identity(found.url, found.config)
    except ProjectError:
        return False
    return found is not None


def pull(root: Path, *targets: str, tell: Tell = _silent) -> str:
    """Fetch what pointers and dvc.lock name.

    Parameters
    ----------
    *targets : str
        Pointers, stages or files; everything that is recorded where none is given.

    Returns
    -------
    str
        What was done.

    Raises
    ------
    RemoteError
        With cause and remedy.
    """
    wanted = targets or _everything(root)
    if not wanted:
        return "Nothing is recorded yet, so there is nothing to pull."
    done = _call(root, "pull", *wanted, tell=tell)
    if done.ok:
        return _summary(done)
    return _not_fetched(root, done.output)


def _summary(done: dvc.Done) -> str:
    """What dvc says it did, without its warnings."""
    told = re.findall(r"^.*\b(?:pushed|fetched|added|modified|deleted|up to date)\b.*$", done.output, re.MULTILINE)
    return str(told[-1]).strip() if told else done.last_line


def _everything(root: Path) -> tuple[str, ...]:
    return tuple(dict.fromkeys(output.target for output in dvc.recorded(root)))


def _not_fetched(root: Path, output: str) -> str:
    """Say which files did not come and why; those that a stage makes again are no failure."""
    listed = re.search(r"Checkout failed for following targets:\n(.*?)\nIs your cache up to date\?", output, re.DOTALL)
    failed = [line.strip() for line in listed[1].splitlines()] if listed else []
    made = [name for name in failed if dvc.tracked(root, root / name).stage]
    lost = [name for name in failed if name not in made]
    never_pushed = "neither locally nor on remote" in output
    if lost and never_pushed:
        raise RemoteError(
            f"{', '.join(lost)} was never pushed: the remote does not have it.",
            "Run `make push` where the file is, then pull again.",
        )
    if lost or not failed or not never_pushed:
        raise RemoteError(
            f"{', '.join(failed) or 'A file'} is refused: the remote holds other bytes than its pointer names.",
            "Somebody changed or replaced the file there. Delete it on the remote, run `make push` where the right file is, "
            "then pull again.",
        )
    return f"{', '.join(made)} is not on the remote; `python run.py train` makes it anew."


def pull_pointer(root: Path, pointer: Path) -> Path:
    """Fetch what a pointer names, from the cache or else the remote, and put it beside the pointer.

    Parameters
    ----------
    pointer : Path
        A ``.dvc`` file, of the checkout or (taken from another commit) in a folder of its own outside it.

    Returns
    -------
    Path
        Of the file or folder.

    Raises
    ------
    RemoteError
        With cause and remedy.
    """
    named = dvc.pointed(pointer)
    place, recorded = pointer.parent / named[0], named[1]
    if cache.restore(root, recorded, place):
        return place
    if pointer.resolve().is_relative_to(root.resolve()):
        pull(root, pointer.resolve().relative_to(root.resolve()).as_posix())
    else:
        _pull_outside(root, pointer)
    return place


def _pull_outside(root: Path, pointer: Path) -> None:
    """Make the pointer's folder a DVC repository with the checkout's cache and remote, and pull there."""
    remote, folder = _required(root), pointer.parent
    if not (folder / ".dvc").is_dir():
        dvc.run(folder, "init", "--no-scm", "--quiet")
    dvc.run(folder, "cache", "dir", "--local", str(root.resolve() / ".dvc/cache"))
    dvc.run(folder, "remote", "add", "--local", "--force", "--default", remote.name, remote.url)
    for key, value in remote.config.items():
        if key != "url":
            dvc.run(folder, "remote", "modify", "--local", remote.name, key, value)
    done = _call(root, "pull", pointer.name, folder=folder)
    if not done.ok:
        _not_fetched(folder, done.output)


def push(root: Path, *targets: str, tell: Tell = _silent) -> str:
    """Record data and packages in their pointers, and push what is not on the remote yet.

    Parameters
    ----------
    *targets : str
        Pointers, stages or files; everything that is recorded where none is given.

    Returns
    -------
    str
        What was done.

    Raises
    ------
    ProjectError
        With cause and remedy; a push can be repeated.
    """
    from champion.datastore.pointer import record_all

    for line in record_all(root):
        tell(line)
    wanted = targets or _everything(root)
    if not wanted:
        return "There is neither data nor a package to push yet."
    done = _call(root, "push", *wanted, tell=tell)
    if not done.ok:
        raise RemoteError(f"dvc push failed: {done.last_line}.", "Run again: what is there already is not sent twice.")
    for output in dvc.recorded(root):
        if not output.made and output.md5 in done.output:
            tell(f"{output.path.name} is neither on this machine nor on the remote: run `make push` where it is")
    return _summary(done)


def login(root: Path, tell: Tell = _silent) -> str:
    """Let a user's browser give the OAuth client of the configuration access, and say where its credentials are kept.

    Returns
    -------
    str
        What to do with the credentials.

    Raises
    ------
    RemoteError
        With cause and remedy.
    """
    from champion.datastore.drive.login import log_in

    remote = _required(root)
    if not remote.is_drive:
        raise RemoteError(f"The remote {remote.url} needs no login.", "`make login` is for gdrive:// remotes.")
    return log_in(root, remote.config, folder_of(remote.url), tell)


def _required(root: Path) -> Remote:
    found = default(root)
    if found is None:
        raise RemoteError(
            "No DVC remote is set, so nothing is shared.",
            f"`dvc remote add --default drive gdrive://FOLDER` sets one (docs/google-drive.md). {WITHOUT}",
        )
    return found


def _call(root: Path, verb: str, *targets: str, tell: Tell = _silent, folder: Path | None = None) -> dvc.Done:
    """Call dvc for the remote, again where that may help; only a failure that no text explains is returned."""
    remote = _required(root)
    place = folder or root
    if remote.is_drive:
        who = identity(remote.url, remote.config)
        _set_flag(place, remote, who)
        tell(f"{verb} {remote.url} as {who}")
    else:
        tell(f"{verb} {remote.url}")
    python = install_client(root) if remote.is_drive else None
    for wait in (*WAITS, None):
        done = dvc.run(place, verb, *targets, python=python, tell=tell)
        problem = None if done.ok else explain(done.output)
        if problem is None:
            return done
        if wait is None or not problem.passing:
            raise problem
        tell(f"{problem.cause} Trying again in {wait:g} s.")
        time.sleep(wait)
    raise AssertionError


def _set_flag(place: Path, remote: Remote, who: Credentials) -> None:
    """Tell DVC of which kind the credentials are, in its file that git ignores."""
    wanted = "true" if who.service_account else "false"
    if remote.config.get(FLAG, "false").casefold() != wanted:
        dvc.run(place, "remote", "modify", "--local", remote.name, FLAG, wanted)
