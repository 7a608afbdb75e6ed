"""How the answers of a task leave, for the service, batch inference and the prediction log; no step that trains reaches this."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from champion.modeling.contract import Contract
from champion.modeling.predictor import Predictions
from champion.modeling.tasks import TASKS, part_of

if TYPE_CHECKING:
    import pyarrow as pa


class AnswerForm(Protocol):
    """The answers of one model; all that does not depend on a row is made once.

    `names` are the groups by which answers are counted, `keys` the same as labels of a metric.
    """

    names: list[str]
    keys: list[str]

    def places(self, predictions: Predictions) -> NDArray[np.int64]:
        """The place in `names` of every answer."""

    def texts(self, predictions: Predictions) -> list[str]:
        """Answers as the prediction log keeps them, and as true labels are compared with them."""

    def json_rows(self, predictions: Predictions, warnings: Sequence[str]) -> list[str]:
        """Answers as JSON objects, each with its warnings, which are JSON already. Raises DataError when one is not finite."""

    def schema(self) -> dict[str, Any]:
        """The JSON schema of an answer's keys but `warnings`, by key; all are required."""

    def columns(self, probabilities: bool) -> tuple[str, ...]:
        """The names of the columns that an answer has in a table, in order."""

    def arrays(self, predictions: Predictions) -> list[pa.Array]:
        """Those columns."""


def form_of(contract: Contract) -> AnswerForm:
    """The form of the answers of a model."""
    form: AnswerForm = part_of(__name__, contract.task).form(contract)
    return form


def schemas() -> list[dict[str, Any]]:
    """As `AnswerForm.schema`, for each task, whatever the model."""
    return [part_of(__name__, task).ANY for task in TASKS]
