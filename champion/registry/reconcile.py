"""Make pointer, store and package agree, in the commands that write, before anything is judged, predicted or rolled back.

With a server its Model Control Plane is the truth. Without one pointer and store are compared as git merges (`sides`): a
pointer that moved is followed, also to an older version; a promotion that no pointer names yet stands; where both moved a
person decides (`adopt`). Then the package on disk follows.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from champion import settings
from champion.bundle import folder
from champion.bundle.build import code_of
from champion.bundle.folder import Package
from champion.bundle.libraries import moved
from champion.bundle.manifest import MODEL, ChampionState
from champion.bundle.model import require_trusted
from champion.datastore.index import Pointer
from champion.errors import ProjectError, StoreError
from champion.orchestration.store import is_local, locked
from champion.registry import versions as champions
from champion.registry.agreement import Agreement, write_agreement
from champion.registry.fetched import fetch_package
from champion.registry.sides import Sides, Situation, both_moved, is_taken, read_sides, sentence
from champion.registry.versions import Version, VersionHistory
from champion.reporting.metrics import never_judged
from champion.workspace.git import git
from champion.workspace.workspace import Workspace, shown

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import ArtifactVersionResponse


class UnreachableError(ProjectError):
    """The champion that git names cannot be had on this machine."""

    def __init__(self, message: str, pointer: Pointer) -> None:
        super().__init__(message)
        self.pointer = pointer


@dataclass(frozen=True)
class Reconciled:
    """Store and package after they agree."""

    version_history: VersionHistory
    package: Package | None  # the champion's, read once; None where there is no champion
    done: tuple[str, ...]  # what had to be done
    out_of_step: str | None  # what still is, until somebody pushes
    never_judged: str | None  # what stands in the workspace instead of the last run's

    @property
    def notes(self) -> tuple[str, ...]:
        """All of it, for the user to read."""
        return (*self.done, *(line for line in (self.out_of_step, self.never_judged) if line))


def reconcile(client: Client, workspace: Workspace) -> Reconciled:
    """Make pointer, store and package agree.

    Raises PackageError when the package is broken, or another use case's; UnreachableError when the package that the
    pointer names cannot be fetched; ProjectError when pointer and store both moved.
    """
    sides, fetched, asked = read_sides(client, workspace), None, False
    if _all_agree(sides, workspace):  # so who only reads waits for nobody
        return _reconciled(client, workspace, sides, None, [])
    while True:
        with locked(client, workspace.use_case.name):
            sides, done = read_sides(client, workspace), []
            if is_taken(sides, workspace):
                done.append(_take(client, workspace, sides))
                sides = read_sides(client, workspace)
            elsewhere = sides.lost and not asked and _to_restore(sides, fetched) is None
            if not elsewhere and not _lacks(sides, fetched):
                return _reconciled(client, workspace, sides, fetched, done)
        if elsewhere:
            fetched, asked = _from_former_store(client, sides), True
            continue
        try:
            fetched = _fetch(workspace, sides)
        except UnreachableError:
            if sides.situation is Situation.BOTH:
                raise both_moved(sides, workspace) from None
            raise


def _reconciled(
    client: Client, workspace: Workspace, sides: Sides, fetched: Package | None, done: list[str]
) -> Reconciled:
    """Do what the situation asks for, with every package at hand that it takes."""
    if sides.situation is Situation.BOTH:
        raise both_moved(sides, workspace)
    if sides.situation is Situation.MOVED:
        done.append(_follow(client, workspace, sides, _named(sides, fetched)))
        sides = read_sides(client, workspace)
    package, brought = _bring_package(client, workspace, sides, fetched)
    _agree(client, workspace, sides)
    if brought:
        done.append(brought)
        sides = read_sides(client, workspace)  # the champion's package may be another artifact now
    judged = never_judged(workspace.reports, workspace.use_case.name)
    return Reconciled(sides.history, package, tuple(done), sentence(sides, workspace), judged)


@dataclass(frozen=True)
class Production:
    """The champion as a pipeline takes it: its package in memory and as an artifact, and what reconciling had to say."""

    package: Package
    stored: ArtifactVersionResponse
    notes: tuple[str, ...]


def production(client: Client, workspace: Workspace) -> Production:
    """Make pointer, store and package agree, and take the champion.

    Raises ProjectError when there is no champion, or its package is broken or gone.
    """
    reconciled = reconcile(client, workspace)
    champion = reconciled.version_history.champion
    if champion is None or reconciled.package is None:
        raise ProjectError(
            f"{workspace.use_case.name} has no champion to work with. `python run.py train --config "
            f"{workspace.shown_config}` makes one."
        )
    return Production(reconciled.package, champions.stored_package(client, champion), reconciled.notes)


def write_champion(client: Client, workspace: Workspace) -> str | None:
    """Write the package of the store's champion, whatever the workspace has; what is still out of step."""
    with locked(client, workspace.use_case.name):
        sides = read_sides(client, workspace)
        _write_if_behind(client, workspace, sides.history.champion, None)
        return sentence(sides, workspace)


def adopt(client: Client, workspace: Workspace, side: Literal["pointer", "store"], by: str | None) -> str:
    """Decide between a pointer and a store that both moved; what was done.

    The pointer's champion is followed, and what the store leaves is withdrawn; the store's champion gets a state that
    follows both, so that it can be pushed. Raises ProjectError when there is nothing to decide.
    """
    sides = read_sides(client, workspace)
    fetched = _fetch(workspace, sides) if side == "pointer" and sides.situation is Situation.BOTH else None
    with locked(client, workspace.use_case.name):
        sides = read_sides(client, workspace)
        champion = sides.history.champion
        if sides.situation is not Situation.BOTH or champion is None or sides.pointer is None:
            raise ProjectError(
                f"There is nothing to adopt: {sides.situation.value}. `python run.py models` names the champion."
            )
        if side == "pointer":
            if fetched is None or fetched.md5 != sides.pointer.md5:
                raise ProjectError(f"{shown(workspace.pointer, workspace.root)} changed at this moment. Run again.")
            done = _follow(client, workspace, sides, _named(sides, fetched))
        else:
            name = shown(workspace.pointer, workspace.root)
            state = ChampionState.after(
                champion.champion_state,
                now=(champion.record.fingerprint, champion.record.model),
                follows=(*(each for each in (sides.state,) if each), *champion.states),
                by=by,
                highest_version=max(sides.history.highest_version, sides.pointer.number or 0),
                since=champions.now(),
                event="adoption",
                reason=f"Version {champion.number} was adopted instead of version {sides.pointer.number} of {name}.",
            )
            champions.set_champion(client, champion.id, state)
            known = {"pointer": sides.pointer.md5, "state": sides.state}
            write_agreement(client, workspace.use_case.name, sides.agreement.model_copy(update=known))
            done = f"version {champion.number} stays the champion; `make push` records it"
        sides = read_sides(client, workspace)
        _bring_package(client, workspace, sides, fetched)
        _agree(client, workspace, sides)
        return done


def _lacks(sides: Sides, fetched: Package | None) -> bool:
    """Whether the pointer's package is needed, and neither on disk nor fetched yet."""
    pointer, at_hand = sides.pointer, [package for package in (sides.package, fetched) if package]
    if pointer is None or any(package.md5 == pointer.md5 for package in at_hand):
        return False
    if sides.lost:
        return sides.agreed and _to_restore(sides, fetched) is None
    return sides.situation is Situation.MOVED or (sides.situation is Situation.BOTH and sides.named is None)


def _to_restore(sides: Sides, fetched: Package | None) -> Package | None:
    """The package at hand that holds the champion's model."""
    champion = sides.history.champion
    at_hand = (package for package in (sides.package, fetched) if package)
    return next((each for each in at_hand if champion and each.manifest.files[MODEL] == champion.record.model), None)


def _from_former_store(client: Client, sides: Sides) -> Package | None:
    """The champion's package from an artifact store that is no more the stack's; None where it cannot be read there."""
    assert sides.history.champion is not None
    with contextlib.suppress(StoreError):
        return champions.load_package(client, sides.history.champion)
    return None


def _fetch(workspace: Workspace, sides: Sides) -> Package:
    """The package that the pointer names, while nothing is locked."""
    pointer, name = sides.pointer, shown(workspace.pointer, workspace.root)
    assert pointer is not None
    try:
        package = fetch_package(workspace, workspace.pointer.read_text(encoding="utf-8"), name)
    except ProjectError as error:
        raise UnreachableError(
            f"{name} names version {pointer.number} as the champion, and its package cannot be had.\n{error}\n"
            "`python run.py train --offline` trains without it, and changes nothing in production.",
            pointer,
        ) from None
    if package.md5 != pointer.md5:
        raise ProjectError(f"{name} changed at this moment. Run again.")
    return package


def _named(sides: Sides, fetched: Package | None) -> Package:
    """The pointer's package, which is at hand."""
    packages = (package for package in (sides.package, fetched) if package and sides.pointer)
    return next(package for package in packages if sides.pointer and package.md5 == sides.pointer.md5)


def _take(client: Client, workspace: Workspace, sides: Sides) -> str:
    """Take the package on disk, which neither pointer nor store knows, as the champion."""
    package = sides.package
    assert package is not None
    number = package.manifest.model_version
    if _make_champion(client, sides.history, package):
        return f"model version {number} was imported from {workspace.shown_package} as the champion"
    return f"model version {number} is the champion again, as {workspace.shown_package} says"


def _make_champion(client: Client, history: VersionHistory, package: Package) -> bool:
    """Make a package's version the champion, in its state; whether the store did not have it."""
    manifest = package.manifest
    known = history.packaged(manifest.model_version, manifest.files[MODEL], manifest.fingerprint)
    if known is None:
        import_package(client, package, as_champion=True)
        return True
    if not champions.has_package(client, known):
        champions.restore_package(client, known, package)
    champions.set_champion(client, known.id, manifest.champion_state)
    return False


def _follow(client: Client, workspace: Workspace, sides: Sides, package: Package) -> str:
    """Make the pointer's champion that of the store; what it leaves is withdrawn, unless the new one descends from it."""
    former, manifest, name = sides.history.champion, package.manifest, workspace.use_case.name
    model, said = manifest.files[MODEL], f"version {manifest.model_version} is the champion"
    said += f", as {shown(workspace.pointer, workspace.root)} names it"
    left = [each for each in sides.agreement.left if manifest.fingerprint != each[0] and model != each[1]]
    if former is not None and former.champion_state and former.states[0] not in manifest.champion_state.follows:
        if former.record.model == model:  # another way to the same model: what was withdrawn on either stays so
            left += [(each, "") for each in former.champion_state.withdrawn]
            left += [("", each) for each in former.champion_state.withdrawn_models]
        elif manifest.champion_state.follows or former.number > manifest.model_version:
            left.append((former.record.fingerprint, former.record.model))
            said += f"; version {former.number} was taken out with it, and comes back with `train --readmit` only"
    agreement = sides.agreement.model_copy(update={"left": tuple(dict.fromkeys(left))})
    write_agreement(client, name, agreement)
    _make_champion(client, sides.history, package)
    write_agreement(client, name, agreement.model_copy(update={"pointer": package.md5, "state": manifest.state_name}))
    return said


def _all_agree(sides: Sides, workspace: Workspace) -> bool:
    """Whether pointer, store and package are as they should be, so that nothing is to be written."""
    champion = sides.history.champion
    if sides.lost or sides.situation in (Situation.MOVED, Situation.BOTH):
        return False
    if (not champion.is_in(sides.package)) if champion else is_taken(sides, workspace):
        return False
    return _agreement(sides) == sides.agreement


def _agreement(sides: Sides) -> Agreement:
    """What pointer and store agree on, or from where the store moved on; what was known where they say nothing new."""
    if sides.pointer is None or sides.situation not in (Situation.AGREED, Situation.UNRECORDED):
        return sides.agreement
    if sides.situation is Situation.UNRECORDED and sides.pointer.md5 == sides.agreement.pointer:
        return sides.agreement
    state = sides.state
    if sides.situation is Situation.AGREED and sides.history.champion:
        state = sides.history.champion.states[0]
    return sides.agreement.model_copy(update={"pointer": sides.pointer.md5, "state": state})


def _agree(client: Client, workspace: Workspace, sides: Sides) -> None:
    """Remember what pointer and store agree on."""
    write_agreement(client, workspace.use_case.name, _agreement(sides))


def _bring_package(
    client: Client, workspace: Workspace, sides: Sides, fetched: Package | None
) -> tuple[Package | None, str | None]:
    """Make the package on disk the champion's; where the store has lost it, the store's from the one at hand."""
    champion, package = sides.history.champion, sides.package
    if champion is None or not sides.lost:
        return _write_if_behind(client, workspace, champion, package)
    source = _to_restore(sides, fetched)
    if source is None:
        raise champions.gone(champion, "its files or its artifact were deleted")
    champions.restore_package(client, champion, source)
    champion = champions.version_history(client, workspace.use_case.name).champion
    package, _ = _write_if_behind(client, workspace, champion, package)
    name = workspace.shown_package if source is sides.package else shown(workspace.pointer, workspace.root)
    if source is not sides.package and (sides.pointer is None or source.md5 != sides.pointer.md5):
        name = "the artifact store where it was"
    number = source.manifest.model_version
    return package, f"model version {number} was put into the artifact store, which did not have it, from {name}"


def _write_if_behind(
    client: Client, workspace: Workspace, champion: Version | None, package: Package | None
) -> tuple[Package | None, str | None]:
    if champion is None:
        return None, None
    if champion.is_in(package):
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
    manifest = package.manifest
    if moved(manifest.libraries) is None:
        shown = f"models/{manifest.use_case}"
        require_trusted(package.files[MODEL], f"{shown}/{MODEL}", code_of(package, shown))
    created = champions.create(client, manifest.use_case, champions.record_of(manifest))
    champions.save_package(client, created, package)
    if as_champion:
        champions.set_champion(client, created, manifest.champion_state)
    else:
        champions.archive(client, created)


def who(client: Client, workspace: Workspace) -> str | None:
    """Who changes production here: the workflow's run, the server's user, or git's; None where nobody says."""
    if run := settings.workflow_run():
        return run
    if not is_local(client):
        return str(client.active_user.name)
    name, email = (git(workspace.root, "config", f"user.{key}") for key in ("name", "email"))
    return " ".join(part for part in (name, f"<{email}>" if email else "") if part) or None
