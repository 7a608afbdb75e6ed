"""How a drift report lies in the store: as JSON, with its page for the dashboard."""

import importlib
from typing import Any, ClassVar

from pydantic import BaseModel
from zenml.enums import VisualizationType
from zenml.materializers.pydantic_materializer import PydanticMaterializer

from champion.drift.report import DriftReport


class DriftMaterializer(PydanticMaterializer):
    """A drift report as JSON."""

    SKIP_REGISTRATION: ClassVar[bool] = True
    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (DriftReport,)

    def save_visualizations(self, data: DriftReport) -> dict[str, VisualizationType]:
        """The report as a page of its own; imported by name, because how a page looks changes no verdict."""
        page = importlib.import_module("champion.reporting.drift_html")
        place = f"{self.uri}/drift.html"
        with self.artifact_store.open(place, "wb") as file:
            file.write(page.render_drift_html(data).encode())
        return {place: VisualizationType.HTML}

    def extract_metadata(self, data: BaseModel) -> dict[str, Any]:
        """What the dashboard shows of it."""
        if not isinstance(data, DriftReport):
            raise TypeError(f"found {type(data).__name__}, expected a DriftReport")
        drifted = [each.name for each in data.features if each.verdict == "drift"]
        return {
            "verdict": data.verdict,
            "reason": data.reason,
            "rows": data.current_rows,
            "model_version": data.model_version,
            "drifted": drifted[:20],
        }
