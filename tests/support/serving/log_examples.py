"""A champion that needs no model, for a log; as a program it logs, and tells how many rows are in files, until it is killed."""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from champion.bundle.manifest import Manifest
from champion.bundle.predictions import Answered
from champion.modeling.features import Feature
from champion.modeling.predictor import Predictions
from champion.serving.log import Limits, PredictionLog
from tests.support.packages import about

NUMBER = Feature(name="x", kind="numeric", dtype="float64", nullable=True)
MIXED = (
    NUMBER,
    Feature(name="colour | tint", kind="categorical", dtype="str", nullable=True, categories=("red",)),
    Feature(name="when", kind="datetime", dtype="str", nullable=True),
    Feature(name="paid", kind="boolean", dtype="bool", nullable=True),
)
SOON = Limits(flush_seconds=0.02)


def manifest(features: tuple[Feature, ...] = (NUMBER,), model_version: int = 1, **changes: Any) -> Manifest:
    """What a champion of these features says about itself."""
    return Manifest(**about(model_version, signature=features, **changes), files={})


def answered(champion: Manifest, name: str, rows: Sequence[Any], probabilities: bool = True) -> Answered:
    """A request that was answered now: the second class for every row."""
    shares = np.tile([0.25, 0.75], (len(rows), 1)) if probabilities else None
    return Answered(time.time(), champion, name, rows, Predictions(np.ones(len(rows), dtype=np.int64), shares))


def log_some(log: PredictionLog, champion: Manifest, requests: int, rows: int = 1, start: int = 0) -> None:
    """So many requests; each row's value is the request's number."""
    for number in range(start, start + requests):
        log.add(answered(champion, f"r{number}", [[float(number)]] * rows))


if __name__ == "__main__":
    LOG, CHAMPION = PredictionLog(Path(sys.argv[1]), SOON), manifest()
    for count in itertools.count():
        log_some(LOG, CHAMPION, 1, start=count)
        print(LOG.rows, flush=True)
        time.sleep(0.001)
