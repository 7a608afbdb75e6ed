"""Remove a use case: what of it is where, what cannot be had back, and its removal from this machine."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from champion.datastore import index
from champion.errors import counted
from champion.onboarding.stage import without_stage
from champion.orchestration.store import beside, is_local, locked
from champion.registry import versions as champions
from champion.registry.prune import prune
from champion.workspace.files import write_text
from champion.workspace.git import git
from champion.workspace.workspace import Workspace, shown, use_cases

if TYPE_CHECKING:
    from zenml.client import Client


@dataclass(frozen=True)
class Forgotten:
    """What goes, what stays and what cannot be had back, in sentences; `files` are those that go."""

    goes: list[str] = field(default_factory=list)
    stays: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)


def look(client: Client, workspace: Workspace) -> Forgotten:
    """What removing a use case would do; nothing is changed."""
    root, name, plan = workspace.root, workspace.use_case.name, Forgotten()
    if not _is_committed(root, workspace.shown_config):
        plan.lost.append(f"{workspace.shown_config}, which is not committed as it is")
    plan.goes.append(f"{workspace.shown_config}, and its entry in dvc.yaml where it has one")
    plan.files.append(workspace.config)
    _look_at_the_table(workspace, plan)
    for path, what in ((workspace.package, "the package"), (workspace.reports, "its reports")):
        if path.exists():
            plan.goes.append(f"{shown(path, root)}, {what}")
            plan.files.append(path)
    if workspace.pointer.is_file():
        plan.goes.append(
            f"{shown(workspace.pointer, root)}, which names the package; git keeps it where it was committed"
        )
        plan.files.append(workspace.pointer)
    count = len(champions.version_history(client, name).versions)
    versions = counted(count, "model version", "model versions")
    if not is_local(client):
        plan.stays.append(f"{versions} on the server, which others may use")
    else:
        plan.goes.append(f"of the store {versions}, with their packages, and all runs")
        plan.lost.extend([f"the history of {versions} in this machine's store"] if count else [])
        if count and not workspace.pointer.is_file():
            plan.lost.append("the champion, which `make push` never recorded")
    log = workspace.results / "predictions" / name
    if log.exists():
        plan.stays.append(f"{shown(log, root)}, what a service has logged")
    return plan


def _look_at_the_table(workspace: Workspace, plan: Forgotten) -> None:
    """The table goes only where DVC's cache keeps its content, and no other use case has it."""
    root, table = workspace.root, workspace.data
    if workspace.address:
        plan.stays.append(f"{workspace.address}, which lies in an object store")
        if table.parent.exists():
            plan.goes.append(f"{shown(table.parent, root)}, where it was fetched to")
            plan.files.append(table.parent)
        return
    pointer, name = table.with_name(f"{table.name}.dvc"), shown(table, root)
    others = [each.use_case.name for each in use_cases(root) if each.data == table and each.config != workspace.config]
    if others:
        plan.stays.append(f"{name}, which {', '.join(others)} has too")
        return
    if not pointer.is_file():
        plan.stays.append(f"{name}, which no pointer of DVC names")
        return
    _, version = index.pointed(pointer)
    if table.is_file() and (index.cached_file(root, version) is None or index.data_version(table) != version):
        plan.stays.append(f"{name}, which is not in DVC's cache as it is")
        return
    plan.goes.append(f"{name} and its pointer; DVC's cache keeps the content {version}")
    plan.files.extend([table, pointer])
    if not _is_committed(root, shown(pointer, root)):
        plan.lost.append(f"{shown(pointer, root)}, which is not committed as it is")


def _is_committed(root: Path, name: str) -> bool:
    return git(root, "status", "--porcelain", "--ignored", "--", name) == ""


def forget(client: Client, workspace: Workspace) -> Forgotten:
    """Remove a use case from the checkout and from a local store; the use case's file goes last, so that it can be repeated."""
    plan, name = look(client, workspace), workspace.use_case.name
    if is_local(client):
        with locked(client, name):
            _delete_model(client, name)
            for kind in ("agreed", "code"):
                beside(client, f"{name}.{kind}.json").unlink(missing_ok=True)
        prune(client, workspace, really=True, everything=True)
    stages = without_stage(workspace.root, name)
    if stages is not None:
        write_text(workspace.root / "dvc.yaml", stages)
    for path in reversed(plan.files):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    _unignore(workspace)
    return plan


def _delete_model(client: Client, name: str) -> None:
    try:
        client.delete_model(name)
    except KeyError:  # it never had a version
        return


def _unignore(workspace: Workspace) -> None:
    """Take the table, where it is gone, out of the .gitignore that DVC keeps beside it."""
    file, line = workspace.data.with_name(".gitignore"), f"/{workspace.data.name}"
    if workspace.address or workspace.data.exists() or not file.is_file():
        return
    lines = file.read_text(encoding="utf-8").splitlines()
    if line in lines:
        lines.remove(line)
        file.write_text("".join(f"{each}\n" for each in lines), encoding="utf-8")
        if not lines:
            file.unlink()
