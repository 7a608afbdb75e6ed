"""Texts of any length in the store's metadata of a model version or an artifact.

ZenML 0.98 drops a value of more than 65,535 characters of JSON with a line in the log. So a long text lies in an artifact,
for which the entry stands.
"""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING

from champion.errors import StoreError

if TYPE_CHECKING:
    from zenml.models import ArtifactVersionResponse, ModelVersionResponse

LONGEST = 60_000  # characters of JSON, which an entry of metadata certainly holds
_ARTIFACT = "artifact:"  # begins the entry of a text that lies in one


def stand_in(text: str, name: str) -> tuple[str, ArtifactVersionResponse | None]:
    """What is to be written of a text; and where it is long the artifact, of this name, in which it now lies."""
    from zenml import save_artifact

    if len(json.dumps(text)) <= LONGEST:
        return text, None
    artifact = save_artifact(text, name=name)
    return f"{_ARTIFACT}{artifact.id}", artifact


def whole(entry: str | None) -> str | None:
    """The text that an entry is, or stands for; None where the artifact that holds it is gone."""
    return _from_artifact(entry.removeprefix(_ARTIFACT)) if entry and entry.startswith(_ARTIFACT) else entry


def held_by(item: ArtifactVersionResponse | ModelVersionResponse) -> tuple[str, ...]:
    """The artifact versions that hold long texts of it."""
    entries = map(str, item.run_metadata.values())
    return tuple(entry.removeprefix(_ARTIFACT) for entry in entries if entry.startswith(_ARTIFACT))


@functools.lru_cache(maxsize=256)
def _from_artifact(artifact_id: str) -> str | None:
    from zenml.client import Client

    from champion.orchestration import artifact_files

    client = Client()
    try:
        artifact = client.get_artifact_version(artifact_id)
    except KeyError:
        return None
    try:
        return None if artifact_files.is_gone(client, artifact) else str(artifact_files.load(client, artifact))
    except Exception as error:  # the artifact store raises what its file system raises; that is no missing record
        raise StoreError(
            f"A record of a model version or a table cannot be read from the store ({type(error).__name__}: {error}). "
            "Nothing goes on without it: run again when the artifact store can be reached."
        ) from error
