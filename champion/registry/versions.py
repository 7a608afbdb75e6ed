"""The champion in ZenML's Model Control Plane: versions, their records, and the champion's state.

A model version carries as metadata its scores, one by one; `record`, what made it and how it was judged; `title`, its
state since it has been champion; and `live`, how good it was on labelled answers. The production package is an artifact that
is linked to the version, so the store can always write the folder anew.

ZenML 0.98 takes the entry of a key with the latest time of creation. So a value that changes gets a key of its own each
time, counted up (`title`, `title.1`); a long one lies in an artifact, and what was written is read back.

Everything that changes the champion is called under `champion.orchestration.store.locked`. Setting the stage is the last
act, and one transaction of the store: a process that dies before it has changed nothing in production.
"""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from champion.bundle.decision_record import DecisionFacts, shared
from champion.bundle.folder import MANIFEST
from champion.bundle.manifest import ANCESTORS, MODEL, ChampionState, Manifest
from champion.errors import PackageError, StoreError
from champion.modeling.split import SplitRule
from champion.orchestration import artifact_files
from champion.orchestration.claims import require_held
from champion.orchestration.metadata import held_by, stand_in, whole
from champion.orchestration.runs import artifact_name
from champion.orchestration.store import is_local
from champion.registry.agreement import read_agreement

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.client import Client
    from zenml.models import ArtifactVersionResponse, ModelVersionResponse

    from champion.bundle.folder import Package

PRODUCTION, ARCHIVED = "production", "archived"
_RECORD, _STATE, _PACKAGE, _ANSWERS, _LIVE = "record", "title", "package", "answers", "live"
_STAGE_TRIES = 3


class Record(DecisionFacts):
    """What made a model version, and how it was judged; it stays with the version in the store."""

    number: int
    fingerprint: str
    data_version: str
    data_path: str
    commit: str | None
    created: str  # ISO 8601, UTC
    split: SplitRule
    metrics: dict[str, float]
    judged_against: int | None  # model version of the champion in the comparison
    replaced: int | None = None  # that of the champion whose place it took
    model: str  # sha256 of the model file
    imported: bool = False  # whether its package came from elsewhere


class LiveRecord(BaseModel):
    """How good a version was on labelled rows that it answered, as the newest `monitor` with labels found it; a 95 % interval."""

    metric: str
    score: float
    low: float
    high: float
    rows: int
    created: str  # ISO 8601, UTC
    source: str


@dataclass(frozen=True)
class Version:
    """One model version of a use case, as the store records it."""

    id: UUID
    stage: str  # production, archived (a former champion) or none (never in production)
    record: Record
    champion_state: ChampionState | None
    package_id: str | None  # artifact version of its package
    answers_id: str | None = None  # that of its answers to the holdout
    long_values: tuple[str, ...] = ()  # artifact versions that hold what is too long for metadata
    live: LiveRecord | None = None
    packages: tuple[str, ...] = ()  # artifact versions of its package in every store that had it, newest first
    answers: tuple[str, ...] = ()  # those of its answers

    @property
    def number(self) -> int:
        """The project's own number of it."""
        return self.record.number

    @property
    def states(self) -> tuple[str, ...]:
        """The names of its state as champion and of those before, newest first; nothing where it never was champion."""
        state = self.champion_state
        return (state.name(self.record.model), *state.follows)[:ANCESTORS] if state else ()

    def is_in(self, package: Package | None) -> bool:
        """Whether a package holds this version's model, in the state that the store knows."""
        manifest = package.manifest if package else None
        return manifest is not None and (manifest.files[MODEL], manifest.champion_state) == (
            self.record.model,
            self.champion_state,
        )


@dataclass(frozen=True)
class VersionHistory:
    """All versions of a use case that the store knows, oldest first; and what it left because git said so."""

    versions: tuple[Version, ...]
    left: tuple[tuple[str, str], ...] = ()  # fingerprint and model file

    @property
    def champion(self) -> Version | None:
        """The one in production."""
        return next((version for version in self.versions if version.stage == PRODUCTION), None)

    @property
    def champion_number(self) -> int | None:
        """Its number."""
        return self.champion.number if self.champion else None

    @property
    def highest_version(self) -> int:
        """The highest number ever given, as far as store and champion know; 0 when none was."""
        given = [version.number for version in self.versions]
        return max([*given, self.state.highest_version if self.state else 0], default=0)

    @property
    def state(self) -> ChampionState | None:
        """The champion's; None where there is no champion."""
        return self.champion.champion_state if self.champion else None

    @property
    def revision(self) -> int | None:
        """How often the champion changed; None where there is none."""
        return self.state.revision if self.state else None

    def is_withdrawn(self, fingerprint: str, model: str) -> bool:
        """Whether a rollback took out of production what has this fingerprint, or this model file."""
        left = any(fingerprint == each or model == file for each, file in self.left)
        return left or (self.state is not None and self.state.is_withdrawn(fingerprint, model))

    def number(self, number: int) -> Version | None:
        """The version with this number; of several (one imported, one refitted) the one that was champion last."""
        versions = (version for version in self.versions if version.number == number)
        return max(versions, key=_latest, default=None)

    def packaged(self, number: int | None, model: str | None, fingerprint: str | None = None) -> Version | None:
        """The version with this number that has a package of this model file and fingerprint; of any where None is given.

        Of several the one that was champion last: a refit may write the same file again.
        """
        same = [each for each in self.versions if each.number == number and each.package_id]
        packaged = (v for v in same if model in (None, v.record.model) and fingerprint in (None, v.record.fingerprint))
        return max(packaged, key=_latest, default=None)

    def with_twins(self, version: Version) -> list[tuple[str, str]]:
        """Fingerprint and model file of a version and of those that have its number, of which a refit made one the other's."""
        return [(v.record.fingerprint, v.record.model) for v in self.versions if v.number == version.number]

    def made_by(self, fingerprint: str) -> list[Version]:
        """The versions that this fingerprint made, newest first."""
        return [version for version in reversed(self.versions) if version.record.fingerprint == fingerprint]


def _latest(version: Version) -> tuple[bool, bool, int]:
    state = version.champion_state
    return version.package_id is not None, version.stage == PRODUCTION, state.revision if state else 0


def record_of(manifest: Manifest) -> Record:
    """The record that a package brings with it."""
    return Record(
        **shared(manifest, Record),
        **shared(manifest.decision, Record),
        number=manifest.model_version,
        judged_against=manifest.decision.champion,
        replaced=manifest.decision.champion,
        model=manifest.files[MODEL],
        imported=True,
    )


def now() -> str:
    """The present moment, UTC, ISO 8601 to the second."""
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0).isoformat()


def version_history(client: Client, use_case: str) -> VersionHistory:
    """What the store knows of a use case; a version without a record (a crash may have left it) is passed over."""
    from zenml.utils.pagination_utils import depaginate

    try:
        items = depaginate(client.list_model_versions, model=use_case, size=1000, hydrate=True, sort_by="asc:number")
    except KeyError:
        return VersionHistory(())
    versions = tuple(version for item in items if (version := _version(item)))
    return VersionHistory(versions, read_agreement(client, use_case).left)


def _version(item: ModelVersionResponse) -> Version | None:
    record, state, package, answers = (_newest(item, name) for name in (_RECORD, _STATE, _PACKAGE, _ANSWERS))
    if record is None:
        return None
    return Version(
        id=item.id,
        stage=str(item.stage or "none"),
        record=Record.model_validate_json(record),
        champion_state=ChampionState.model_validate_json(state) if state else None,
        package_id=package,
        answers_id=answers,
        long_values=held_by(item),
        live=_live(item),
        packages=_every(item, _PACKAGE),
        answers=_every(item, _ANSWERS),
    )


def _live(item: ModelVersionResponse) -> LiveRecord | None:
    """The newest live score; None where there is none, or one that another version of this project wrote."""
    with contextlib.suppress(KeyError, ValidationError):
        return LiveRecord.model_validate_json(str(item.run_metadata[_LIVE]))
    return None


def keep_live(client: Client, version_id: UUID, live: LiveRecord) -> None:
    """Keep the live score of a version in place of the one before: of one key ZenML reads the entry that was written last."""
    from zenml import log_metadata

    log_metadata(metadata={_LIVE: live.model_dump_json()}, model_version_id=_model_version(client, version_id).id)


def _keys(item: ModelVersionResponse, name: str) -> list[str]:
    """The keys under which a value was written, oldest first."""
    known = [key for key in item.run_metadata if key == name or key.removeprefix(f"{name}.").isdigit()]
    return sorted(known, key=lambda key: int(key.removeprefix(name).lstrip(".") or 0))


def _newest(item: ModelVersionResponse, name: str) -> str | None:
    """The value that was written last; None where there is none, or the artifact that holds it is gone."""
    keys = _keys(item, name)
    return whole(str(item.run_metadata[keys[-1]])) if keys else None


def _every(item: ModelVersionResponse, name: str) -> tuple[str, ...]:
    """All values that were written, newest first."""
    return tuple(str(item.run_metadata[key]) for key in reversed(_keys(item, name)))


def log(client: Client, version_id: UUID, **values: BaseModel | str) -> None:
    """Write metadata on a model version; a later value hides the earlier one, whatever the clock says.

    A record or a state is stored as JSON text: ZenML would merge a dictionary into the earlier one. Raises StoreError
    when the store does not have it afterwards.
    """
    from zenml import log_metadata
    from zenml.model.utils import link_artifact_version_to_model_version

    item = _model_version(client, version_id)
    ready = {}
    for name, value in values.items():
        text, count = value.model_dump_json() if isinstance(value, BaseModel) else value, len(_keys(item, name))
        entry, artifact = stand_in(text, artifact_name(item.model.name, "record"))
        ready[f"{name}.{count}" if count else name] = entry
        if artifact is not None:
            link_artifact_version_to_model_version(artifact, item)
    log_metadata(metadata={**ready}, model_version_id=version_id)
    kept = _model_version(client, version_id).run_metadata
    if lost := [key for key, text in ready.items() if kept.get(key) != text]:
        raise StoreError(
            f"Nothing was promoted: the ZenML store did not keep {', '.join(lost)} of {item.model.name} {item.name}. Run "
            "again; where that does not help, `python run.py doctor` looks at the store."
        )


def create(client: Client, use_case: str, record: Record) -> UUID:
    """A new model version with its record and, for the dashboard, its scores one by one; it has no stage.

    The record's number names it; where a foreign version already has that name, it gets a suffix.
    """
    from zenml import log_metadata
    from zenml.exceptions import EntityExistsError

    with contextlib.suppress(EntityExistsError):
        client.create_model(name=use_case, description=f"The use case {use_case}: one champion at any time.")
    number = record.number
    for suffix in ("", "-b", "-c", "-d", "-e", f"-{record.fingerprint}"):
        name = f"v{number}{suffix}"
        try:
            version = client.create_model_version(use_case, name=name, description=record.reason)
        except EntityExistsError:
            version = client.get_model_version(use_case, name)
            if _keys(version, _RECORD):
                continue
        log_metadata(metadata={**record.metrics}, model_version_id=version.id)
        log(client, version.id, record=record)
        return version.id
    raise StoreError(
        f"The store holds too many versions with the number {number} of {use_case}; remove some with prune."
    )


def save_package(client: Client, version_id: UUID, package: Package, answers: bytes | None = None) -> None:
    """Keep a production package in the store, linked to its model version, and what its model answered to the holdout."""
    from zenml import save_artifact
    from zenml.model.utils import link_artifact_version_to_model_version

    from champion.orchestration.materializers.package import PackageMaterializer

    use_case, version = package.manifest.use_case, _model_version(client, version_id)
    kept = {_PACKAGE: save_artifact(package, name=artifact_name(use_case, "package"), materializer=PackageMaterializer)}
    if answers is not None:
        name = artifact_name(use_case, "answers")
        kept[_ANSWERS] = save_artifact(answers, name=name, include_visualizations=False)
    for artifact in kept.values():
        link_artifact_version_to_model_version(artifact, version)
    log(client, version_id, **{name: str(artifact.id) for name, artifact in kept.items()})


def _keep_answers(client: Client, version_id: UUID, answers: bytes) -> ArtifactVersionResponse:
    from zenml import save_artifact
    from zenml.model.utils import link_artifact_version_to_model_version

    version = _model_version(client, version_id)
    name = artifact_name(version.model.name, "answers")
    kept = save_artifact(answers, name=name, include_visualizations=False)
    link_artifact_version_to_model_version(kept, version)
    log(client, version_id, **{_ANSWERS: str(kept.id)})
    return kept


def stored_package(client: Client, version: Version) -> ArtifactVersionResponse:
    """The package of a version that was champion, as an artifact that a run can take; a `StoreError` where there is none."""
    artifact = _package_of(client, version)
    if artifact_files.is_here(client, artifact):
        return artifact
    raise StoreError(
        f"The package of model version {version.number} lies in another artifact store than the one of the active stack "
        f"({artifact.uri}). `python run.py train` brings it here."
    )


def _package_of(client: Client, version: Version) -> ArtifactVersionResponse:
    """The package of a version that was champion, as an artifact, wherever it lies; a `StoreError` where none can be had."""
    if version.package_id is None:
        raise StoreError(f"Model version {version.number} was never in production; it has no package.")
    if found := _whole(client, version.packages, MANIFEST, MODEL):
        return found
    try:
        uri = client.get_artifact_version(version.package_id).uri
    except KeyError:
        raise gone(version, "its artifact was deleted") from None
    _require_shared(client, version)
    raise gone(version, uri)


def _require_shared(client: Client, version: Version) -> None:
    """Refuse a package of a shared server that lies in folders of other machines alone: a `StoreError`."""
    kept = []
    for each in version.packages:
        with contextlib.suppress(KeyError):
            kept.append(client.get_artifact_version(each))
    shared = any("://" in each.uri or artifact_files.is_here(client, each) for each in kept)
    if kept and not shared and not is_local(client):
        raise StoreError(
            f"The package of model version {version.number} lies in a folder of the machine that made it. Whoever "
            "shares a ZenML server needs an artifact store that all can reach: run on a stack that has one "
            "(docs/scale.md)."
        )


def _whole(client: Client, ids: Iterable[str], *needed: str) -> ArtifactVersionResponse | None:
    """Of artifacts one whose files are there: the one that a run can take, else one that lies elsewhere."""
    elsewhere = None
    for each in ids:
        with contextlib.suppress(KeyError):
            artifact = client.get_artifact_version(each)
            here = artifact_files.is_here(client, artifact)
            if (here or elsewhere is None) and not artifact_files.is_gone(client, artifact, *needed):
                if here:
                    return artifact
                elsewhere = artifact
    return elsewhere


def gone(version: Version, why: object) -> StoreError:
    """The error of a package that the store has lost."""
    return StoreError(
        f"The package of model version {version.number} is gone from the store ({why}). Bring the production package back "
        "with `make pull`; where nobody has it, move the store away and train anew."
    )


def kept_answers(client: Client, version: Version) -> ArtifactVersionResponse | None:
    """What a version answered to its holdout, as an artifact that a run can take; None where that was not kept, or is gone.

    Answers that lie in a former artifact store are copied.
    """
    artifact = _whole(client, version.answers)
    if artifact is None or artifact_files.is_here(client, artifact):
        return artifact
    try:
        answers = artifact_files.load(client, artifact)
    except Exception:  # the artifact store raises what its file system raises
        return None
    return _keep_answers(client, version.id, answers)


def load_package(client: Client, version: Version) -> Package:
    """The package of a version that was champion, with its state as the store knows it; a `StoreError` like `stored_package`."""
    from champion.bundle.build import with_state

    artifact = _package_of(client, version)
    try:
        package: Package = artifact_files.load(client, artifact)
    except Exception as error:  # the artifact store raises what its file system raises
        raise gone(version, f"{type(error).__name__}: {error}") from error
    return with_state(package, version.champion_state) if version.champion_state else package


def has_package(client: Client, version: Version) -> bool:
    """Whether the active stack's store has the package of a version: its artifact and its files."""
    artifact = _whole(client, version.packages, MANIFEST, MODEL)
    return artifact is not None and artifact_files.is_here(client, artifact)


def is_readable(client: Client, version: Version) -> bool:
    """Whether any store still has the package of a version, as far as it can be asked."""
    try:
        _package_of(client, version)
    except StoreError:
        return False
    return True


def restore_package(client: Client, version: Version, package: Package) -> None:
    """Write a version's package into the store again, where its files or its artifact were deleted, or lie in a former one.

    Raises PackageError when the package is of another model.
    """
    from champion.orchestration.materializers.package import PackageMaterializer

    if package.manifest.files[MODEL] != version.record.model:
        raise PackageError(
            f"The package of model version {version.number} is gone from the store, and the one at hand is of another "
            "model. Bring the right one back with `make pull`."
        )
    _require_shared(client, version)
    for each in version.packages:
        with contextlib.suppress(KeyError):
            artifact = client.get_artifact_version(each)
            if artifact_files.is_here(client, artifact):
                artifact_files.write_again(client, artifact, package, PackageMaterializer)
                return
    save_package(client, version.id, package)


def set_champion(client: Client, version_id: UUID, champion_state: ChampionState) -> None:
    """Make a version the champion: its state first, then the stage, which archives the former champion.

    Raises StoreError when the store names another champion afterwards, or another state of it, or this process lost its claim.
    """
    version = _model_version(client, version_id)
    require_held(client, version.model.name)
    log(client, version_id, **{_STATE: champion_state})
    version = _model_version(client, version_id)
    for _ in range(_STAGE_TRIES):  # two changes of a stage at once may leave no version in it, without an error
        require_held(client, version.model.name)
        version.set_stage(PRODUCTION, force=True)
        champion = version_history(client, version.model.name).champion
        if champion is not None and champion.id == version_id and champion.champion_state == champion_state:
            return
    now = f"version {champion.number}" if champion else "none"
    raise StoreError(
        f"{version.model.name} {version.name} did not become the champion: the ZenML store says it is {now}. Something else "
        "changes this store. Look at `python run.py models`, and try again."
    )


def archive(client: Client, version_id: UUID) -> None:
    """Mark a version as a former champion."""
    _model_version(client, version_id).set_stage(ARCHIVED, force=True)


def _model_version(client: Client, version_id: UUID) -> ModelVersionResponse:
    return client.get_model_version(model_version_name_or_number_or_id=version_id)
