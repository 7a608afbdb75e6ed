"""The answers of a champion to its holdout, which a promotion keeps: what the same recipe under other libraries is held to.

They are bytes in the store, and are read without the champion, which its libraries may no longer load.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from champion.modeling.evaluation import TOLERANCE, Frozen
from champion.modeling.predictor import Predictions, Predictor
from champion.modeling.tasks.learning import learning_of
from champion.modeling.tasks.target import target_of

if TYPE_CHECKING:
    import pandas as pd


class AnswersCompared(Frozen):
    """What a refit found: how many rows were asked, and how the answers differ from those that were kept; None: not at all."""

    rows: int
    difference: str | None


@dataclass(frozen=True)
class Remembering(Predictor):
    """A predictor that asks its model for one table, the `holdout`, once, however often it is asked."""

    holdout: Any = None
    remembered: list[Predictions] = field(default_factory=list)

    def predict(self, table: pd.DataFrame) -> Predictions:
        """Answer a table as `Predictor` does."""
        if table is not self.holdout:
            return super().predict(table)
        if not self.remembered:
            self.remembered.append(super().predict(table))
        return self.remembered[0]


@dataclass(frozen=True)
class KeptAnswers:
    """What a model answered to every row of a holdout, and the truth, both as the model's contract codes them.

    `truth` (rows,): of a class its place in `contract.classes`, -1 for one that is not there. `predictions`: `values` (rows,),
    coded alike, and `probabilities` (rows, classes), where the model has some.
    """

    truth: NDArray[Any]
    predictions: Predictions

    @classmethod
    def of(cls, predictor: Predictor, holdout: pd.DataFrame, target: str) -> KeptAnswers:
        """Ask a model for a holdout, target included."""
        contract = predictor.contract
        labels = target_of(contract.task).canonical_labels(holdout[target])
        return cls(learning_of(contract.task).encode(labels, contract.classes), predictor.predict(holdout))

    @classmethod
    def from_bytes(cls, data: bytes) -> KeptAnswers:
        """Read what `as_bytes` wrote; nothing is unpickled. Raises ValueError when it is something else."""
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                shares = arrays["probabilities"] if "probabilities" in arrays.files else None
                return cls(arrays["truth"], Predictions(arrays["values"], shares))
        except (EOFError, OSError, LookupError, TypeError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
            raise ValueError(f"no kept answers ({type(error).__name__})") from error

    def as_bytes(self) -> bytes:
        """The same answers as the same bytes."""
        target, shares = io.BytesIO(), self.predictions.probabilities
        arrays: dict[str, Any] = {"truth": self.truth, "values": self.predictions.values}
        if shares is not None:
            arrays["probabilities"] = shares
        np.savez(target, **arrays)  # compressed, two hundred thousand rows would cost a second for a few percent
        return target.getvalue()

    def difference(self, other: KeptAnswers) -> str | None:
        """How another model's answers differ, to follow "its answers differ:"; None where they are equal.

        Labels are equal or not; a probability, or an answer that is a number, may differ by `TOLERANCE`.
        """
        ours, theirs = self.predictions, other.predictions
        if self.truth.shape != other.truth.shape:
            return f"the holdout has {len(other.truth)} rows instead of {len(self.truth)}"
        if (self.truth != other.truth).any():
            return f"the truth of {int((self.truth != other.truth).sum())} rows is another one"
        if ours.values.dtype.kind in "iu" and (changed := int((ours.values != theirs.values).sum())):
            return f"{changed} of {len(self.truth)} rows get another label"
        pairs = [(ours.values, theirs.values), (ours.probabilities, theirs.probabilities)]
        for one, another in pairs:
            if one is None and another is None:
                continue
            if one is None or another is None or one.shape != another.shape:
                return "one has probabilities that the other does not have"
            largest = float(np.abs(one - another).max(initial=0.0))
            if not largest <= TOLERANCE:  # also where it is no number
                return f"a number of them differs by {largest:.2g}, more than {TOLERANCE:g}"
        return None
