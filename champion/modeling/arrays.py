"""A fitted pipeline over plain arrays: the same answers as over a table, without pandas.

What answers many small questions, or streams many rows, has no DataFrame at hand. A `Block` holds the same rows as
`champion.modeling.features.model_frame` does, numbers and texts apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from champion.errors import DataError
from champion.modeling import forest
from champion.modeling.contract import Contract
from champion.modeling.features import Feature
from champion.modeling.own.code import OWN_STEP
from champion.modeling.predictor import Predictions, answered, nothing

if TYPE_CHECKING:
    import pandas as pd

LARGEST = float(np.finfo(np.float32).max)  # what a tree can compare


@dataclass(frozen=True)
class Block:
    """Some rows as an estimator sees them: float64 and str, shape (rows, columns) each, NaN where a value is missing."""

    numbers: NDArray[np.float64]
    texts: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.numbers)


def number_columns(features: Iterable[Feature]) -> tuple[str, ...]:
    """The model columns of a block's `numbers`; a moment has four."""
    return tuple(column for feature in features if feature.kind != "categorical" for column in feature.columns)


def text_columns(features: Iterable[Feature]) -> tuple[str, ...]:
    """The model columns of a block's `texts`."""
    return tuple(feature.name for feature in features if feature.kind == "categorical")


def block_of(frame: pd.DataFrame, features: Sequence[Feature]) -> Block:
    """Put a model frame, as `champion.modeling.features.model_frame` makes it, into arrays."""
    numbers = frame[list(number_columns(features))].to_numpy(dtype=np.float64)
    texts = np.empty((len(frame), len(text_columns(features))), dtype=object)
    for number, name in enumerate(text_columns(features)):
        texts[:, number] = frame[name].to_numpy(dtype=object)
    return Block(numbers, texts)


class Backend(Protocol):
    """What answers in place of an estimator."""

    @property
    def most_rows(self) -> int:
        """Asked at once; with more the estimator itself is faster."""

    def predict(self, columns: NDArray[np.float64]) -> Predictions:
        """Answer rows of the estimator's columns, shape (rows, columns)."""

    def boundaries(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Columns, and their values at which the answer may change: there the equivalence check looks closely."""


class BackendKind(Protocol):
    """A module that makes one kind of them."""

    def can(self, model: Any) -> bool:
        """Whether it knows a faster way for this fitted estimator."""

    def make(self, model: Any, classes: int) -> Backend:
        """Make it, for so many classes (none for numbers), also where the estimator was fitted without some of them."""


NATIVE = "native"  # the estimator answers itself
BACKENDS: dict[str, BackendKind] = {"packed": forest}
"""Faster ways to ask a fitted estimator, a module per kind; the equivalence check decides whether one is taken."""


class ArrayPredictor:
    """A fitted pipeline that answers blocks; several threads may ask it at once.

    The pipeline is changed: it forgets the names of its columns. `backend` is what is to answer few rows, of
    `BACKENDS`; where it is unknown or unfit, the estimator answers itself.
    """

    def __init__(self, contract: Contract, pipeline: Any, backend: str) -> None:
        self.contract, self._classes = contract, len(contract.classes)
        _forget_names(pipeline)
        self._prepare, self._model = pipeline[0], pipeline[-1]
        self._numbers, self._texts = (
            {name: place for place, name in enumerate(names)}
            for names in (number_columns(contract.features), text_columns(contract.features))
        )
        kind = BACKENDS.get(backend)
        self.fast: Backend | None = kind.make(self._model, self._classes) if kind and kind.can(self._model) else None
        self.backend = backend if self.fast else NATIVE

    def predict(self, block: Block) -> Predictions:
        """Answer rows in the columns of `number_columns` and `text_columns`.

        Raises DataError when a number is infinite or beyond `LARGEST`, or the estimator refuses a value.
        """
        if not len(block):
            return nothing(self._classes, hasattr(self._model, "predict_proba"))
        if (np.abs(block.numbers) > LARGEST).any():
            raise DataError(f"A number is infinite or beyond {LARGEST:.7g}, the largest that a model takes.")
        try:
            if self.fast is not None and len(block) <= self.fast.most_rows:
                return self.fast_answer(block)
            return answered(self._model, self.columns(block), self._classes)
        except ValueError as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise DataError(f"{type(self._model).__name__} cannot answer this: {reason}") from error

    def fast_answer(self, block: Block) -> Predictions:
        """What the backend says, whatever the number of rows."""
        assert self.fast is not None
        return self.fast.predict(self.columns(block))

    def columns(self, block: Block) -> NDArray[np.float64]:
        """What the estimator itself is asked: the block after the pipeline's preparation, shape (rows, columns)."""
        if not hasattr(self._prepare, "transformers_"):
            return block.numbers
        made = [
            fitted.transform(self._frame(block, names) if name.startswith(OWN_STEP) else self._part(block, names))
            for name, fitted, names in self._prepare.transformers_
            if name != "remainder"
        ]
        return made[0] if len(made) == 1 else np.hstack(made)

    def _part(self, block: Block, names: Sequence[str]) -> NDArray[Any]:
        """The columns of a block that a part of the preparation takes, all of them numbers or all of them texts."""
        values, places = (block.texts, self._texts) if names[0] in self._texts else (block.numbers, self._numbers)
        chosen = [places[name] for name in names]
        return values if chosen == [*range(values.shape[1])] else values[:, chosen]

    def _frame(self, block: Block, names: Sequence[str]) -> pd.DataFrame:
        """Some columns of a block, for own code, which takes a frame."""
        import pandas as pd

        return pd.DataFrame({name: self._part(block, [name])[:, 0] for name in names})


def _forget_names(fitted: Any) -> None:
    """Let a fitted object take arrays without a warning on every call that its columns once had names."""
    if getattr(fitted, "KEEPS_NAMES", False):
        return
    if isinstance(fitted, list | tuple):
        for part in fitted:
            _forget_names(part)
    elif hasattr(fitted, "get_params") and hasattr(fitted, "__dict__"):
        vars(fitted).pop("feature_names_in_", None)
        for part in vars(fitted).values():
            _forget_names(part)
