"""How artifacts lie in the store: tables as Parquet (zstd), models as skops, values as JSON. Nothing is pickled."""

import atexit
import importlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from zenml.enums import ArtifactType, VisualizationType
from zenml.materializers.base_materializer import BaseMaterializer
from zenml.materializers.pydantic_materializer import PydanticMaterializer

from champion.bundle.candidate import TrainedCandidate
from champion.bundle.folder import CARD, MANIFEST, Package, manifest_text, parse_manifest, verify
from champion.modeling.equivalence import EquivalenceReport
from champion.modeling.evaluation import CandidateResult
from champion.modeling.profile import Profile
from champion.tabular.tables import WrittenTable, write_table

_TABLE, _MODEL, _RESULT, _PARITY = "table.parquet", "model.skops", "result.json", "parity.json"
_PIECE = 8 * 1024 * 1024  # bytes


@dataclass(frozen=True)
class StoredFile:
    """A file of any size, as it is; its name tells its format."""

    path: Path


class _Files(BaseMaterializer):
    """Reads and writes whole files below the artifact's place."""

    SKIP_REGISTRATION: ClassVar[bool] = True

    def _read(self, name: str) -> bytes:
        with self.artifact_store.open(os.path.join(self.uri, name), "rb") as file:
            data: bytes = file.read()
        return data

    def _has(self, name: str) -> bool:
        return bool(self.artifact_store.exists(os.path.join(self.uri, name)))

    def _write(self, name: str, data: bytes) -> None:
        with self.artifact_store.open(os.path.join(self.uri, name), "wb") as file:
            file.write(data)


def is_gone(uri: str) -> bool:
    """Whether the files of an artifact were deleted; only a store on this machine is looked at."""
    return "://" not in uri and not any(path.is_file() for path in Path(uri).glob("*"))


def write_again(uri: str, value: Any, materializer: type[BaseMaterializer]) -> None:
    """Write the files of an artifact anew where they stood, so that all that refers to it finds them."""
    Path(uri).mkdir(parents=True, exist_ok=True)
    materializer(uri).save(value)


class TableMaterializer(_Files):
    """A DataFrame as Parquet; the index is not kept. One that was written already is moved into its place."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (pd.DataFrame, WrittenTable)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA

    def load(self, data_type: type[Any]) -> pd.DataFrame:
        """Read the table, without a second copy in memory."""
        del data_type
        import pyarrow.parquet

        path = os.path.join(self.uri, _TABLE)
        if Path(path).is_file():
            table = pyarrow.parquet.read_table(path, memory_map=True)
        else:
            with self.artifact_store.open(path, "rb") as file:
                table = pyarrow.parquet.read_table(file)
        frame: pd.DataFrame = table.to_pandas(self_destruct=True, split_blocks=True)
        return frame

    def save(self, data: pd.DataFrame | WrittenTable) -> None:
        """Write the table."""
        local = Path(self.uri)
        with tempfile.TemporaryDirectory() as folder:
            path = (local if local.is_dir() else Path(folder)) / _TABLE
            if isinstance(data, WrittenTable):
                shutil.move(data.path, path)
            else:
                write_table(data, path)
            if not local.is_dir():
                self._write(_TABLE, path.read_bytes())

    def extract_metadata(self, data: pd.DataFrame | WrittenTable) -> dict[str, Any]:
        """Rows and columns, for the dashboard."""
        if isinstance(data, WrittenTable):
            return {"rows": data.rows, "columns": data.columns}
        return {"rows": len(data), "columns": len(data.columns)}


class FileMaterializer(_Files):
    """A file, byte for byte; it is never in memory as a whole."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (StoredFile,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA

    def load(self, data_type: type[Any]) -> StoredFile:
        """Give the file where it lies, or a copy of it where the store is not on this machine."""
        del data_type
        if Path(self.uri).is_dir():
            return StoredFile(next(path for path in Path(self.uri).iterdir() if path.is_file()))
        name = next(str(name) for name in self.artifact_store.listdir(self.uri))
        folder = tempfile.mkdtemp()
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        copy = Path(folder) / name
        with self.artifact_store.open(os.path.join(self.uri, name), "rb") as file, copy.open("wb") as target:
            shutil.copyfileobj(file, target, _PIECE)
        return StoredFile(copy)

    def save(self, data: StoredFile) -> None:
        """Copy the file, unless it was written where it belongs."""
        place = os.path.join(self.uri, data.path.name)
        if not Path(self.uri).is_dir():
            with data.path.open("rb") as file, self.artifact_store.open(place, "wb") as target:
                shutil.copyfileobj(file, target, _PIECE)
        elif data.path != Path(place):
            try:
                shutil.copyfile(data.path, place)
            except BaseException:  # Ctrl-C too leaves no half of a file
                Path(place).unlink(missing_ok=True)
                raise

    def extract_metadata(self, data: StoredFile) -> dict[str, Any]:
        """Its size, for the dashboard."""
        return {"bytes": data.path.stat().st_size}


class CandidateMaterializer(_Files):
    """A trained candidate: its result as JSON beside its skops file."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (TrainedCandidate,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.MODEL

    def load(self, data_type: type[Any]) -> TrainedCandidate:
        """Read both files; the model stays bytes until somebody asks it."""
        del data_type
        equivalence = EquivalenceReport.model_validate_json(self._read(_PARITY)) if self._has(_PARITY) else None
        return TrainedCandidate(
            CandidateResult.model_validate_json(self._read(_RESULT)), self._read(_MODEL), equivalence
        )

    def save(self, data: TrainedCandidate) -> None:
        """Write both files."""
        self._write(_MODEL, data.model)
        self._write(_RESULT, data.result.model_dump_json(indent=1).encode())
        if data.equivalence is not None:
            self._write(_PARITY, data.equivalence.model_dump_json(indent=1).encode())

    def extract_metadata(self, data: TrainedCandidate) -> dict[str, Any]:
        """Score and time, for the dashboard."""
        result = data.result
        found: dict[str, Any] = {"estimator": result.estimator, "seconds": result.seconds, "bytes": len(data.model)}
        if result.cv_mean is not None:
            found |= {"cv_mean": result.cv_mean, "cv_std": result.cv_std}
        return found


class PackageMaterializer(_Files):
    """A production package, file by file, with every hash checked on the way back."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Package,)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.MODEL

    def load(self, data_type: type[Any]) -> Package:
        """Read and verify the package."""
        del data_type
        manifest = parse_manifest(self._read(MANIFEST), self.uri)
        package = Package(manifest, {name: self._read(name) for name in manifest.files})
        verify(package, self.uri)
        return package

    def save(self, data: Package) -> None:
        """Write the package, the manifest last."""
        for name, content in data.files.items():
            self._write(name, content)
        self._write(MANIFEST, manifest_text(data.manifest).encode())

    def save_visualizations(self, data: Package) -> dict[str, VisualizationType]:
        """The model card, which lies there already."""
        return {f"{self.uri}/{name}": VisualizationType.MARKDOWN for name in (CARD,) if name in data.files}

    def extract_metadata(self, data: Package) -> dict[str, Any]:
        """What the dashboard shows of it; its pages of models are not in the open-source edition."""
        made = data.manifest
        return {
            "model_version": made.model_version,
            "candidate": made.candidate,
            "data_version": made.data_version,
            "commit": made.commit or "none",
            "reason": made.decision.reason,
            **made.metrics,
        }


class ProfileMaterializer(PydanticMaterializer):
    """A profile as JSON, with a table of it for the dashboard."""

    SKIP_REGISTRATION: ClassVar[bool] = True
    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (Profile,)

    def save_visualizations(self, data: Profile) -> dict[str, VisualizationType]:
        """The profile as a page of its own.

        The page is imported by name, so that the import graph does not lead from every step to the report: how a page
        looks changes no model, and must spoil no cache key and no fingerprint (see `champion.orchestration.code`).
        """
        page = importlib.import_module("champion.reporting.profile_page")
        place = f"{self.uri}/profile.html"
        with self.artifact_store.open(place, "wb") as file:
            file.write(page.render_profile(data).encode())
        return {place: VisualizationType.HTML}
