"""Small production packages, made up without training anything; and one that learned a table with a column of every kind."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from champion.bundle import folder
from champion.bundle.build import build
from champion.bundle.decision_record import Check, DecisionRecord
from champion.bundle.folder import MODEL, Package, digest
from champion.bundle.manifest import ChampionState
from champion.bundle.model import dumps
from champion.modeling.columns import infer
from champion.modeling.estimators import build_pipeline
from champion.modeling.features import Feature, model_frame, signature
from champion.modeling.profile import Profile
from champion.modeling.split import SplitRule
from champion.use_case.learning import Candidate

SIGNATURE = (
    Feature(name="Länge | cm", kind="numeric", dtype="float64", nullable=True, minimum=0.5, maximum=7.25),
    Feature(name="colour", kind="categorical", dtype="str", nullable=False, categories=tuple("abcdefghij")),
    Feature(name="when", kind="datetime", dtype="str", nullable=False, minimum=0.0, maximum=20484.5),
    Feature(name="paid", kind="boolean", dtype="bool", nullable=False),
)
KINDS = {"size": "numeric", "count": "numeric", "colour": "categorical", "paid": "boolean", "when": "datetime"}


def about(number: int = 1, **changes: Any) -> dict[str, Any]:
    """The fields of a manifest but `files`."""
    settled: dict[str, Any] = {
        "use_case": "iris", "model_version": number, "created": "2026-01-31T12:00:00+00:00", "commit": "0" * 40,
        "dirty": False, "data_path": "data/iris.csv", "data_version": "d" * 32, "rows": 100, "fingerprint": "f" * 16,
        "libraries": {"made-up": "1.9"}, "seed": 42, "candidate": "forest", "estimator": "sklearn.x.Forest",
        "params": {"n": 1}, "target": "species", "classes": ("no", "yes"), "signature": SIGNATURE,
        "split": SplitRule(by="hash", share=0.2, salt="s", columns=("colour",)), "metrics": {"accuracy": 0.9},
        "decision": DecisionRecord(
            reason_code="better", reason="The challenger becomes the champion.", metric="accuracy", challenger_score=0.9,
            champion_score=0.8, champion=number - 1,
            checks=[Check(name="min_gain", found=0.1, required="more than 0", passed=True, gates=True)],
        ),
        "title": ChampionState(
            revision=number, highest_version=number, since="2026-01-31T12:00:00+00:00", event="promotion", reason="better"
        ),
    }  # fmt: skip
    return {**settled, **changes}


def profile() -> Profile:
    return Profile(rows=80, holdout_rows=20, target="species", classes=["no", "yes"], class_counts=[50, 30], columns=[])


def package(number: int = 1, size: int = 1000, **changes: Any) -> Package:
    """A package whose model file is no model, but tells the number."""
    return build(bytes([number % 256]) * size, profile(), **about(number, **changes))


def neighbours(rows: int) -> Package:
    """A package whose model is nothing but its train set: eight columns of thousands of rows, 64 bytes each, that repeat."""
    features = tuple(Feature(name=name, kind="numeric", dtype="float64", nullable=False) for name in "abcdefgh")
    pipeline = build_pipeline(Candidate(estimator="sklearn.neighbors.KNeighborsClassifier"), features, seed=0)
    pipeline[-1].set_params(algorithm="brute")
    values = np.random.default_rng(0).normal(size=(1000, len(features)))
    table = pd.DataFrame(np.tile(values, (rows // 1000, 1)), columns=[feature.name for feature in features])
    model = dumps(pipeline.fit(table, np.arange(len(table)) % 2))
    return build(model, profile(), **about(signature=features, classes=(0, 1)))


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


def old_package(name: str, root: Path, use_case: str = "iris", model: bytes | None = None) -> Package:
    """A package of tests/support/upgrade, or the same about another model file, put into its place in a checkout."""
    made = folder.read(Path(__file__).with_name("upgrade") / name, name)
    assert made is not None
    files = made.files if model is None else {**made.files, MODEL: model}
    hashes = {name: digest(content) for name, content in files.items()}
    made = Package(made.manifest.model_copy(update={"use_case": use_case, "files": hashes}), files)
    folder.write(made, root / "models" / use_case)
    return made
