"""The champion in ZenML's Model Control Plane: versions, their records, and the champion's state.

A model version carries as metadata its scores, one by one; `record`, what made it and how it was judged; and `title`, its
state since it has been champion. The production package is an artifact that is linked to the version, so the store can
always write the folder anew.

Everything that changes the champion is called under `champion.orchestration.store.locked`. Setting the stage is the last
act, and one transaction of the store: a process that dies before it has changed nothing in production.
"""

from __future__ import annotations

import contextlib
import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from champion.bundle.decision_record import DecisionFacts
from champion.bundle.folder import MODEL
from champion.bundle.manifest import ChampionState
from champion.errors import StoreError
from champion.modeling.split import SplitRule
from champion.orchestration.runs import artifact_name
from champion.orchestration.store import is_local

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.client import Client
    from zenml.models import ArtifactVersionResponse, ModelVersionResponse

    from champion.bundle.folder import Package

PRODUCTION, ARCHIVED = "production", "archived"
_RECORD, _STATE, _PACKAGE = "record", "title", "package"


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


@dataclass(frozen=True)
class Version:
    """One model version of a use case, as the store records it."""

    id: UUID
    stage: str  # production, archived (a former champion) or none (never in production)
    record: Record
    champion_state: ChampionState | None
    package_id: str | None  # artifact version of its package

    @property
    def number(self) -> int:
        """The project's own number of it."""
        return self.record.number


@dataclass(frozen=True)
class VersionHistory:
    """All versions of a use case that the store knows, oldest first."""

    versions: tuple[Version, ...]

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

    def number(self, number: int) -> Version | None:
        """The version with this number; of two (one imported) the one that was champion."""
        versions = (version for version in self.versions if version.number == number)
        return max(versions, key=lambda one: (one.package_id is not None, one.stage == PRODUCTION), default=None)

    def made_by(self, fingerprint: str) -> list[Version]:
        """The versions that this fingerprint made, newest first."""
        return [version for version in reversed(self.versions) if version.record.fingerprint == fingerprint]


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
    return VersionHistory(tuple(_version(item) for item in items if _RECORD in item.run_metadata))


def _version(item: ModelVersionResponse) -> Version:
    metadata = item.run_metadata
    state, package = metadata.get(_STATE), metadata.get(_PACKAGE)
    return Version(
        id=item.id,
        stage=str(item.stage or "none"),
        record=Record.model_validate_json(str(metadata[_RECORD])),
        champion_state=ChampionState.model_validate_json(str(state)) if state else None,
        package_id=str(package) if package else None,
    )


def log(version_id: UUID, **values: BaseModel | str | float) -> None:
    """Write metadata on a model version; a later value hides the earlier one.

    A record or a state is stored as JSON text: ZenML would merge a dictionary into the earlier one.
    """
    from zenml import log_metadata

    ready = {name: value.model_dump_json() if isinstance(value, BaseModel) else value for name, value in values.items()}
    log_metadata(metadata={**ready}, model_version_id=version_id)


def create(client: Client, use_case: str, record: Record) -> UUID:
    """A new model version with its record and, for the dashboard, its scores one by one; it has no stage.

    The record's number names it; where a foreign version already has that name, it gets a suffix.
    """
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
            if _RECORD in version.run_metadata:
                continue
        log(version.id, **record.metrics)
        log(version.id, record=record)
        return version.id
    raise StoreError(
        f"The store holds too many versions with the number {number} of {use_case}; remove some with prune."
    )


def save_package(client: Client, version_id: UUID, package: Package) -> ArtifactVersionResponse:
    """Keep a production package in the store, linked to its model version."""
    from zenml import save_artifact
    from zenml.model.utils import link_artifact_version_to_model_version

    from champion.orchestration.materializers.package import PackageMaterializer

    name = artifact_name(package.manifest.use_case, "package")
    artifact = save_artifact(package, name=name, materializer=PackageMaterializer)
    link_artifact_version_to_model_version(artifact, _model_version(client, version_id))
    log(version_id, package=str(artifact.id))
    return artifact


def stored_package(client: Client, version: Version) -> ArtifactVersionResponse:
    """The package of a version that was champion, as an artifact, unread; a `StoreError` where none can be had."""
    from champion.orchestration.materializers.files import is_gone

    if version.package_id is None:
        raise StoreError(f"Model version {version.number} was never in production; it has no package.")
    artifact = client.get_artifact_version(version.package_id)
    uri = artifact.uri
    if (
        not is_local(client)
        and "://" not in uri
        and not Path(uri).is_relative_to(client.active_stack.artifact_store.path)  # which steps here may read
    ):
        raise StoreError(
            f"The package of model version {version.number} lies in a folder of the machine that made it. Whoever "
            "shares a ZenML server needs an artifact store that all can reach: run on a stack that has one "
            "(docs/scale.md)."
        )
    if is_gone(uri):
        raise _gone(version, uri)
    return artifact


def _gone(version: Version, why: object) -> StoreError:
    return StoreError(
        f"The package of model version {version.number} is gone from the store ({why}). Bring the production package back "
        "with `make pull`; where nobody has it, move the store away and train anew."
    )


def load_package(client: Client, version: Version) -> Package:
    """The package of a version that was champion, with its state as the store knows it; a `StoreError` like `stored_package`."""
    from champion.bundle.build import with_state

    artifact = stored_package(client, version)
    try:
        package: Package = artifact.load()
    except Exception as error:  # the artifact store raises what its file system raises
        raise _gone(version, f"{type(error).__name__}: {error}") from error
    return with_state(package, version.champion_state) if version.champion_state else package


def restore_package(client: Client, version: Version, package: Package) -> bool:
    """Write a version's package into the store again, where its files were deleted; whether that was needed."""
    from champion.orchestration.materializers.files import is_gone, write_again
    from champion.orchestration.materializers.package import PackageMaterializer

    if version.package_id is None or package.manifest.files[MODEL] != version.record.model:
        return False
    artifact = client.get_artifact_version(version.package_id)
    if not is_gone(artifact.uri):
        return False
    write_again(artifact.uri, package, PackageMaterializer)
    return True


def set_champion(client: Client, version_id: UUID, champion_state: ChampionState) -> None:
    """Make a version the champion: its state first, then the stage, which archives the former champion."""
    log(version_id, **{_STATE: champion_state})
    _model_version(client, version_id).set_stage(PRODUCTION, force=True)


def archive(client: Client, version_id: UUID) -> None:
    """Mark a version as a former champion."""
    _model_version(client, version_id).set_stage(ARCHIVED, force=True)


def _model_version(client: Client, version_id: UUID) -> ModelVersionResponse:
    return client.get_model_version(model_version_name_or_number_or_id=version_id)
