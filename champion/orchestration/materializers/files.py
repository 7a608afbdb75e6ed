"""How artifacts lie in the store, the plain file and the record with a page among them. Nothing is pickled.

What needs code of its own has a module of its own, so that a step reaches what it takes and gives, and an edit elsewhere
spoils no cache key.
"""

import importlib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from zenml.enums import ArtifactType, VisualizationType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.materializers.pydantic_materializer import PydanticMaterializer

from champion.scratch import lasting

_PIECE = 8 * 1024 * 1024  # bytes
PAGES = {
    "Profile": ("html", "render_profile", "profile.html"),
    "DriftReport": ("drift.page", "render_drift_html", "drift.html"),
}
"""By the class of a record: the module under `champion.reporting` that draws its page, the function, and the file."""


@dataclass(frozen=True)
class StoredFile:
    """A file of any size, as it is; its name tells its format."""

    path: Path


class Files(BaseMaterializer):
    """Reads and writes whole files below the artifact's place."""

    SKIP_REGISTRATION: ClassVar[bool] = True

    def _read(self, name: str) -> bytes:
        with self.artifact_store.open(f"{self.uri}/{name}", "rb") as file:
            return bytes(file.read())

    def _has(self, name: str) -> bool:
        return bool(self.artifact_store.exists(f"{self.uri}/{name}"))

    def _write(self, name: str, data: bytes) -> None:
        with self.artifact_store.open(f"{self.uri}/{name}", "wb") as file:
            file.write(data)


class PageMaterializer(PydanticMaterializer):
    """A record of `PAGES` as JSON, with its page and its `facts`, where it has any, for the dashboard.

    The page is imported by name, so that the import graph does not lead from every step to the report: how a page looks
    changes no model, and must spoil no cache key and no fingerprint (see `champion.orchestration.code`).
    """

    SKIP_REGISTRATION: ClassVar[bool] = True

    def save_visualizations(self, data: Any) -> dict[str, VisualizationType]:
        """The record as a page of its own."""
        module, function, name = PAGES[type(data).__name__]
        render = getattr(importlib.import_module(f"champion.reporting.{module}"), function)
        path = f"{self.uri}/{name}"
        with self.artifact_store.open(path, "wb") as file:
            file.write(render(data).encode())
        return {path: VisualizationType.HTML}

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """The record in short, else its schema."""
        facts: dict[str, Any] = data.facts() if hasattr(data, "facts") else super().extract_metadata(data)
        return facts


class FileMaterializer(Files):
    """A file, byte for byte; it is never in memory as a whole."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (StoredFile,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA

    def load(self, data_type: type[Any]) -> StoredFile:
        """Give the file where it lies, or a copy of it where the store is not on this machine."""
        del data_type
        if Path(self.uri).is_dir():
            return StoredFile(next(path for path in Path(self.uri).iterdir() if path.is_file()))
        name = next(str(name) for name in self.artifact_store.listdir(self.uri))
        copy = lasting() / "copy" / name
        copy.parent.mkdir()
        with self.artifact_store.open(f"{self.uri}/{name}", "rb") as file, copy.open("wb") as target:
            shutil.copyfileobj(file, target, _PIECE)
        return StoredFile(copy)

    def save(self, data: StoredFile) -> None:
        """Copy the file, unless it was written where it belongs."""
        target_path = f"{self.uri}/{data.path.name}"
        if not Path(self.uri).is_dir():
            with data.path.open("rb") as file, self.artifact_store.open(target_path, "wb") as target:
                shutil.copyfileobj(file, target, _PIECE)
        elif data.path != Path(target_path):
            try:
                shutil.copyfile(data.path, target_path)
            except BaseException:  # Ctrl-C too leaves no half of a file
                Path(target_path).unlink(missing_ok=True)
                raise

    def extract_metadata(self, data: StoredFile) -> dict[str, Any]:
        """Its size, for the dashboard."""
        return {"bytes": data.path.stat().st_size}
