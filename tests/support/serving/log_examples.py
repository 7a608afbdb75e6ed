"""A champion that needs no model, for a log; as a program it logs until it is killed."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from champion.modeling.classifier import Predictions
from champion.modeling.features import Feature
from champion.serving.log import Limits, PredictionLog

NUMBER = Feature(name="x", kind="numeric", dtype="float64", nullable=True)
MIXED = (
    NUMBER,
    Feature(name="colour | tint", kind="categorical", dtype="str", nullable=True, categories=("red",)),
    Feature(name="when", kind="datetime", dtype="str", nullable=True),
    Feature(name="paid", kind="boolean", dtype="bool", nullable=True),
)
SOON = Limits(flush_seconds=0.02)


@dataclass
class Champion:
    """What the log needs to know of one."""

    features: tuple[Feature, ...] = (NUMBER,)
    classes: tuple[Any, ...] = ("no", "yes")
    model_version: int = 1
    data_version: str = "d" * 32
    made: list[str] = field(default_factory=list)

    def answers(self, rows: Sequence[Any], probabilities: bool = True) -> Predictions:
        """The second class for every row."""
        found = np.tile([0.25, 0.75], (len(rows), 1)) if probabilities else None
        return Predictions(np.ones(len(rows), dtype=np.int64), found)


def log_some(log: PredictionLog, champion: Champion, requests: int, rows: int = 1, start: int = 0) -> None:
    """So many requests; each row's value is the request's number."""
    for number in range(start, start + requests):
        asked = [[float(number)]] * rows
        log.add(champion, f"r{number}", asked, champion.answers(asked))


def main(folder: str) -> None:
    """Log and tell how many were in files, until killed."""
    log, champion = PredictionLog(Path(folder), SOON), Champion()
    for number in itertools.count():
        log_some(log, champion, 1, start=number)
        print(log.rows, flush=True)
        time.sleep(0.001)


if __name__ == "__main__":
    main(sys.argv[1])
