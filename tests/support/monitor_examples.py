"""Champions that new data are compared with, tables and logs of new data, and the comparison itself."""

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from zenml.client import Client

from champion.bundle.predictions import schema
from champion.drift.report import DriftReport
from pipelines.drift_files import checked_input
from tests.conftest import Session, iris_csv, tree

_MADE: dict[str, Session] = {}


def with_champion(store: Client, folders: pytest.TempPathFactory, name: str) -> Session:
    """A use case of the session's store with a champion, which no test changes: of ``iris``, ``sales`` or ``shops``."""
    if name not in _MADE:
        made = Session(folders.mktemp(name), store)
        made.write(iris_csv())
        made.write((shops(150, 1) if name == "shops" else sales(600, 1)).to_csv(index=False), "data/sales.csv")
        made.train(tree(2) if name == "iris" else of_sales())
        _MADE[name] = made
    return _MADE[name]


def iris() -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(iris_csv()))


def new_rows(rows: int = 300, seed: int = 1) -> pd.DataFrame:
    """Rows of the sample, drawn again and measured again, so that they differ, without the target."""
    drawn = iris().drop(columns="species").sample(rows, replace=True, random_state=seed).reset_index(drop=True)
    return (drawn + np.random.default_rng(seed).uniform(-0.05, 0.05, drawn.shape)).round(4)


def sales(rows: int, seed: int, month: int = 1) -> pd.DataFrame:
    """Rows with a column of each kind, some values missing, and a target that depends on them."""
    random = np.random.default_rng(seed)
    amount, paid = random.normal(50, 10, rows).round(2), random.uniform(size=rows) < 0.6
    region = np.array(["north", "south", "east", "Köln | West"], dtype=object)[
        random.choice(4, rows, p=[0.5, 0.3, 0.1, 0.1])
    ]
    when = pd.Timestamp(f"2026-{month:02}-01") + pd.to_timedelta(random.integers(0, 28 * 24, rows), unit="h")
    table = pd.DataFrame({"amount": amount, "paid": paid, "place": region, "when": when})
    table.loc[random.uniform(size=rows) < 0.1, "amount"] = np.nan
    return table.assign(returned=(amount > 50) ^ (random.uniform(size=rows) < 0.1))


def shops(rows: int, seed: int) -> pd.DataFrame:
    """Rows of forty shops, the second half as frequent as the first, the third a third, and so on."""
    random = np.random.default_rng(seed)
    shares, amount = 1 / np.arange(1, 41), random.normal(50, 10, rows)
    shop = np.array([f"shop {number}" for number in range(40)])[random.choice(40, rows, p=shares / shares.sum())]
    return pd.DataFrame({"amount": amount, "shop": shop, "returned": amount > 50})


def of_sales(**more: Any) -> dict[str, Any]:
    return {**tree(2), "data": {"path": "data/sales.csv", "target": "returned"}, **more}


def monitored(
    shop: Session, source: pd.DataFrame | Path, labels: pd.DataFrame | None = None, **more: Any
) -> DriftReport:
    """What the gate says, through the pipeline."""
    from pipelines.drift_monitoring import monitor

    if isinstance(source, pd.DataFrame):
        path = shop.root / "new.csv"
        source.to_csv(path, index=False)
        source = path
    joined = None
    if labels is not None:
        joined = shop.root / "labels.csv"
        labels.to_csv(joined, index=False)
    given = checked_input(source, more.pop("since", None), joined)
    workspace = shop.workspace({**tree(2), **more})
    return monitor(shop.client, workspace, given, lambda *_: None).report


def write_log(shop: Session, folder: Path, rows: pd.DataFrame, version: int = 1, **more: Any) -> list[str]:
    """A log as the service writes it, in which every request has two rows; the request ids."""
    from champion.bundle.folder import read

    package = read(shop.root / "models" / shop.name, "the package")
    assert package is not None
    moment = more.get("time", datetime.now(UTC))
    label = more.get("label", "setosa")
    ids = [f"r{version}-{row // 2}" for row in range(len(rows))]
    made = schema(package.manifest.model_copy(update={"model_version": version}))
    table = [
        {"time": moment, "request_id": name, "model_version": version, "label": label, "features": row}
        for name, row in zip(ids, rows.to_dict("records"), strict=True)
    ]
    folder.mkdir(exist_ok=True)
    number = len(list(folder.iterdir())) + 1
    pq.write_table(
        pa.Table.from_pylist(table, schema=made),
        folder / f"predictions-v{version}-20260131T120000Z-0a1b2c3d-{number}.parquet",
    )
    return ids
