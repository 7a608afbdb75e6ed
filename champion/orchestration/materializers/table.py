"""A table in the store: Parquet (zstd)."""

import contextlib
import shutil
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd
from zenml.enums import ArtifactType

from champion.orchestration.materializers.files import Files
from champion.scratch import scratch
from champion.tabular.tables import WrittenTable, write_table

_TABLE = "table.parquet"


class TableMaterializer(Files):
    """A DataFrame as Parquet; the index is not kept. One that was written already is moved into its place."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (pd.DataFrame, WrittenTable)
    ASSOCIATED_ARTIFACT_TYPE: ClassVar[ArtifactType] = ArtifactType.DATA

    def load(self, data_type: type[Any]) -> pd.DataFrame:
        """Read the table, without a second copy in memory."""
        del data_type
        import pyarrow.parquet

        path = f"{self.uri}/{_TABLE}"
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
        with contextlib.nullcontext(local) if local.is_dir() else scratch() as folder:
            path = folder / _TABLE
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
