"""What the parity gate found out about the fast way of a model; a file of the package."""

from typing import Literal

from pydantic import BaseModel, ConfigDict

Way = Literal["packed", "native"]
TOLERANCE = 1e-6  # of a probability


class EquivalenceReport(BaseModel):
    """What the gate found.

    `way` is how few rows are to be answered; the rows asked, the labels that differ and the largest difference of a
    probability say why.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    way: Way
    reason: str
    holdout_rows: int = 0
    grid_rows: int = 0
    threshold_rows: int = 0
    labels_differ: int = 0
    largest_difference: float = 0.0
    tolerance: float = TOLERANCE
