"""Answered requests as a table of the prediction log: the work that a request does not wait for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from champion.bundle.predictions import arrow_type, schema
from champion.modeling.features import Feature
from champion.serving.log_columns import COLUMNS, fixed, fixed_floats, lists, struct_of, texts

if TYPE_CHECKING:
    import pyarrow as pa


class Answers(Protocol):
    """What a classifier answers, such as `champion.modeling.classifier.Predictions`."""

    @property
    def codes(self) -> NDArray[np.int64]:
        """Places in the champion's classes, shape (rows,)."""

    @property
    def probabilities(self) -> NDArray[np.float64] | None:
        """Shape (rows, classes), or None where the estimator has none."""


class Answering(Protocol):
    """What the log needs to know of the champion that answered."""

    @property
    def features(self) -> Sequence[Feature]:
        """The signature."""

    @property
    def classes(self) -> Sequence[Any]:
        """What the codes stand for."""

    @property
    def model_version(self) -> int:
        """The champion's number."""

    @property
    def data_version(self) -> str:
        """What it was trained on."""


@dataclass(frozen=True)
class Entry:
    """One answered request.

    Attributes
    ----------
    moment : float
        When, in seconds since 1970.
    rows : sequence of sequence
        The values in the signature's order, as they came.
    answers : Answers
        What was answered.
    size : int
        About how many bytes this holds.
    """

    moment: float
    champion: Answering
    request_id: str
    rows: Sequence[Sequence[Any]]
    answers: Answers
    size: int


class Part:
    """Some rows of an answer."""

    def __init__(self, whole: Answers, rows: slice | NDArray[np.int64]) -> None:
        self.codes = np.asarray(whole.codes)[rows]
        self.probabilities = None if whole.probabilities is None else whole.probabilities[rows]


def table_of(entries: Sequence[Entry]) -> pa.Table:
    """Put answers of one champion into the log's columns.

    Parameters
    ----------
    entries : sequence of Entry
        Of one champion; at least one.

    Returns
    -------
    pyarrow.Table
        Of `champion.bundle.predictions.schema`; a row with a value that is not of its feature's kind is left out.
    """
    import pyarrow as pa

    champion = entries[0].champion
    struct, wrong = _features([row for entry in entries for row in entry.rows], champion.features)
    if wrong:
        return table_of(_without(entries, wrong))
    made = schema(champion.features, champion.classes, champion.model_version, champion.data_version)
    counts = np.array([len(entry.rows) for entry in entries])
    total = int(counts.sum())
    labels = [str(label) for label in champion.classes]
    codes = np.concatenate([np.asarray(entry.answers.codes) for entry in entries]).tolist()
    ids = [entry.request_id for entry in entries for _ in entry.rows]
    columns = [
        fixed(made.field("time").type, np.repeat([round(entry.moment * 1e6) for entry in entries], counts)),
        texts(ids),
        fixed(pa.int64(), np.full(total, champion.model_version)),
        texts([champion.data_version] * total),
        texts([labels[code] for code in codes]),
        _probabilities(entries, counts, len(champion.classes)),
        struct,
    ]
    return pa.Table.from_arrays(columns, schema=made)


def _without(entries: Sequence[Entry], wrong: set[int]) -> list[Entry]:
    """The entries without some rows, which are counted through all of them."""
    kept, start = [], 0
    for entry in entries:
        places = [place for place in range(len(entry.rows)) if start + place not in wrong]
        start += len(entry.rows)
        rows = [entry.rows[place] for place in places]
        kept.append(replace(entry, rows=rows, answers=Part(entry.answers, np.array(places, dtype=np.int64))))
    return kept


def _probabilities(entries: Sequence[Entry], counts: NDArray[np.int64], classes: int) -> pa.Array:
    found = [entry.answers.probabilities for entry in entries]
    flat = np.concatenate([each.ravel() for each in found if each is not None] or [np.empty(0)])
    known = np.repeat([each is not None for each in found], counts)
    return lists(fixed_floats(flat), np.concatenate([[0], np.cumsum(known * classes)]), known)


def _features(rows: Sequence[Sequence[Any]], features: Sequence[Feature]) -> tuple[pa.Array, set[int]]:
    """The struct of all features, and the rows in which a value is not of its kind."""
    wrong: set[int] = set()
    columns = []
    for feature, values in zip(features, zip(*rows, strict=True) if rows else [()] * len(features), strict=True):
        make, typed = COLUMNS[feature.kind]
        try:
            columns.append(make(values))
        except (TypeError, ValueError, OverflowError, AttributeError):
            columns.append(make(_each(values, typed, wrong)))
    return struct_of([(each.name, arrow_type(each)) for each in features], columns), wrong


def _each(values: Sequence[Any], typed: Callable[[Any], Any], wrong: set[int]) -> list[Any]:
    found: list[Any] = []
    for place, value in enumerate(values):
        try:
            found.append(None if value is None or value != value else typed(value))
        except (TypeError, ValueError, OverflowError):
            found.append(None)
            wrong.add(place)
    return found
