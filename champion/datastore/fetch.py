"""Files that DVC recorded and this machine lacks: from its cache, from the remote, or from the stage that makes them."""

import re
import sys
from pathlib import Path

from champion import settings
from champion.datastore import dvc, index, remote
from champion.datastore.backends.base import RemoteError, Tell
from champion.datastore.backends.table import backend_of
from champion.datastore.index import Tracked
from champion.errors import DataError, ProjectError
from champion.workspace import process
from champion.workspace.workspace import shown


def pull(root: Path, *targets: str, tell: Tell = remote.silent) -> str:
    """Fetch these pointers, stages and files, or all that pointers and dvc.lock name; what was done."""
    wanted = targets or index.targets(root)
    if not wanted:
        return "Nothing is recorded yet, so there is nothing to pull."
    done = remote.call(root, "pull", *wanted, tell=tell)
    return done.summary if done.ok else _not_fetched(root, root, done)


def _not_fetched(root: Path, folder: Path, done: dvc.Done) -> str:
    """Say which files did not come and why; those that a stage makes again are no failure."""
    targets = r"Checkout failed for following targets:\n(.*?)\nIs your cache up to date\?"
    listed = re.search(targets, done.output, re.DOTALL)
    if listed is None:
        remedy = "Run again: what is there already is not fetched twice."
        raise RemoteError(f"dvc pull failed: {done.last_line}.", remedy)
    failed = [line.strip() for line in listed[1].splitlines()]
    made = [name for name in failed if index.tracked(folder, folder / name).stage]
    lost = [name for name in failed if name not in made]
    if "neither locally nor on remote" not in done.output:
        raise RemoteError(
            f"{', '.join(failed)} is refused: the remote holds other bytes than its pointer names.",
            "Somebody changed or replaced the file there. Delete it on the remote, run `make push` where the right file is, "
            "then pull again.",
        )
    if lost:
        default = remote.required(root)
        backend_of(default.url).require(default)
        raise RemoteError(
            f"{', '.join(lost)} was never pushed: the remote does not have it.",
            "Run `make push` where the file is, then pull again.",
        )
    return f"{', '.join(made)} is not on the remote; `python run.py train` makes it anew."


def pull_pointer(root: Path, pointer: Path) -> Path:
    """Fetch what a pointer names, from the cache or else the remote, and put it beside the pointer.

    The pointer is one of the checkout, or (taken from another commit) in a folder of its own outside it.
    """
    name, recorded = index.pointed(pointer)
    target = pointer.parent / name
    if not index.restore(root, recorded, target):
        if pointer.resolve().is_relative_to(root.resolve()):
            pull(root, pointer.resolve().relative_to(root.resolve()).as_posix())
        else:
            _pull_outside(root, pointer)
    return target


def _pull_outside(root: Path, pointer: Path) -> None:
    """Make the pointer's folder a DVC repository with the checkout's cache and remote, and pull there."""
    default, folder = remote.required(root), pointer.parent
    (folder / ".dvc").mkdir(exist_ok=True)
    core, cache = {"no_scm": "true", "remote": default.name}, {"dir": str(root.resolve() / ".dvc/cache")}
    remote.configure(folder, {"core": core, "cache": cache, "remote": {default.name: default.config}})
    done = remote.call(root, "pull", pointer.name, folder=folder)
    if not done.ok:
        _not_fetched(root, folder, done)


def fetch_missing(root: Path, path: Path) -> str | None:
    """Bring a missing file back: from DVC's cache, else from the remote, else from the stage that makes it.

    Returns what was done, for the user to read; None where the file was there. Raises DataError when it cannot be
    had; the message says what was tried.
    """
    name = shown(path, root)
    if path.exists():
        return None
    known = index.tracked(root, path)
    if not known.known:
        raise DataError(
            f"The table {name} does not exist, and DVC does not know it. Put it there, correct data.path, or run "
            f"`python run.py init TABLE --target COL`."
        )
    if settings.inside_dvc():
        raise DataError(f"The table {name} does not exist. Run `dvc pull {name}` or `dvc repro data` first.")
    if not (root / ".dvc").is_dir():
        return _make(root, path, known)
    tried = []
    if known.md5 is not None and index.restore(root, known.md5, path):
        return f"{name} came from DVC's cache"
    if known.md5 is not None or known.pointer is not None:
        problem = _pull(root, name, known)
        if problem is None and path.exists():
            source = "the DVC remote" if remote.default(root) else "DVC's cache"
            return f"{name} came from {'where it was imported' if known.imported else source}"
        tried = ["DVC's cache lacks it", problem or "the DVC remote lacks it"]
    if known.stage:
        made = dvc.run(root, "repro", "--single-item", known.stage)
        if made.ok and path.exists():
            return f"{name} was made by the stage {known.stage!r} of dvc.yaml"
        tried.append(f"the stage {known.stage!r}: {made.last_line}")
    raise DataError(
        f"The table {name} is missing and could not be fetched ({'; '.join(tried)}). Put the file back, or set a remote "
        "that has it (`dvc remote add --default NAME URL`) and run `make pull`."
    )


def _pull(root: Path, name: str, known: Tracked) -> str | None:
    """Pull it; why it could not be pulled, in one line."""
    if remote.default(root) is None:  # which neither an import needs, nor what DVC 2 left in the cache
        pulled = (known.imported or known.unix_lines) and dvc.run(root, "pull", name).ok
        return None if pulled else "no DVC remote is set"
    try:
        pull(root, name)
    except ProjectError as error:
        return f"the DVC remote: {' '.join(str(error).splitlines())}"
    return None


def _make(root: Path, path: Path, known: Tracked) -> str:
    """Without DVC (an image has no checkout), the stage's command makes the sample."""
    name, command = shown(path, root), index.stage_command(root, known.stage)
    script = command.removeprefix("python ")
    if script == command:
        raise DataError(f"The table {name} does not exist, and there is no DVC here to fetch it. Put it there.")
    done = process.run([sys.executable, *script.split()], root)
    if done.code or not path.exists():
        raise DataError(f"The table {name} does not exist, and `{command}` failed: {done.errors.strip()[-300:]}")
    return f"{name} was made by `{command}`"
