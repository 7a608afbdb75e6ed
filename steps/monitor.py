"""Compare new data with what the champion was trained on; both are artifacts, and so is the report."""

from typing import Annotated, Optional

from zenml import step

from champion.bundle.folder import Package
from champion.drift.report import DriftReport
from champion.drift.rows import DriftRequest
from champion.orchestration.materializers.files import PageMaterializer, StoredFile
from champion.progress import tell_watchers


@step(enable_cache=False, output_materializers={"report": PageMaterializer})
def monitor(
    rows: StoredFile,
    champion: Package,
    asked: DriftRequest,
    labels: Optional[StoredFile] = None,  # noqa: UP045 - ZenML reads the annotation
) -> Annotated[DriftReport, "report"]:
    """Count the rows chunk by chunk in the bins of the champion's profile, and judge; true labels are by request id."""
    from champion.drift.rows import compared

    return compared(rows.path, champion, asked, None if labels is None else labels.path, tell_watchers)
