"""The former champion back in production, from the store or from git's history and DVC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from champion.bundle import folder
from champion.bundle.build import with_state
from champion.bundle.folder import Package
from champion.bundle.manifest import MODEL, ChampionState
from champion.errors import ConfigurationError, PackageError, ProjectError, StoreError
from champion.orchestration.store import locked
from champion.registry import versions as champions
from champion.registry.fetched import fetch_package
from champion.registry.reconcile import import_package, reconcile, who
from champion.registry.sides import read_sides, sentence
from champion.registry.versions import Version
from champion.workspace.git import git
from champion.workspace.workspace import Workspace

if TYPE_CHECKING:
    from zenml.client import Client


@dataclass(frozen=True)
class RolledBack:
    """The new and the former champion, and the change in a sentence."""

    champion: int
    replaced: int
    reason: str
    notes: tuple[str, ...]


def roll_back(client: Client, workspace: Workspace, number: int | None) -> RolledBack:
    """Make a former champion the champion again.

    The decision record says which version the champion replaced; a machine whose store lacks that version takes its
    pointer from git's history and its package from DVC. What is rolled back from is withdrawn, by its fingerprint and
    by its model file: it is not promoted again without ``--readmit``. Without a number it is the version that the
    champion replaced. Raises ProjectError when there is no such former champion, or its package cannot be had.
    """
    name = workspace.use_case.name
    reconciled = reconcile(client, workspace)
    champion = reconciled.version_history.champion
    if champion is None:
        raise ProjectError(f"{name} has no champion yet, so there is nothing to roll back. Run `python run.py train`.")
    try:
        wanted = _wanted(champion, number)
        former = _former(client, name, wanted)
        fetched = None if former and champions.is_readable(client, former) else _from_history(workspace, wanted)
    except ProjectError as error:
        if not reconciled.done:
            raise
        raise ProjectError(f"Nothing was rolled back. {error}\nBefore that, {'; '.join(reconciled.done)}.") from None
    with locked(client, name):
        history = champions.version_history(client, name)
        if history.champion is None or history.champion.id != champion.id:
            raise ProjectError(
                "Nothing was rolled back: the champion changed at this moment. Look at `models`, and try again."
            )
        if fetched is not None:
            known = history.packaged(wanted, fetched.manifest.files[MODEL], fetched.manifest.fingerprint)
            if known is None:
                import_package(client, fetched, as_champion=False)
            else:
                champions.restore_package(client, known, fetched)
            history = champions.version_history(client, name)
        former = _former(client, name, wanted)
        if former is None:
            raise ProjectError(f"Version {wanted} was never in production; `python run.py models` shows which were.")
        package = champions.load_package(client, former)
        reason = f"Rolled back from version {champion.number} to version {former.number}."
        state = ChampionState.after(
            champion.champion_state,
            now=(former.record.fingerprint, former.record.model),
            fields=(_fields(package), _fields_of(client, champion)),
            withdrawn=[*history.left, *history.with_twins(champion)],
            follows=champion.states,
            by=who(client, workspace),
            highest_version=history.highest_version,
            since=champions.now(),
            event="rollback",
            reason=reason,
        )
        champions.set_champion(client, former.id, state)
        folder.write(with_state(package, state), workspace.package)
        now = sentence(read_sides(client, workspace), workspace)
    return RolledBack(former.number, champion.number, reason, (*reconciled.notes, *([now] if now else [])))


def _fields(package: Package) -> list[str]:
    return [feature.name for feature in package.manifest.signature]


def _fields_of(client: Client, version: Version) -> list[str]:
    """The fields that a version takes; none where the store has lost its package, which is no reason to stay with it."""
    try:
        return _fields(champions.load_package(client, version))
    except StoreError:
        return []


def _wanted(champion: Version, number: int | None) -> int:
    wanted = champion.record.replaced if number is None else number
    if wanted is None:
        raise ProjectError(
            f"Version {champion.number} is the first champion; there is no former one. `rollback --to N` names another."
        )
    if wanted == champion.number:
        raise ProjectError(f"Version {champion.number} is the champion already.")
    return int(wanted)


def _former(client: Client, name: str, number: int) -> Version | None:
    """The version, where the store has it as a former champion."""
    version = champions.version_history(client, name).number(number)
    return version if version and version.package_id else None


def _from_history(workspace: Workspace, number: int) -> Package:
    """A former package, by the newest pointer in git's history that names the version."""
    from champion.workspace.yaml_text import parse

    name = f"models/{workspace.pointer.name}"
    for commit in (git(workspace.root, "log", "--format=%H", "--", name) or "").split():
        text = git(workspace.root, "show", f"{commit}:{name}") or ""
        try:
            pointer = parse(text, name)
        except ConfigurationError:  # committed in the middle of a merge, say
            continue
        if isinstance(pointer, dict) and (pointer.get("meta") or {}).get("model_version") == number:
            break
    else:
        raise ProjectError(
            f"Version {number} is not to be had: this store does not have its package, and no commit of "
            f"{name} names it. `python run.py models` shows the versions that are here."
        )
    try:
        return fetch_package(workspace, text, f"commit {commit[:8]}")
    except PackageError:
        raise
    except ProjectError as error:
        raise ProjectError(
            f"The package of version {number} could not be fetched: its pointer is in commit {commit[:8]}.\n{error}"
        ) from None
