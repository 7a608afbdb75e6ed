"""Tables and production packages for others: recorded in their pointers, and pushed.

DVC writes a pointer; the champion's number and scores are added to its `meta`, so that a pull request can be judged
without the package.
"""

import io
from collections.abc import Iterator
from pathlib import Path

from champion.datastore import dvc, index, remote
from champion.datastore.backends.base import RemoteError, Tell
from champion.errors import ProjectError
from champion.workspace import process
from champion.workspace.files import write_text
from champion.workspace.workspace import Workspace, open_workspace, read_package, shown


def push(root: Path, *targets: str, tell: Tell = remote.silent) -> str:
    """Record data and packages in their pointers, and push these pointers, stages and files, or all; what was done."""
    for line in record_all(root):
        tell(line)
    wanted = targets or index.targets(root)
    if not wanted:
        return "There is neither data nor a package to push yet."
    done = remote.call(root, "push", *wanted, tell=tell)
    if not done.ok:
        raise RemoteError(f"dvc push failed: {done.last_line}.", "Run again: what is there already is not sent twice.")
    for output in index.recorded(root):
        if not output.made and output.md5 in done.output:
            tell(f"{output.path.name} is neither on this machine nor on the remote: run `make push` where it is")
    return done.summary


def record_all(root: Path) -> Iterator[str]:
    """Record the tables and packages of all use cases; what was done."""
    for config in sorted((root / "configs").glob("*.yaml")):
        workspace = open_workspace(str(config))
        if line := record_data(workspace):
            yield line
        if workspace.package.is_dir():
            yield record(workspace)


def record_data(workspace: Workspace) -> str | None:
    """Record the table of a use case where it differs from what DVC knows, or is not in DVC's cache; what was done."""
    if not workspace.data.is_file():
        return None
    root, name = workspace.root, shown(workspace.data, workspace.root)
    known, version = index.tracked(root, workspace.data), index.data_version(workspace.data)
    if known.md5 == version and index.cached_file(root, version):
        return None
    _dvc(root, name, *(("commit", "--force", known.stage) if known.stage else ("add", name)))
    return f"{name} is recorded as data version {version[:8]}"


def record(workspace: Workspace) -> str:
    """Record the package of a use case in its pointer; what was done. Raises ProjectError when there is none."""
    from ruamel.yaml import YAML

    package = read_package(workspace)
    if package is None:
        raise ProjectError(f"There is no package in {workspace.shown_package} yet. Run `python run.py train` first.")
    manifest, yaml, text = package.manifest, YAML(), io.StringIO()
    with process.unbroken():  # else a pointer without the champion's number
        _dvc(workspace.root, workspace.shown_package, "add", workspace.shown_package)
        pointer = yaml.load(workspace.pointer.read_text(encoding="utf-8"))
        names = ("use_case", "model_version", "metrics", "data_version", "commit")
        pointer["meta"] = {name: getattr(manifest, name) for name in names}
        yaml.dump(pointer, text)
        write_text(workspace.pointer, text.getvalue())
    return f"{shown(workspace.pointer, workspace.root)} names version {manifest.model_version}"


def _dvc(root: Path, name: str, *arguments: str) -> None:
    done = dvc.run(root, *arguments)
    if not done.ok:
        raise ProjectError(f"DVC could not record {name}: {done.last_line}")
