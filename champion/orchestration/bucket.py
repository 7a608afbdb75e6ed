"""What the artifact store of the active stack holds where it is a bucket: listed once, so that `prune` can count and look."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

from champion.errors import StoreError
from champion.orchestration import artifact_files

if TYPE_CHECKING:
    from zenml.client import Client

UNRECORDED = timedelta(days=1)
"""How old objects are before they count as unnamed: a run writes an artifact first, and its record at the end of the step."""
_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_FOLDER = re.compile(rf"custom_artifacts/[^/]+/{_ID}(?=/)|(?!custom_artifacts/)[^/]+/[^/]+/{_ID}/[0-9a-f]{{8}}(?=/)")
"""The folder of an artifact below the store's path, as ZenML names it: saved by a client, or the output of a step."""


@dataclass(frozen=True)
class Bucket:
    """The objects of the active artifact store; none where that is a folder of this machine."""

    client: Client = field(repr=False)
    path: str  # without a slash at its end; empty for a folder of this machine

    @classmethod
    def of(cls, client: Client) -> Bucket:
        """That of the active stack. Raises StoreError where it cannot be used."""
        artifact_files.require_store(client)
        return cls(client, artifact_files.active_path(client))

    @cached_property
    def objects(self) -> dict[str, dict[str, Any]]:
        """What the store says of each object, by its address."""
        if not self.path:
            return {}
        try:
            return artifact_files.details(self.client.active_stack.artifact_store, self.path)
        except Exception as error:  # the artifact store raises what its file system raises
            raise StoreError(
                f"The artifact store {self.path} cannot be listed ({type(error).__name__}: {error}), so nothing was removed. "
                "Whoever prunes must be allowed to list and to delete there."
            ) from None

    @cached_property
    def _sizes(self) -> Counter[str]:
        """Bytes by object and by every folder above it."""
        sizes = Counter[str]()
        for name, facts in self.objects.items():
            size, folder = int(facts["size"] or 0), name
            while len(folder) > len(self.path):
                sizes[folder] += size
                folder = folder.rpartition("/")[0]
        return sizes

    def size(self, uri: str) -> int:
        """The bytes of an object or of a folder of objects; 0 where it is gone, or lies elsewhere."""
        return self._sizes[uri]

    def unnamed(self) -> dict[str, int]:
        """Objects in folders of artifacts that no record of the store names, and their sizes.

        An interrupted save leaves some, a lost database all; or another ZenML store writes to the same place.
        """
        from zenml.utils.pagination_utils import depaginate

        folders: dict[str, list[str]] = {}
        for name in self.objects:
            if found := _FOLDER.match(name[len(self.path) + 1 :]):
                folders.setdefault(f"{self.path}/{found[0]}", []).append(name)
        if not folders:
            return {}
        named = {each.uri for each in depaginate(self.client.list_artifact_versions, size=500)}
        before = datetime.now(UTC) - UNRECORDED
        return {
            name: self._sizes[name]
            for folder, names in folders.items()
            if folder not in named and all(self._changed(each) < before for each in names)
            for name in names
        }

    def _changed(self, name: str) -> datetime:
        """When an object was written; now where the store does not say."""
        changed = self.objects[name].get("LastModified") or self.objects[name].get("mtime")
        return changed if isinstance(changed, datetime) and changed.tzinfo else datetime.now(UTC)

    def remove(self, names: list[str]) -> None:
        """Delete objects."""
        store: Any = self.client.active_stack.artifact_store
        store.filesystem.rm(names)
