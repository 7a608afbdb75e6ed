"""One table through every reader: learned in process, then predicted as training, batch and service read it."""

import json
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pyarrow import parquet

from champion.bundle.batch import BatchRequest, Tally, predict_table
from champion.bundle.build import array_predictor, build, predictor
from champion.bundle.folder import Package
from champion.bundle.model import dumps
from champion.modeling.estimators import build_pipeline
from champion.modeling.features import model_frame
from champion.modeling.preparation import labelled, prepare_table
from champion.modeling.split import SplitRule
from champion.modeling.tasks.classification.learning import encode
from champion.modeling.tasks.classification.target import canonical_labels
from champion.serving.loaded import Champion
from champion.tabular.tables import read_table
from champion.use_case.learning import Candidate
from champion.use_case.whole import UseCase, parse_use_case
from pipelines.table_check import checked_table
from tests.support.packages import about

TREE = "sklearn.tree.DecisionTreeClassifier"


class Learned(NamedTuple):
    """A package made of a file, what was said of the table, and the table as it was read."""

    package: Package
    said: list[str]
    table: pd.DataFrame


def case_of(path: Path, target: str = "y", **data: Any) -> UseCase:
    raw = {"name": "one", "data": {"path": path.name, "target": target, **data}, "split": {"share": 0.3}}
    return parse_use_case({**raw, "candidates": {"tree": {"estimator": TREE}}}, "configs/one.yaml")


def learn(path: Path, use_case: UseCase) -> Learned:
    """Read, check, split and fit as a training run does."""
    table, check = checked_table(path, path.name, use_case, None)
    data, rule = use_case.data, SplitRule.model_validate(check["rule"])
    train, _, profile, plan = prepare_table(table, data, rule)
    pipeline = build_pipeline(Candidate(estimator=TREE), plan.features, seed=0)
    pipeline.fit(model_frame(train, plan.features), encode(canonical_labels(train[data.target]), plan.classes))
    facts = {"signature": plan.features, "classes": plan.classes, "target": data.target, "read": data.read}
    return Learned(build(dumps(pipeline), profile, **about(**facts)), check["warnings"], labelled(table, data)[0])


def batch(package: Package, path: Path) -> tuple[Tally, pd.DataFrame]:
    """The tally and the predictions of `run.py predict`."""
    with tempfile.TemporaryDirectory() as folder:
        out, rejects = Path(folder) / "out.parquet", Path(folder) / "rejects.csv"
        model, asked = array_predictor(package, "models/one"), BatchRequest(suffix=".parquet")
        tally = predict_table(path, model, package.manifest, asked, out, rejects, lambda *_: None)
        return tally, parquet.read_table(out).to_pandas()


def served(package: Package, table: pd.DataFrame) -> list[dict[str, Any]]:
    """What the service answers to the rows of a table, as a client would write them in JSON."""
    champion, features = Champion(package, "test"), package.manifest.signature
    rows = [{f.name: _json(table[f.name].iloc[row], f.kind) for f in features} for row in range(len(table))]
    block = champion.reader.block(champion.reader.read(json.dumps(rows).encode(), len(rows)))
    return json.loads(champion.encode("x", champion.predict(block), champion.warnings(block)))["predictions"]


def _json(value: Any, kind: str) -> Any:
    if pd.isna(value):
        return None
    if kind == "boolean":
        return str(value).strip().casefold() in ("true", "yes", "y", "t", "1", "1.0", "on")
    if kind == "numeric":
        return value.total_seconds() if isinstance(value, pd.Timedelta) else float(value)
    return value.isoformat() if isinstance(value, pd.Timestamp) else str(value)


def assert_read_alike(learned: Learned, path: Path) -> None:
    """Of the file that was learned no row is rejected, in no row "x" is unseen or outside, and a row has one answer."""
    package = learned.package
    read = package.manifest.read
    assert read is not None
    table = read_table(path, path.name, missing=read.words)
    whole = predictor(package, "models/one").predict(table)
    assert whole.probabilities is not None
    tally, found = batch(package, path)
    assert (tally.rejected, tally.reasons) == (0, {})
    assert found["label"].tolist() == [package.manifest.classes[code] for code in whole.values]
    columns = [name for name in found if name.startswith("probability_")]
    np.testing.assert_array_equal(found[columns].to_numpy(), whole.probabilities)
    answers = served(package, table)
    assert [answer["label"] for answer in answers] == found["label"].tolist()
    assert {"unseen": tally.unseen.get("x"), "outside": tally.outside.get("x")} == {"unseen": None, "outside": None}
    assert not [answer for answer in answers for warning in answer["warnings"] if warning.startswith("x ")]
