"""Make store and package agree before anything is judged, predicted or rolled back.

With a server its Model Control Plane is the truth. Without one the champion travels as package and pointer: a package
that the store does not know is imported as the champion, with its record; a package that has fallen behind the store
is written anew. Of two states of one history the one with the higher revision is the newer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from champion.bundle import folder
from champion.bundle.decision_record import shared
from champion.bundle.folder import MODEL, Package
from champion.bundle.libraries import moved
from champion.bundle.model import require_trusted
from champion.errors import ProjectError
from champion.orchestration.store import is_local, locked
from champion.registry import versions as champions
from champion.registry.versions import Record, Version, VersionHistory
from champion.workspace.workspace import Workspace, read_package

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import ArtifactVersionResponse


@dataclass(frozen=True)
class Reconciled:
    """Store and package after they agree."""

    version_history: VersionHistory
    package: Package | None  # the champion's, read once; None where there is no champion
    done: str | None  # what had to be done


def reconcile(client: Client, workspace: Workspace) -> Reconciled:
    """Make store and package agree. Raises PackageError when the package is broken, or another use case's."""
    name = workspace.use_case.name
    with locked(client, name):
        package = read_package(workspace)
        history = champions.version_history(client, name)
        package, done = _reconcile(client, workspace, history, package)
        return Reconciled(champions.version_history(client, name) if done else history, package, done)


@dataclass(frozen=True)
class Production:
    """The champion as a pipeline takes it: its package in memory and as an artifact, and what reconciling had to do."""

    package: Package
    stored: ArtifactVersionResponse
    done: str | None


def production(client: Client, workspace: Workspace) -> Production:
    """Make store and package agree, and take the champion.

    Raises ProjectError when there is no champion, or its package is broken or gone.
    """
    reconciled = reconcile(client, workspace)
    champion = reconciled.version_history.champion
    if champion is None or reconciled.package is None:
        raise ProjectError(
            f"{workspace.use_case.name} has no champion to work with. `python run.py train --config "
            f"{workspace.shown_config}` makes one."
        )
    return Production(reconciled.package, champions.stored_package(client, champion), reconciled.done)


def write_champion(client: Client, workspace: Workspace) -> None:
    """Write the package of the store's champion, whatever the workspace has."""
    name = workspace.use_case.name
    with locked(client, name):
        _write_if_behind(client, workspace, champions.version_history(client, name).champion, None)


def _reconcile(
    client: Client, workspace: Workspace, history: VersionHistory, package: Package | None
) -> tuple[Package | None, str | None]:
    champion, name = history.champion, workspace.shown_package
    if champion is not None and package is not None and champions.restore_package(client, champion, package):
        return package, f"model version {champion.number} was put back into the store, where it was gone, from {name}"
    if package is None or (not is_local(client) and history.versions):
        return _write_if_behind(client, workspace, champion, package)
    manifest = package.manifest
    same_number = (v for v in history.versions if v.number == manifest.model_version and v.package_id)
    known = next((v for v in same_number if v.record.model == manifest.files[MODEL]), None)
    if known is None:
        import_package(client, package, as_champion=True)
        return package, f"model version {manifest.model_version} was imported from {name} as the champion"
    if champion is not None and manifest.champion_state.revision <= (history.revision or 0):
        return _write_if_behind(client, workspace, champion, package)
    champions.set_champion(client, known.id, manifest.champion_state)
    return package, f"model version {known.number} is the champion again, as {name} says"


def _write_if_behind(
    client: Client, workspace: Workspace, champion: Version | None, package: Package | None
) -> tuple[Package | None, str | None]:
    if champion is None:
        return None, None
    manifest = package.manifest if package else None
    if manifest and (manifest.files[MODEL], manifest.champion_state) == (
        champion.record.model,
        champion.champion_state,
    ):
        return package, None
    stored = champions.load_package(client, champion)
    folder.write(stored, workspace.package)
    name = workspace.shown_package
    return stored, f"{name} was written anew: it now is model version {champion.number}, the champion of the store"


def import_package(client: Client, package: Package, as_champion: bool) -> None:
    """Take a package into the store as a version with its own number and record.

    Raises PackageError when its model holds a type that is not trusted, unless a library moved: types come and go with its
    versions, and who loads the model looks at them again.
    """
    manifest, decision = package.manifest, package.manifest.decision
    if moved(manifest.libraries) is None:
        require_trusted(package.files[MODEL], f"models/{manifest.use_case}/{MODEL}")
    record = Record(
        **shared(manifest, Record),
        **shared(decision, Record),
        number=manifest.model_version,
        judged_against=decision.champion,
        replaced=decision.champion,
        model=manifest.files[MODEL],
        imported=True,
    )
    created = champions.create(client, manifest.use_case, record)
    champions.save_package(client, created, package)
    if as_champion:
        champions.set_champion(client, created, manifest.champion_state)
    else:
        champions.archive(client, created)
