"""What works here and what does not, each with its remedy."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from dataclasses import dataclass

from champion.datastore import dvc, remote
from champion.errors import ProjectError
from champion.workspace.workspace import Workspace, open_workspace, require_writable, shown


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    found: str
    remedy: str | None = None


def examine_machine(config: str) -> list[Finding]:
    """Look at use case, data, workspace, DVC, Google Drive, store, package and stack.

    Returns
    -------
    list of Finding
        In the order in which a run would meet them; where the use case is broken, that alone.
    """
    try:
        workspace = open_workspace(config)
    except ProjectError as error:
        return [Finding("use case", False, str(error), "Mend the file; docs/use-case.md tells every key.")]
    looks: list[tuple[str, Callable[[Workspace], Finding]]] = [
        ("workspace", _workspace),
        ("data", _data),
        ("dvc", _dvc),
        ("drive", _drive),
        ("store", _store),
        ("package", _package),
        ("dashboard", _dashboard),
        ("docker", _docker),
    ]
    findings = [Finding("use case", True, workspace.shown_config)]
    for what, look in looks:
        try:
            findings.append(look(workspace))
        except ProjectError as error:
            cause, _, remedy = str(error).partition("\n")
            findings.append(Finding(what, False, cause, remedy or None))
    return findings


def _workspace(workspace: Workspace) -> Finding:
    require_writable(workspace)
    free = shutil.disk_usage(workspace.root).free / 1e9
    return Finding("workspace", True, f"writable, {free:.0f} GB free")


def _data(workspace: Workspace) -> Finding:
    name = shown(workspace.data, workspace.root)
    if not workspace.data.is_file():
        known = dvc.tracked(workspace.root, workspace.data)
        if known.md5 or known.stage:
            return Finding("data", True, f"{name} is not here yet; the next run fetches or makes it")
        return Finding("data", False, f"{name} does not exist", "Put it there, or correct data.path.")
    version = dvc.data_version(workspace.data)
    warning = dvc.changed_warning(workspace.root, workspace.data, version)
    return Finding("data", True, warning or f"{name}, data version {version[:8]}, as DVC recorded it")


def _dvc(workspace: Workspace) -> Finding:
    if not (workspace.root / ".dvc").is_dir():
        return Finding(
            "dvc", False, "this folder is no DVC repository", "Clone the repository with git, or run `dvc init`."
        )
    found = remote.default(workspace.root)
    if found is None:
        return Finding("dvc", True, "no remote: nothing is shared, everything else works")
    return Finding("dvc", True, f"the remote {found.name}, {found.url}")


def _drive(workspace: Workspace) -> Finding:
    from champion.datastore.drive.examine import examine

    return Finding("drive", True, examine(workspace.root) if (workspace.root / ".dvc").is_dir() else "not used")


def _store(_: Workspace) -> Finding:
    from champion.orchestration.store import described, open_store

    client = open_store()
    return Finding("store", True, f"{described(client)}, stack {client.active_stack_model.name}")


def _package(workspace: Workspace) -> Finding:
    from champion.registry.reconcile import read_package

    package = read_package(workspace)
    found = "none yet" if package is None else f"model version {package.manifest.model_version}, hashes right"
    return Finding("package", True, f"{workspace.shown_package}: {found}")


def _dashboard(_: Workspace) -> Finding:
    there = importlib.util.find_spec("fastapi") is not None
    return Finding("dashboard", True, "installed" if there else "not installed; `make dashboard` installs it")


def _docker(workspace: Workspace) -> Finding:
    from champion.orchestration.stack_support import support_of
    from champion.orchestration.store import open_store

    return Finding("docker", True, support_of(open_store()).check(workspace.root))
