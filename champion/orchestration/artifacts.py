"""Artifacts under a version that says what they hold, so that whoever has the same content has the same artifact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import ArtifactVersionResponse


def saved(client: Client, name: str, version: str, value: Any, **how: Any) -> ArtifactVersionResponse:
    """Save a value under a name and a version, as `how` says to `zenml.save_artifact`.

    Where another process has saved the same at this moment, that is the artifact, and the files of this one go again.
    """
    from zenml import save_artifact
    from zenml.exceptions import EntityExistsError

    store = client.active_stack.artifact_store
    uri = f"{store.path.rstrip('/')}/custom_artifacts/{name}/{uuid4()}"
    try:
        return save_artifact(value, name=name, version=version, uri=uri, **how)
    except EntityExistsError:
        artifact = client.get_artifact_version(name, version)
        store.rmtree(uri)
        return artifact
