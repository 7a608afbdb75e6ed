"""Files that DVC recorded and this machine lacks: from its cache, from the remote, or from the stage that makes them."""

import json
import re
import shlex
import sys
from collections.abc import Iterable
from pathlib import Path

from champion import settings
from champion.datastore import dvc, index, remote
from champion.datastore.backends.base import RemoteError, Tell
from champion.datastore.backends.table import backend_of
from champion.datastore.index import Tracked
from champion.errors import DataError, ProjectError
from champion.workspace import process
from champion.workspace.git import git
from champion.workspace.workspace import shown

_AGAIN = "Run again: what is there already is not fetched twice."


def pull(root: Path, *targets: str, tell: Tell = remote.silent) -> str:
    """Fetch these pointers, stages and files, or all that pointers and dvc.lock name; what was done."""
    outputs = index.recorded(root)
    wanted = targets or tuple(dict.fromkeys(output.target for output in outputs))
    if not wanted:
        return "Nothing is recorded yet, so there is nothing to pull."
    return _pull_inside(root, root, wanted, {output.md5 for output in outputs}, tell)


def _pull_inside(root: Path, folder: Path, targets: tuple[str, ...], versions: Iterable[str], tell: Tell) -> str:
    """Pull in a folder what is known to stay in its place: listings of folders that the cache lacks are fetched first.

    Returns what was done. Raises ProjectError when one names files elsewhere, or a file that git tracks has changed.
    """
    before, fetched = _changed(root), ""
    if not index.require_listed(root, versions):
        first = remote.call(root, "fetch", *targets, tell=tell, folder=folder)
        if not index.require_listed(root, versions) and not first.ok:
            raise RemoteError(f"dvc fetch failed: {first.last_line}.", _AGAIN)
        fetched, tell = f"{first.summary}, ", remote.silent
    done = remote.call(root, "pull", *targets, tell=tell, folder=folder)
    if changed := sorted(_changed(root) - before):
        names = shlex.join(changed)
        raise ProjectError(
            f"The pull changed {names}, which git tracks: a pointer or a stage claims a file of the repository. `git diff HEAD "
            f"-- {names}` shows what came, `git checkout HEAD -- {names}` takes it back."
        )
    return f"{fetched}{done.summary}" if done.ok else _not_fetched(root, folder, done)


def _changed(root: Path) -> set[str]:
    """The files that differ from what git has."""
    return set((git(root, "diff", "-z", "--name-only", "--relative", "HEAD") or "").split("\0")) - {""}


def _not_fetched(root: Path, folder: Path, done: dvc.Done) -> str:
    """Say which files did not come and why; those that a stage makes again are no failure."""
    targets = r"Checkout failed for following targets:\n(.*?)\nIs your cache up to date\?"
    listed = re.search(targets, done.output, re.DOTALL)
    if listed is None:
        raise RemoteError(f"dvc pull failed: {done.last_line}.", _AGAIN)
    failed = [line.strip() for line in listed[1].splitlines()]
    made = [name for name in failed if index.tracked(folder, folder / name).stage]
    lost = [name for name in failed if name not in made]
    if remote.required(root).keeps_versions:
        raise RemoteError(
            f"{', '.join(failed)} cannot be had: the pointer names no version of the remote, or one that it has no more.",
            "Run `make push` where the files are, commit the pointer that it writes, then pull that here.",
        )
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


def pull_pointer(root: Path, pointer: Path, folder: Path | None = None) -> Path:
    """Fetch what a pointer names, from the cache or else the remote, and put it beside the pointer.

    The pointer is one of the checkout, or (taken from another commit) in a folder of its own outside it, at the path that
    it has in the checkout: a remote that keeps versions has the files under theirs.
    """
    name, recorded = index.pointed(pointer)
    target = pointer.parent / name
    if not index.restore(root, recorded, target):
        if folder:
            _make_repository(root, folder)
        repository = (folder or root).resolve()
        wanted = (pointer.resolve().relative_to(repository).as_posix(),)
        _pull_inside(root, repository, wanted, [recorded], remote.silent)
    return target


def fetch_version(root: Path, name: str, version: str, folder: Path) -> Path:
    """Put the version of a file that has this md5 into a folder outside the checkout, from DVC's cache or else the remote.

    Raises ProjectError where neither has it.
    """
    pointer = folder / f"{name}.dvc"
    pointer.parent.mkdir(parents=True, exist_ok=True)
    out = {"md5": version, "hash": "md5", "path": pointer.stem}
    pointer.write_text(json.dumps({"outs": [out]}), encoding="utf-8")
    return pull_pointer(root, pointer, folder)


def _make_repository(root: Path, folder: Path) -> None:
    """Make a folder a DVC repository with the checkout's cache and remote."""
    default = remote.required(root)
    (folder / ".dvc").mkdir(exist_ok=True)
    core, cache = {"no_scm": "true", "remote": default.name}, {"dir": str(index.cache(root).resolve())}
    remote.configure(folder, {"core": core, "cache": cache, "remote": {default.name: default.config}})


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
