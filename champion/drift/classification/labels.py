"""How good a champion that knows classes is on new rows; see `champion.drift.labels.Live`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import ndtri

from champion.drift.counts import MOST_NAMES
from champion.drift.report import LiveScore
from champion.errors import listed
from champion.modeling.features import category_text

if TYPE_CHECKING:
    from champion.bundle.manifest import Manifest

_BOOLEANS = {"true": "True", "false": "False"}


def _text(value: Any, known: set[str], missing: tuple[str, ...]) -> str | None:
    text = category_text(value).strip()
    if text in known:
        return text
    if text in missing:
        return None
    for other in (_BOOLEANS.get(text.casefold()), text.removesuffix(".0")):
        if other in known:
            return other
    return text


class LiveAccuracy:
    """How often the champion was right; see `champion.drift.labels.Live`."""

    WORSE = "It is right less often than when it was promoted."

    def __init__(self, manifest: Manifest, holdout_rows: int) -> None:
        self._target, self._holdout = manifest.target, holdout_rows
        self._missing = manifest.missing_words(textual=True)
        self._promoted = manifest.metrics.get("accuracy")
        self.names = [str(label) for label in manifest.classes]
        self.labelled = self._unlabelled = self._right = 0
        self._foreign: Counter[str] = Counter()  # rows by a label that is no class; of too many, the rest together

    @property
    def error(self) -> float | None:
        """How often the champion errs, by Laplace's rule: no holdout is so long that nothing will ever go wrong."""
        if self._promoted is None:
            return None
        return (round((1 - self._promoted) * self._holdout) + 1) / (self._holdout + 2)

    def truth(self, column: pa.Array) -> NDArray[np.object_]:
        """Labels as the champion writes its answers: texts, shape (rows,), None where there is no label."""
        encoded, known = column.dictionary_encode(), set(self.names)
        each = np.array(
            [*(_text(value, known, self._missing) for value in encoded.dictionary.to_pylist()), None], dtype=object
        )
        labels: NDArray[np.object_] = each[encoded.indices.cast(pa.int64()).fill_null(-1).to_numpy()]
        return labels

    def count(self, predicted: NDArray[np.object_], truth: NDArray[np.object_]) -> None:
        """Count the rows that were answered."""
        known = set(self.names)
        for (answered, label), count in Counter(zip(predicted.tolist(), truth.tolist(), strict=True)).items():
            if answered is not None:
                self.labelled += count * (label is not None)
                self._unlabelled += count * (label is None)
                self._right += count * (label == answered)
                if label is not None and label not in known:
                    by_name = label in self._foreign or len(self._foreign) < MOST_NAMES
                    self._foreign[label if by_name else "others"] += count

    def score(self, min_rows: int) -> LiveScore | None:
        """The accuracy beside that of the promotion, where that is known."""
        if self.labelled <= self._foreign.total():
            return None
        rows = self.labelled, self._unlabelled
        return live_score(self._right, *rows, self._promoted, max(self._holdout, 1), min_rows)

    def notes(self) -> list[str]:
        """What to know of the score, or why there is none."""
        notes = []
        foreign = listed((label for label, _ in self._foreign.most_common()), most=5)
        if self.labelled and self._foreign.total() == self.labelled:
            notes.append(
                f"No value of {self._target!r} is a class that the champion knows, so that it is not scored: found {foreign}."
            )
        elif self._foreign:
            notes.append(
                f"{self._foreign.total():,} of {self.labelled:,} labels are no class that the champion knows, and count as "
                f"wrong: {foreign}. A new class takes rows of it in the table that it is trained on."
            )
        if self._unlabelled and self.labelled > self._foreign.total():
            notes.append(f"{self._unlabelled:,} rows have no label; the live score is of the other {self.labelled:,}.")
        return notes


live = LiveAccuracy


def live_score(
    right: int, rows: int, unmatched: int, promoted: float | None, promoted_rows: int, min_rows: int
) -> LiveScore:
    """Set the live accuracy on so many labelled rows against the one it was promoted with; rows of both at least 1."""
    low, high = wilson(right, rows)
    down, up = (None, None) if promoted is None else difference(right, rows, promoted, promoted_rows)
    enough = rows >= min_rows
    worse = enough and up is not None and up < 0
    score = right / rows
    words = "worse than it was promoted with" if worse else "no worse than chance explains"
    if not enough:
        words = "too few rows to say more"
    beside = "nothing says how good it was when it was promoted"
    if promoted is not None:
        beside = f"beside {promoted:.1%} of {promoted_rows:,} when it was promoted: {words}"
    return LiveScore(
        rows=rows, unmatched=unmatched, right=right, score=score, low=low, high=high, promoted=promoted,
        promoted_rows=promoted_rows, change_low=down, change_high=up, worse=worse, enough=enough,
        text=f"{score:.1%} of {rows:,} labelled rows are right (95 % interval {low:.1%} to {high:.1%}), {beside}.",
    )  # fmt: skip


def wilson(right: int, rows: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share (Wilson 1927).

    >>> [round(end, 3) for end in wilson(9, 10)]
    [0.596, 0.982]
    """
    z = float(ndtri((1 + level) / 2))
    share = right / rows
    centre = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    return max(0.0, centre - float(half)), min(1.0, centre + float(half))


def difference(right: int, rows: int, before: float, rows_before: int) -> tuple[float, float]:
    """The interval of a share less another one, from both Wilson intervals (Newcombe 1998, method 10)."""
    low, high = wilson(right, rows)
    low_before, high_before = wilson(round(before * rows_before), rows_before)
    share = right / rows
    down = float(np.hypot(share - low, high_before - before))
    up = float(np.hypot(high - share, before - low_before))
    return share - before - down, share - before + up
