"""The pointer of the production package: what `make push` records before it pushes.

Called as ``python -m ops.pointer``; DVC writes the pointer, this adds the champion's number and scores to its `meta`,
so that a pull request can be judged without the package.
"""

from __future__ import annotations

import sys

from ml.errors import ProjectError
from ops import dvc
from ops.continuity import read_package
from ops.workspace import Workspace, open_workspace, shown


def record(workspace: Workspace) -> str:
    """Record the package of a use case in its pointer.

    Parameters
    ----------
    workspace : Workspace
        The use case.

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

    from ops.workspace import write_text

    yaml = YAML()
    found = yaml.load(workspace.pointer.read_text(encoding="utf-8"))
    found["meta"] = meta
    text = io.StringIO()
    yaml.dump(found, text)
    write_text(workspace.pointer, text.getvalue())


def main() -> int:
    """Record the packages of all use cases that have one."""
    from ops import settings

    settings.prepare_environment()
    try:
        for config in sorted((settings.root() / "configs").glob("*.yaml")):
            workspace = open_workspace(str(config))
            if workspace.package.is_dir():
                sys.stdout.write(record(workspace) + "\n")
    except ProjectError as error:
        sys.stderr.write(f"Error: {error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
