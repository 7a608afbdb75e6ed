"""A production package in the store."""

from typing import Any, ClassVar

from zenml.enums import ArtifactType, VisualizationType

from champion.bundle.folder import CARD, MANIFEST, Package, parse_manifest, verify
from champion.orchestration.materializers.files import Files


class PackageMaterializer(Files):
    """A production package, file by file, with every hash checked on the way back."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Package,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.MODEL

    def load(self, data_type: type[Any]) -> Package:
        """Read and verify the package."""
        del data_type
        manifest = parse_manifest(text := self._read(MANIFEST), self.uri)
        package = Package(manifest, {name: self._read(name) for name in manifest.files}, text)
        verify(package, self.uri)
        return package

    def save(self, data: Package) -> None:
        """Write the package, the manifest last."""
        for name, content in data.contents.items():
            if "/" in name:
                self.artifact_store.makedirs(f"{self.uri}/{name.rpartition('/')[0]}")
            self._write(name, content)

    def save_visualizations(self, data: Package) -> dict[str, VisualizationType]:
        """The model card, which lies there already."""
        return {f"{self.uri}/{name}": VisualizationType.MARKDOWN for name in (CARD,) if name in data.files}

    def extract_metadata(self, data: Package) -> dict[str, Any]:
        """What the dashboard shows of it; its pages of models are not in the open-source edition."""
        manifest = data.manifest
        facts = {name: getattr(manifest, name) for name in ("model_version", "candidate", "data_version")}
        return {**facts, "commit": manifest.commit or "none", "reason": manifest.decision.reason, **manifest.metrics}
