"""Tables and production packages for others: recorded in their pointers, and pushed.

DVC writes a pointer; the champion's number and scores are added to its `meta`, so that a pull request can be judged
without the package.
"""

import io
from pathlib import Path

from champion.bundle.folder import Package
from champion.bundle.manifest import MODEL
from champion.datastore import dvc, index, remote
from champion.datastore.backends.base import RemoteError, Tell
from champion.errors import ProjectError
from champion.workspace import process
from champion.workspace.files import write_text
from champion.workspace.workspace import Workspace, shown


def push(root: Path, *targets: str, tell: Tell = remote.silent) -> str:
    """Push these pointers, stages and files, or all that is recorded; what was done."""
    wanted = targets or index.targets(root)
    if not wanted:
        return "There is neither data nor a package to push yet."
    files = [(root / output.named_by, output.made) for output in index.recorded(root)]
    before = {
        path: path.read_bytes() for file, made in files for path in [file.with_name("dvc.lock") if made else file]
    }
    done = remote.call(root, "push", *wanted, tell=tell)
    if not done.ok:
        raise RemoteError(f"dvc push failed: {done.last_line}.", "Run again: what is there already is not sent twice.")
    for output in index.recorded(root):
        if not output.made and output.md5 and output.md5 in done.output:
            tell(f"{output.path.name} is neither on this machine nor on the remote: run `make push` where it is")
    if written := sorted(shown(pointer, root) for pointer, text in before.items() if pointer.read_bytes() != text):
        tell(f"the versions that the remote gave stand in {', '.join(written)}: commit that, else nobody can pull them")
    return done.summary


def record_data(workspace: Workspace) -> str | None:
    """Record the table of a use case where it differs from what DVC knows, or is not in DVC's cache; what was done.

    A pointer of an import that downloaded nothing stays one.
    """
    if workspace.address:  # it lies where others get it
        return None
    root, name = workspace.root, workspace.shown_data
    known = index.tracked(root, workspace.data)
    if known.undownloaded:
        return f"{name} is imported without a download, and its pointer stays as it is: others get it from its source"
    if not workspace.data.exists():
        return None
    version = index.data_version(workspace.data)
    if known.unix_lines and known.md5 != version:
        with process.unbroken():
            index.modernise(root, workspace.data)
        return f"{name} is recorded as data version {version[:8]}, as DVC 3 does it instead of as DVC 2 did"
    if known.names(workspace.data, version) and index.cached_file(root, known.md5 or ""):
        return None
    _dvc(root, name, *(("commit", "--force", known.stage) if known.stage else ("add", name)))
    return f"{name} is recorded as data version {version[:8]}"


def record(workspace: Workspace, package: Package) -> str:
    """Record the package of a use case in its pointer; what was done.

    Raises ProjectError when DVC recorded another package than this one.
    """
    from ruamel.yaml import YAML

    name, state = workspace.shown_package, package.manifest.champion_state
    manifest, yaml, text = package.manifest, YAML(), io.StringIO()
    facts = ("use_case", "model_version", "metrics", "data_version", "commit")
    with process.unbroken():  # else a pointer without the champion's number
        former = workspace.pointer.read_text(encoding="utf-8") if workspace.pointer.is_file() else None
        _dvc(workspace.root, name, "add", name)
        pointer = yaml.load(workspace.pointer.read_text(encoding="utf-8"))
        if index.pointed(workspace.pointer)[1] != package.md5:
            workspace.pointer.unlink() if former is None else write_text(workspace.pointer, former)
            raise ProjectError(f"{name} changed while DVC recorded it, and nothing was pushed. Run `make push` again.")
        pointer["meta"] = {
            **{name: getattr(manifest, name) for name in facts},
            "model": manifest.files[MODEL],
            "state": manifest.state_name,
            "since": state.since,
            **({"by": state.by} if state.by else {}),
        }
        yaml.dump(pointer, text)
        write_text(workspace.pointer, text.getvalue())
    return f"{shown(workspace.pointer, workspace.root)} names version {manifest.model_version}"


def _dvc(root: Path, name: str, *arguments: str) -> None:
    done = dvc.run(root, *arguments)
    if not done.ok:
        raise ProjectError(f"DVC could not record {name}: {done.last_line}")
