"""A drift report in the store: JSON, with its page."""

from typing import Any, ClassVar

from champion.drift.report import DriftReport
from champion.orchestration.materializers.files import PageMaterializer


class DriftMaterializer(PageMaterializer):
    """A drift report as JSON."""

    ASSOCIATED_TYPES: ClassVar[tuple[type[Any], ...]] = (DriftReport,)
    PAGE: ClassVar[tuple[str, str, str]] = ("drift.page", "render_drift_html", "drift.html")

    def extract_metadata(self, data: Any) -> dict[str, Any]:
        """What the dashboard shows of it."""
        return {
            "verdict": data.verdict,
            "reason": data.reason,
            "rows": data.current_rows,
            "model_version": data.model_version,
            "drifted": [each.name for each in data.features if each.verdict == "drift"][:20],
        }
