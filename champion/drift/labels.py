"""True labels that come later, joined to what was asked by the request id; and how good the champion is by them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from champion.drift.report import LiveScore
from champion.errors import DataError, NotEnoughDataError, counted, listed
from champion.modeling.tasks import part_of
from champion.tabular.tables import open_table
from champion.tabular.values import readable

if TYPE_CHECKING:
    from champion.bundle.manifest import Manifest


class Live(Protocol):
    """What a task counts of new rows whose truth is known, chunk by chunk.

    `names` are the classes as texts, none where the task knows none; `labelled` counts the answered rows with a label. `error` is
    how often the champion errs, None where nobody knows.
    """

    WORSE: str  # what is said where the champion has become worse
    names: list[str]
    labelled: int
    error: float | None

    def truth(self, column: pa.Array) -> NDArray[np.object_]:
        """Labels as `count` takes them, None where there is none."""

    def count(self, predicted: NDArray[np.object_], truth: NDArray[np.object_]) -> None:
        """Count rows: texts as the champion's form of answers has them, None where it did not answer; and their labels."""

    def score(self, min_rows: int) -> LiveScore | None:
        """How good the champion is beside how good it was when it was promoted; None where nothing tells."""

    def notes(self) -> list[str]:
        """What to know of the score, or why there is none."""


def live_of(manifest: Manifest, holdout_rows: int) -> Live:
    """What counts for the champion of a package, which so many rows of the holdout judged."""
    live: Live = part_of(__name__, manifest.task).live(manifest, holdout_rows)
    return live


class Labels:
    """Labels by request id, for the rows that each model version answered.

    The second label of an id is that of the second row of the request. Where an id has more labels than a version answered rows
    of it, the last ones count, in their order: so all ids are to be told by `expect` before the first label is asked for.
    """

    def __init__(self, ids: pa.Array, labels: NDArray[np.object_], notes: Sequence[str] = ()) -> None:
        self.rows = len(labels)  # how many labels there are
        self._ids = pc.unique(ids).drop_null()
        codes = self._codes(ids)
        order = np.argsort(codes, kind="stable")
        self._labels = np.append(labels[order][(codes == -1).sum() :], [None])
        self._sizes = np.bincount(codes[codes >= 0], minlength=len(self._ids))
        self._starts = np.cumsum(self._sizes) - self._sizes
        self._expected: dict[int, NDArray[np.int64]] = {}  # by version and id: rows
        self._given: dict[int, NDArray[np.int64]] = {}  # of them, those that have got their label
        self._notes = list(notes)

    @classmethod
    def read(cls, path: Path, target: str, live: Live, names: Collection[str]) -> Labels:
        """Read a table that has the column ``request_id``, and the target or ``label``.

        `names` are the classes of all versions, none where the task knows none. Raises DataError when a column is missing, or no
        label is one of `names`, and NotEnoughDataError when there is no label.
        """
        table = open_table(path, None, ["request_id"])
        notes = table.require(["request_id", target, *(["label"] if target not in table.schema.names else [])])
        usable = [each.name for each in table.schema if readable(each.type)]
        columns = [name for name in (target, "label") if name in usable]
        if "request_id" not in usable or not columns:
            raise DataError(
                f"The labels {path.name} have the columns {listed(table.schema.names)}; expected 'request_id' and "
                f"{target!r} (or 'label'). Rename them."
            )
        chunks = list(table.chunks(["request_id", columns[0]]))
        ids = pa.chunked_array([chunk.column(0).cast(pa.string()) for chunk in chunks]).combine_chunks()
        labels = np.concatenate([live.truth(chunk.column(1)) for chunk in chunks])
        foreign = sorted({label for label in labels.tolist() if label is not None}) if live.names else []
        if not len(labels) or (live.names and not foreign):
            raise NotEnoughDataError(
                f"The labels {path.name} hold no label. Wait for some, or name the table that has them."
            )
        if foreign and not set(foreign) & set(names):
            raise DataError(
                f"The labels {path.name} hold {listed(foreign)}, none of which the champion knows: {listed(names)}. "
                "Name the table of this use case's labels."
            )
        return cls(ids, labels, [note.replace("The table", "The table of labels", 1) for note in notes])

    def _codes(self, ids: pa.Array) -> NDArray[np.int64]:
        """The place of each id, -1 where it has no label."""
        codes: NDArray[np.int64] = pc.index_in(ids, value_set=self._ids).fill_null(-1).cast(pa.int64()).to_numpy()
        return codes

    def expect(self, version: int, ids: pa.Array) -> None:
        """Count rows that a version answered, chunk after chunk."""
        codes = self._codes(ids)
        rows = self._expected.setdefault(version, np.zeros_like(self._sizes))
        rows += np.bincount(codes[codes >= 0], minlength=len(rows))

    def of(self, version: int, ids: pa.Array) -> NDArray[np.object_]:
        """The labels of these rows, in the order in which they were told, chunk after chunk; None where there is none."""
        codes, found = self._codes(ids), np.full(len(ids), len(self._labels) - 1)
        known = np.flatnonzero(codes >= 0)
        known = known[np.argsort(codes[known], kind="stable")]
        each = codes[known]
        given = self._given.setdefault(version, np.zeros_like(self._sizes))
        before = np.searchsorted(each, each)  # of the same id in this chunk, the place of the first
        place = given[each] + np.arange(len(each)) - before
        place += np.maximum(self._sizes - self._expected[version], 0)[each]
        there = place < self._sizes[each]
        found[known[there]] = (self._starts[each] + place)[there]
        given += np.bincount(each, minlength=len(given))
        labels: NDArray[np.object_] = self._labels[found]
        return labels

    def notes(self, source: str) -> list[str]:
        """What of the labels counts for nothing, and why."""
        most = np.maximum.reduce([np.zeros_like(self._sizes), *self._expected.values()])
        alone, more = most == 0, np.where(most > 0, self._sizes - most, 0).clip(0)
        unmatched = self.rows - int(self._sizes[~alone].sum())
        notes = [*self._notes]
        if unmatched:
            ids = counted(int(alone.sum()), "request id", "request ids")
            notes.append(
                f"{unmatched:,} of {self.rows:,} labels count for nothing: {source} has no row of their {ids}."
                if alone.any()
                else f"{unmatched:,} of {self.rows:,} labels count for nothing: they have no request id."
            )
        if more.any():
            notes.append(
                f"{counted(int((more > 0).sum()), 'request id has', 'request ids have')} more labels than rows: of an id with n "
                f"rows the last n labels count, in their order, and {int(more.sum()):,} before them do not."
            )
        return notes
