"""What a push records: tables as they are, and of each use case the champion, never instead of one that it does not follow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from champion.datastore import publish, remote
from champion.datastore.backends.base import Tell
from champion.errors import ProjectError
from champion.orchestration.store import locked, open_store
from champion.registry.agreement import write_agreement
from champion.registry.reconcile import reconcile
from champion.registry.sides import read_sides
from champion.workspace.workspace import Workspace, shown, use_cases

if TYPE_CHECKING:
    from zenml.client import Client


def push(root: Path, *targets: str, force: bool = False, tell: Tell = remote.silent) -> str:
    """Record data and champions in their pointers, and push these pointers, stages and files, or all; what was done."""
    for line in record_all(root, force):
        tell(line)
    return publish.push(root, *targets, tell=tell)


def record_all(root: Path, force: bool = False) -> Iterator[str]:
    """Record the tables and champions of all use cases; what was done. The store is opened where there is a champion."""
    client = None
    for workspace in use_cases(root):
        if line := publish.record_data(workspace):
            yield line
        if workspace.package.is_dir() or workspace.pointer.is_file():
            client = client or open_store()
            yield from record_champion(client, workspace, force)


def record_champion(client: Client, workspace: Workspace, force: bool = False) -> Iterator[str]:
    """Make store and package agree, and record the champion in the pointer; what was done.

    Reading, recording and the check are under one lock, so that the pointer's number and hash are of one package. Raises
    ProjectError when the champion does not follow the one that the pointer names, unless `force`.
    """
    reconciled = reconcile(client, workspace)
    yield from (*reconciled.done, *([reconciled.never_judged] if reconciled.never_judged else []))
    with locked(client, workspace.use_case.name):
        sides = read_sides(client, workspace)
        champion, package, pointer = sides.history.champion, sides.package, sides.pointer
        if champion is None or package is None:
            return
        if not champion.is_in(package):
            raise ProjectError(
                f"{workspace.shown_package} changed at this moment, and nothing was recorded. Run again."
            )
        if pointer and not sides.descends and not force:
            raise ProjectError(
                f"Nothing was recorded: {shown(workspace.pointer, workspace.root)} names version {pointer.number}, and version "
                f"{champion.number}, the champion here, did not follow it: a push would undo that promotion for everybody. "
                "`make push ARGS=--force` does it all the same; `git checkout` of the pointer keeps the other one."
            )
        if pointer is None or pointer.md5 != package.md5 or pointer.text("state") != package.manifest.state_name:
            yield publish.record(workspace, package)
        known = {"pointer": package.md5, "state": champion.states[0]}
        write_agreement(client, workspace.use_case.name, sides.agreement.model_copy(update=known))
