"""How an answer that is a class leaves: as JSON, as columns of a table, as a text."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from champion.errors import DataError
from champion.modeling.contract import Contract
from champion.modeling.predictor import Predictions

if TYPE_CHECKING:
    import pyarrow as pa


_SHARES = {"type": ["object", "null"], "description": "By class; null where the model has none."}
ANY: dict[str, Any] = {
    "label": {"type": ["string", "integer", "boolean"]},
    "probabilities": {**_SHARES, "additionalProperties": {"type": "number"}},
}


class _ClassAnswers:
    """The answers of one model; see `champion.modeling.tasks.answer.AnswerForm`."""

    def __init__(self, contract: Contract) -> None:
        self._classes = contract.classes
        self.names = [str(label) for label in self._classes]
        self.keys = [label if isinstance(label, str) else json.dumps(label) for label in self._classes]
        self._labels = [json.dumps(label) for label in self._classes]
        shares = ",".join(json.dumps(key).replace("%", "%%") + ":%r" for key in self.keys)
        self._with_probabilities = '{"label":%s,"probabilities":{' + shares + '},"warnings":%s}'

    def places(self, predictions: Predictions) -> NDArray[np.int64]:
        return predictions.values

    def texts(self, predictions: Predictions) -> list[str]:
        names = self.names
        return [names[code] for code in predictions.values.tolist()]

    def json_rows(self, predictions: Predictions, warnings: Sequence[str]) -> list[str]:
        labels = [self._labels[code] for code in predictions.values.tolist()]
        if predictions.probabilities is None:
            pairs = zip(labels, warnings, strict=True)
            return [f'{{"label":{label},"probabilities":null,"warnings":{each}}}' for label, each in pairs]
        shares = predictions.probabilities.tolist()
        if not math.isfinite(sum(map(sum, shares))):
            raise DataError("The model gives no finite probability here: a value is too far from all it has seen.")
        form = self._with_probabilities
        return [form % (label, *row, each) for label, row, each in zip(labels, shares, warnings, strict=True)]

    def schema(self) -> dict[str, Any]:
        share = {"type": "number", "minimum": 0, "maximum": 1.000001}
        each = {"properties": dict.fromkeys(self.keys, share), "required": self.keys, "additionalProperties": False}
        return {"label": {"enum": list(self._classes)}, "probabilities": {**_SHARES, **each}}

    def columns(self, probabilities: bool) -> tuple[str, ...]:
        return ("label", *(f"probability_{name}" for name in self.names if probabilities))

    def arrays(self, predictions: Predictions) -> list[pa.Array]:
        import pyarrow as pa

        of_one_type = len({type(label) for label in self._classes}) == 1
        labels = pa.array(self._classes if of_one_type else self.names).take(pa.array(predictions.values))
        shares = () if predictions.probabilities is None else predictions.probabilities.T
        return [labels, *(pa.array(np.ascontiguousarray(column)) for column in shares)]


form = _ClassAnswers
