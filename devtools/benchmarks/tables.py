"""The tables of the large claims, the same bytes every time; and the use cases that learn from them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import compute, csv, parquet

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


def write_mixed(path: Path, rows: int) -> None:
    """Write twenty columns as people have them, with gaps, as CSV, and a target of two classes that depends on some of them."""
    random = np.random.default_rng(rows)
    numbers = random.normal(size=(rows, 14))
    levels = [random.integers(count, size=rows) for count in (3, 8, 20, 40)]
    columns: dict[str, Any] = {f"n{place:02d}": numbers[:, place].round(4) for place in range(14)}
    columns |= {f"c{place}": [f"kind {level}" for level in each.tolist()] for place, each in enumerate(levels)}
    columns["paid"] = np.where(random.random(rows) < 0.4, "yes", "no")
    columns["seen"] = np.datetime64("2024-01-01") + random.integers(700, size=rows).astype("timedelta64[D]")
    score = numbers[:, 0] + numbers[:, 1] * numbers[:, 2] + (levels[1] % 3) - (columns["paid"] == "yes")
    target = np.where(score + random.normal(size=rows) > 0.5, "good", "bad")
    table = pa.table({**columns, "target": target})
    gaps = pa.array(random.random(rows) < 0.05)
    for name in ("n03", "c1"):
        column = table[name]
        table = table.set_column(table.column_names.index(name), name, compute.if_else(gaps, None, column))
    csv.write_csv(table, path)


def write_many_categories(path: Path, rows: int, categories: int) -> None:
    """Write a column of so many categories, five of numbers, and a target that depends on both, as CSV."""
    random = np.random.default_rng(rows)
    numbers, codes = random.normal(size=(rows, 5)), random.integers(categories, size=rows)
    effect = random.normal(size=categories)[codes]
    columns: dict[str, Any] = {f"n{place}": numbers[:, place].round(4) for place in range(5)}
    columns["shop"] = [f"shop {code:04d} {'north' if code % 2 else 'south'}" for code in codes.tolist()]
    target = np.where(numbers[:, 0] + effect + random.normal(size=rows) > 0, "good", "bad")
    csv.write_csv(pa.table({**columns, "target": target}), path)


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
