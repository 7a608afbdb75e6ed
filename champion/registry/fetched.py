"""Packages that a pointer names, from DVC's cache or the remote, read in a folder of their own."""

from __future__ import annotations

from champion import settings
from champion.bundle import folder
from champion.bundle.folder import Package
from champion.datastore import index
from champion.datastore.fetch import pull_pointer
from champion.errors import PackageError, ProjectError
from champion.scratch import scratch
from champion.workspace.workspace import Workspace, shown


def fetch_package(workspace: Workspace, pointer: str, source: str) -> Package:
    """The package that the text of a pointer names; nothing in the workspace changes.

    `source` says where the pointer is from. Raises ProjectError when the package cannot be had, PackageError when it is
    another one than the pointer says.
    """
    with scratch() as temporary:
        path = temporary / shown(workspace.pointer, workspace.root)
        path.parent.mkdir()
        path.write_text(pointer, encoding="utf-8")
        name, md5 = index.pointed(path)
        target = path.parent / name
        if not index.restore(workspace.root, md5, target):
            if settings.inside_dvc():
                raise ProjectError(
                    "DVC's cache lacks it, and a stage of DVC cannot ask the remote: run `make pull` first."
                )
            pull_pointer(workspace.root, path, temporary)
        package = folder.read(target, f"the package of {source}")
        named = index.read_pointer(path)
    manifest = package.manifest if package else None
    number = named.number if named and named.number is not None else manifest and manifest.model_version
    if package is None or (package.manifest.use_case, package.manifest.model_version) != (
        workspace.use_case.name,
        number,
    ):
        raise PackageError(f"The package that {source} points to is not version {number} of this use case.")
    return package
