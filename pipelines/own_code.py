"""Own code on its way into a run: an artifact of the store, so that steps have it wherever they run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from champion.modeling.own.code import OwnCode
from champion.orchestration.artifacts import saved
from champion.orchestration.runs import artifact_name
from champion.registry.own_code import remember
from champion.workspace.workspace import Workspace

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import ArtifactVersionResponse


def stored_code(client: Client, workspace: Workspace, own: OwnCode | None) -> ArtifactVersionResponse | None:
    """The own code of a use case as an artifact, once for each hash; None where there is none."""
    from zenml.materializers.built_in_materializer import BytesMaterializer

    from champion.orchestration import artifact_files

    if own is None:
        return None
    remember(client, workspace, own.hash)
    name = artifact_name(workspace.use_case.name, "code")
    artifact, version = artifact_files.find_version(client, name, own.hash)
    if artifact is None:
        return saved(client, name, version, own.as_bytes(), include_visualizations=False)
    if artifact_files.is_gone(client, artifact):
        artifact_files.write_again(client, artifact, own.as_bytes(), BytesMaterializer)
    return artifact


def imported_paths(own: OwnCode | None) -> tuple[str, ...]:
    """Paths in what own code imports: libraries, whose versions count as an estimator's do, and modules of this project."""
    return (*(f"{name}.{name}" for name in own.foreign), *own.of_project) if own else ()
