"""Who is champion, by three sides, as git merges: the pointer in git, the store, and what both last agreed on.

The package on disk is no side. With a ZenML server its Model Control Plane is the truth, and nothing is compared. What each
situation means is a row of the table in docs/design.md.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import uuid4

from champion.bundle.folder import MANIFEST, Package, parse_manifest
from champion.bundle.manifest import MODEL
from champion.datastore import index
from champion.datastore.index import Pointer
from champion.errors import PackageError, ProjectError
from champion.orchestration.store import is_local
from champion.registry import versions as champions
from champion.registry.agreement import Agreement, read_agreement
from champion.registry.versions import Version, VersionHistory, record_of
from champion.reporting.metrics import never_judged
from champion.workspace.git import git
from champion.workspace.workspace import Workspace, read_package, shown

if TYPE_CHECKING:
    from zenml.client import Client

    from champion.bundle.manifest import Manifest


class Situation(StrEnum):
    """How pointer and store stand to each other."""

    NONE = "neither names a champion"
    SERVER = "a server's store is the truth"
    UNNAMED = "no pointer was ever written"
    AGREED = "both name the same champion"
    UNRECORDED = "the store moved on, the pointer did not"
    UNPOINTED = "the pointer is gone"
    MOVED = "the pointer moved, the store did not"
    BOTH = "both moved"


@dataclass(frozen=True)
class Sides:
    """The three sides, and the package that lies in the workspace."""

    pointer: Pointer | None
    named: Manifest | None  # the manifest that the pointer names, where this machine has it
    agreement: Agreement
    history: VersionHistory
    package: Package | None
    local: bool
    lost: bool  # whether the store has no package of its champion any more

    @property
    def state(self) -> str | None:
        """The name of the pointer's champion state; None where it is of version 0.1 and its package is not here."""
        if self.pointer is None:
            return None
        return self.named.state_name if self.named else self.pointer.text("state")

    @property
    def agreed(self) -> bool:
        """Whether both name one state of one champion; a pointer of version 0.1 without its package, the same record."""
        champion, pointer = self.history.champion, self.pointer
        if champion is None or pointer is None:
            return False
        if self.state is not None:
            return self.state == champion.states[0]
        record = champion.record
        theirs = (pointer.number, pointer.metrics, pointer.text("data_version"))
        return theirs == (record.number, record.metrics, record.data_version)

    @property
    def same_model(self) -> bool:
        """Whether both name one model, be it by another way."""
        champion = self.history.champion
        return champion is not None and self.named is not None and self.named.files[MODEL] == champion.record.model

    @property
    def descends(self) -> bool:
        """Whether the store's champion descends from the pointer's, so that a push undoes nobody's promotion.

        A state that version 0.1 wrote names none before it; it counts as later by its revision.
        """
        champion = self.history.champion
        if champion is None or self.pointer is None or self.agreed:
            return True
        if self.state in champion.states or self.agreement.state in champion.states[1:] or self._replaced(champion):
            return True
        known = self.named.champion_state.revision if self.named else 0
        return not champion.states[1:] and (self.history.revision or 0) > max(known, 1)

    @property
    def situation(self) -> Situation:
        """The row of the table."""
        champion, pointer, agreement = self.history.champion, self.pointer, self.agreement
        if not self.local:
            return Situation.SERVER if self.history.versions or pointer is None else Situation.MOVED
        if pointer is None:
            if champion is None:
                return Situation.NONE
            return Situation.UNPOINTED if agreement.pointer else Situation.UNNAMED
        if champion is None:
            return Situation.MOVED
        if self.agreed:
            return Situation.AGREED
        if pointer.md5 == agreement.pointer:
            return Situation.UNRECORDED
        if agreement.state == champion.states[0] or self.same_model or self._follows(champion):
            return Situation.MOVED
        if agreement.pointer is None and (self.state in champion.states or self._replaced(champion)):
            return Situation.UNRECORDED
        return Situation.BOTH

    def _follows(self, champion: Version) -> bool:
        """Whether the pointer's champion descends from the store's."""
        return self.named is not None and champion.states[0] in self.named.champion_state.follows

    def _replaced(self, champion: Version) -> bool:
        """Whether the store's champion descends from a pointer of version 0.1, whose states name none before them."""
        if self.agreement.pointer or self.pointer is None or self.pointer.text("state") or champion.states[1:]:
            return False
        seen: set[int] = set()
        while champion.record.replaced is not None and champion.number not in seen:
            seen.add(champion.number)
            former = self.history.number(champion.record.replaced)
            if former is None:
                return False
            if former.number == self.pointer.number:
                return True
            champion = former
        return False


def read_sides(client: Client, workspace: Workspace) -> Sides:
    """Look at all of it; nothing is fetched or written.

    Raises PackageError when the package on disk is broken, ProjectError when git keeps the pointer out of this checkout.
    """
    package = read_package(workspace)
    pointer = index.read_pointer(workspace.pointer)
    name = shown(workspace.pointer, workspace.root)
    if pointer is None and (git(workspace.root, "ls-files", "-t", "--", name) or "").startswith("S "):
        raise ProjectError(
            f"{name} names the champion, and this sparse checkout leaves it out. `git sparse-checkout add models` brings it back."
        )
    history = champions.version_history(client, workspace.use_case.name)
    named = None
    if pointer is not None:
        named = package.manifest if package and package.md5 == pointer.md5 else _cached(workspace, pointer)
    agreement = read_agreement(client, workspace.use_case.name)
    lost = history.champion is not None and not champions.has_package(client, history.champion)
    return Sides(pointer, named, agreement, history, package, is_local(client), lost)


def _cached(workspace: Workspace, pointer: Pointer) -> Manifest | None:
    """The manifest of the pointer's package, where DVC's cache has it."""
    text = index.cached_text(workspace.root, pointer.md5, MANIFEST)
    try:
        return parse_manifest(text, "DVC's cache") if text is not None else None
    except PackageError:
        return None


def is_taken(sides: Sides, workspace: Workspace) -> bool:
    """Whether the package on disk becomes the champion: one that neither pointer nor store knows, as in an image."""
    package, history = sides.package, sides.history
    if package is None or (sides.pointer is not None and package.md5 == sides.pointer.md5):
        return False
    champion, manifest = history.champion, package.manifest
    if champion is None and sides.pointer is None:
        return True
    if history.packaged(manifest.model_version, manifest.files[MODEL], manifest.fingerprint):
        if champion is None or manifest.state_name in champion.states:
            return False
        return sides.local and manifest.champion_state.revision > (history.revision or 0)
    if not sides.local and history.versions:
        return False
    pointer = shown(workspace.pointer, workspace.root)
    return not git(workspace.root, "log", "--format=%H", "--max-count=1", f"-S{package.md5}", "--", pointer)


def sentence(sides: Sides, workspace: Workspace) -> str | None:
    """What a person should know of the situation; None where all agree or there is nothing to compare."""
    pointer = shown(workspace.pointer, workspace.root)
    champion, theirs = _numbers(sides)
    match sides.situation:
        case Situation.UNRECORDED:
            return (
                f"version {champion} is champion on this machine, {pointer} names version {theirs}: `make push` records the "
                "champion, so that others get it"
            )
        case Situation.UNPOINTED:
            return (
                f"{pointer} is gone, version {champion} is champion on this machine: `make push` writes it again, or `git "
                f"checkout` brings it back"
            )
        case Situation.MOVED:
            if champion is None and sides.pointer and sides.pointer.md5 == sides.agreement.pointer:
                return f"{pointer} names version {theirs}, and the store has lost it: the next run brings it back"
            of = "this machine has no champion" if champion is None else f"this machine still has version {champion}"
            return f"{pointer} names version {theirs}, {of}: the next run takes it over"
        case Situation.BOTH:
            return str(both_moved(sides, workspace))
        case _:
            return None


def _numbers(sides: Sides) -> tuple[str | None, str | None]:
    """The champions of store and pointer, by number; of one number, by revision and model: a refit keeps the number."""
    champion, pointer, named = sides.history.champion, sides.pointer, sides.named
    ours, theirs = champion.number if champion else None, pointer.number if pointer else None
    if champion is None or pointer is None or ours != theirs:
        return str(ours) if champion else None, str(theirs) if pointer else None
    revision = named.champion_state.revision if named else None
    model = named.files[MODEL] if named else pointer.text("model")
    return _qualified(ours, sides.history.revision, champion.record.model), _qualified(theirs, revision, model)


def _qualified(number: int | None, revision: int | None, model: str | None) -> str:
    """A version among several of its number."""
    facts = (f"revision {revision}" if revision else "", f"model {model[:8]}" if model else "")
    return f"{number} ({', '.join(filter(None, facts))})" if any(facts) else str(number)


def both_moved(sides: Sides, workspace: Workspace) -> ProjectError:
    """The error of two champions: their scores and dates, and the command that decides."""
    champion, pointer = sides.history.champion, sides.pointer
    assert champion is not None
    assert pointer is not None
    metric, config = workspace.use_case.promotion.metric, workspace.shown_config

    def described(number: int | None, metrics: dict[str, float], *more: str | None) -> str:
        score = f", {metric} {metrics[metric]:.4f}" if metric in metrics else ""
        since, by, model = more
        day = f", champion since {since[:16].replace('T', ' ')} UTC" if since else ""
        of = f", model {model[:8]}" if model and champion.number == pointer.number else ""
        return f"version {number}{score}{day}{f', by {by}' if by else ''}{of}"

    state = champion.champion_state
    when = (state.since, state.by) if state else (None, None)
    mine = described(champion.number, champion.record.metrics, *when, champion.record.model)
    named = sides.named.files[MODEL] if sides.named else pointer.text("model")
    theirs = described(pointer.number, pointer.metrics, pointer.text("since"), pointer.text("by"), named)
    return ProjectError(
        f"Two champions: {shown(workspace.pointer, workspace.root)} names {theirs}; the store of this machine has {mine}. "
        f"Neither followed the other. `python run.py adopt pointer --config {config}` takes git's, `adopt store` keeps "
        "this machine's."
    )


def out_of_step(sides: Sides, workspace: Workspace) -> list[str]:
    """Every way in which pointer, store and package differ, for commands that change nothing."""
    lines = [line for line in (sentence(sides, workspace),) if line]
    champion = next((each for each in versions_in_truth(sides) if each.stage == champions.PRODUCTION), None)
    package, name = sides.package, workspace.shown_package
    if sides.lost:
        lines.append(
            f"the store has lost the package of version {sides.history.champion_number}: the next run brings it back"
        )
    if champion is not None and package is None:
        lines.append(f"{name} is empty: the next run writes it")
    elif package is not None and sides.situation is Situation.NONE:
        lines.append(
            f"{name} holds version {package.manifest.model_version}, and the store has no champion: the next run takes it over"
        )
    elif package is not None and (champion is None or package.manifest.files[MODEL] != champion.record.model):
        manifest, other = package.manifest, "its package is not here"
        number = str(manifest.model_version)
        if champion is not None:
            theirs = str(champion.number)
            if theirs == number:
                number = _qualified(manifest.model_version, manifest.champion_state.revision, manifest.files[MODEL])
                theirs = _qualified(champion.number, sides.history.revision, champion.record.model)
            other = f"the champion is version {theirs}"
        lines.append(f"{name}, which is served, holds version {number}, and {other}: the next run makes them agree")
    lines += [line for line in (never_judged(workspace.reports, workspace.use_case.name),) if line]
    return lines


def versions_in_truth(sides: Sides) -> tuple[Version, ...]:
    """The versions with the champion that is true: where git's word is ahead of the store, the one that the pointer names."""
    pointer, versions = sides.pointer, sides.history.versions
    if sides.situation is Situation.NONE and sides.package and not versions:
        return (_unfetched(sides.package.manifest),)
    if sides.situation is not Situation.MOVED or pointer is None:
        return versions
    model = sides.named.files[MODEL] if sides.named else pointer.text("model")
    named = sides.history.packaged(pointer.number, model, sides.named.fingerprint if sides.named else None)
    corrected = [
        dataclasses.replace(v, stage=champions.ARCHIVED if v.stage == champions.PRODUCTION else v.stage)
        for v in versions
    ]
    if named is not None:
        corrected[versions.index(named)] = dataclasses.replace(named, stage=champions.PRODUCTION)
    elif sides.named is not None:
        corrected.append(_unfetched(sides.named))
    return tuple(corrected)


def _unfetched(manifest: Manifest) -> Version:
    """A version that this store does not have yet, as its manifest tells."""
    return Version(uuid4(), champions.PRODUCTION, record_of(manifest), manifest.champion_state, None)
