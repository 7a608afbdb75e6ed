"""What the equivalence check found out about a faster backend of a model; a file of the package."""

from pydantic import BaseModel, ConfigDict, Field

TOLERANCE = 1e-6  # of a probability


class EquivalenceReport(BaseModel):
    """Which backend answers few rows; the rows asked, labels that differ and the largest difference say why."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_by_name=True, validate_by_alias=True, serialize_by_alias=True
    )

    backend: str = Field(alias="way")  # of `champion.modeling.backends`, or "native": the model itself
    reason: str
    holdout_rows: int = 0
    grid_rows: int = 0
    threshold_rows: int = 0
    labels_differ: int = 0
    largest_difference: float = 0.0
    tolerance: float = TOLERANCE
