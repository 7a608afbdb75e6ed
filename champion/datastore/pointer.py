"""The pointers of tables and production packages: what `make push` records before it pushes.

Called as ``python -m champion.datastore.pointer``; DVC writes the pointer,
this adds the champion's number and scores to its `meta`,
so that a pull request can be judged without the package.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from champion.datastore import dvc
from champion.datastore.cache import cached_file
from champion.errors import ProjectError
from champion.workspace.workspace import Workspace, open_workspace, read_package, shown


def record(workspace: Workspace) -> str:
    """Record the package of a use case in its pointer.

    Returns
    -------
    str
        What was done.

    Raises
    ------
    ProjectError
        When there is no package, or DVC refuses.
    """
    package = read_package(workspace)
    if package is None:
        raise ProjectError(f"There is no package in {workspace.shown_package} yet. Run `python run.py train` first.")
    added = dvc.run(workspace.root, "add", workspace.shown_package)
    if not added.ok:
        raise ProjectError(f"DVC could not record {workspace.shown_package}: {added.last_line}")
    manifest = package.manifest
    _add_meta(
        workspace,
        {
            "use_case": manifest.use_case,
            "model_version": manifest.model_version,
            "metrics": manifest.metrics,
            "data_version": manifest.data_version,
            "commit": manifest.commit,
        },
    )
    return f"{shown(workspace.pointer, workspace.root)} names version {manifest.model_version}"


def _add_meta(workspace: Workspace, meta: dict[str, object]) -> None:
    import io

    from ruamel.yaml import YAML

    from champion.workspace.files import write_text

    yaml = YAML()
    found = yaml.load(workspace.pointer.read_text(encoding="utf-8"))
    found["meta"] = meta
    text = io.StringIO()
    yaml.dump(found, text)
    write_text(workspace.pointer, text.getvalue())


def record_data(workspace: Workspace) -> str | None:
    """Record the table of a use case where it differs from what DVC knows, or is not in DVC's cache.

    Returns
    -------
    str or None
        What was done; None where nothing was to be done.

    Raises
    ------
    ProjectError
        When DVC refuses.
    """
    if not workspace.data.is_file():
        return None
    root, name = workspace.root, shown(workspace.data, workspace.root)
    known, found = dvc.tracked(root, workspace.data), dvc.data_version(workspace.data)
    if known.md5 == found and cached_file(root, found):
        return None
    command = ("commit", "--force", known.stage) if known.stage else ("add", name)
    done = dvc.run(root, *command)
    if not done.ok:
        raise ProjectError(f"DVC could not record {name}: {done.last_line}")
    return f"{name} is recorded as data version {found[:8]}"


def record_all(root: Path) -> Iterator[str]:
    """Record the tables and packages of all use cases; what was done."""
    for config in sorted((root / "configs").glob("*.yaml")):
        workspace = open_workspace(str(config))
        told = record_data(workspace)
        if told is not None:
            yield told
        if workspace.package.is_dir():
            yield record(workspace)


def main() -> int:
    """Record what all use cases have."""
    from champion import settings

    settings.prepare_environment()
    try:
        for line in record_all(settings.root()):
            sys.stdout.write(line + "\n")
    except ProjectError as error:
        sys.stderr.write(f"Error: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
