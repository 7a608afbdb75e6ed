"""The tables of the large claims, the same bytes every time; and the use cases that learn from them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from devtools.checkout import Checkout

FEATURES = 20
GROUP_ROWS = 500_000
STEEPNESS = 3.0


def write_million(path: Path, rows: int) -> None:
    """Write twenty numbers and a binary target.

    It is drawn from a probability with something to learn in it, which is steep, so that early stopping, which scikit-learn
    switches on for tables of this size, does not end before the five hundredth iteration: both sides do the same work.
    """
    random = np.random.default_rng(20_240)
    features = random.normal(size=(rows, FEATURES))
    score = (
        features @ np.linspace(1.0, 0.1, FEATURES)
        + 2.0 * features[:, 0] * features[:, 1]
        + 2.0 * np.sin(3.0 * features[:, 2])
        + 2.0 * (features[:, 3] > features[:, 4])
        - 1.0
    )
    columns = {f"f{number:02d}": features[:, number] for number in range(FEATURES)}
    target = (random.random(rows) < 1.0 / (1.0 + np.exp(-STEEPNESS * score))).astype(np.int64)
    parquet.write_table(pa.table({**columns, "target": target}), path)


def write_rows(path: Path, rows: int, target: bool = False) -> None:
    """Write rows of twenty random numbers, a group at a time, where asked with a target that depends on three of them."""
    random = np.random.default_rng(rows)
    schema = pa.schema([(f"x{number:02d}", pa.float64()) for number in range(FEATURES)])
    if target:
        schema = schema.append(pa.field("target", pa.int64()))
    with parquet.ParquetWriter(path, schema) as writer:
        for start in range(0, rows, GROUP_ROWS):
            numbers = random.normal(size=(min(GROUP_ROWS, rows - start), FEATURES))
            columns = [*numbers.T]
            if target:
                noise = random.normal(size=len(numbers))
                columns.append((numbers[:, 0] + numbers[:, 1] * numbers[:, 2] + noise > 0).astype(np.int64))
            writer.write_table(pa.table(columns, schema=schema))


def write_use_case(checkout: Checkout, name: str, table: str, target: str, estimator: str, **params: Any) -> str:
    """Write a use case with one candidate, as JSON, which is YAML too; what `--config` is then."""
    content = {
        "name": name,
        "data": {"path": f"data/{table}", "target": target},
        "split": {"share": 0.2},
        "candidates": {name: {"estimator": f"sklearn.{estimator}", "params": params}},
        "promotion": {"metric": "accuracy"},
    }
    config = f"configs/{name}.yaml"
    (checkout.root / config).write_text(json.dumps(content))
    return config
