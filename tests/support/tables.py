"""A table with a column of every kind, and a package that learned it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from champion.bundle.build import build
from champion.bundle.folder import Package
from champion.bundle.model import dumps
from champion.modeling.columns import infer
from champion.modeling.estimators import build_pipeline
from champion.modeling.features import model_frame, signature
from champion.use_case.learning import Candidate
from tests.support.packages import about, profile

KINDS = {"size": "numeric", "count": "numeric", "colour": "categorical", "paid": "boolean", "when": "datetime"}


def training(rows: int = 300) -> pd.DataFrame:
    """A column of every kind; a value may be missing in any of them but `count`."""
    draw = np.random.default_rng(4)

    def gaps(values: Any) -> pd.Series:
        return pd.Series(values).where(draw.random(rows) > 0.1)

    return pd.DataFrame(
        {
            "size": gaps(draw.normal(size=rows).round(3)),
            "count": draw.integers(0, 50, rows),
            "colour": gaps(draw.choice(["red", "green", "blue"], rows)),
            "paid": gaps(draw.choice([True, False], rows)).astype(object),
            "when": gaps(pd.Timestamp("2024-01-30T22:00") + pd.to_timedelta(draw.integers(0, 9000, rows), "h")),
        }
    )


def packed(
    table: pd.DataFrame, estimator: str = "sklearn.tree.DecisionTreeClassifier", classes: Any = ("no", "yes")
) -> Package:
    """A package that learned a table; what it learned is of no matter."""
    features = signature(table, infer(table, exclude=[], kinds={}))
    pipeline = build_pipeline(Candidate(estimator=estimator), features, seed=0)
    target = np.arange(len(table)) * 7 % 11 % len(classes)
    pipeline.fit(model_frame(table, features), target)
    return build(dumps(pipeline), profile(), **about(number=3, signature=features, classes=classes))


def write(table: pd.DataFrame | pa.Table, path: Path) -> Path:
    if isinstance(table, pa.Table):
        parquet.write_table(table, path)
    elif path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    else:
        table.to_csv(path, index=False)
    return path
