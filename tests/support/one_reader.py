"""One table through every reader: learned in process, then predicted as training, batch and service read it."""

import json
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from champion.bundle.batch import BatchRequest, Tally, predict_table
from champion.bundle.build import array_predictor, build, predictor
from champion.bundle.folder import Package
from champion.bundle.model import dumps
from champion.bundle.parsing import parse
from champion.modeling.arrays import block_of, number_columns, text_columns
from champion.modeling.estimators import build_pipeline
from champion.modeling.features import Feature, as_numbers, model_frame
from champion.modeling.preparation import labelled, prepare_table
from champion.modeling.split import SplitRule
from champion.modeling.tasks.classification.learning import encode
from champion.modeling.tasks.classification.target import canonical_labels
from champion.orchestration.materializers.table import TableMaterializer
from champion.serving.loaded import Champion
from champion.tabular.as_written import as_written
from champion.tabular.tables import open_table, read_table
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


def learn(
    path: Path, use_case: UseCase, champion: Package | None = None, candidate: Candidate | None = None
) -> Learned:
    """Read, check, split and fit as a training run does, beside a champion where there is one."""
    signature = champion.manifest.signature if champion else ()
    table, check = checked_table(path, path.name, use_case, None, signature)
    table = _through_the_store(table)
    data, rule = use_case.data, SplitRule.model_validate(check["rule"])
    train, _, profile, plan, _ = prepare_table(table, data, rule)
    pipeline = build_pipeline(candidate or Candidate(estimator=TREE), plan.features, seed=0, labels=plan.classes)
    pipeline.fit(model_frame(train, plan.features), encode(canonical_labels(train[data.target]), plan.classes))
    facts = {"signature": plan.features, "classes": plan.classes, "target": data.target, "read": data.read}
    return Learned(build(dumps(pipeline), profile, **about(**facts)), check["warnings"], labelled(table, data)[0])


def _through_the_store(table: pd.DataFrame) -> pd.DataFrame:
    """A table as the step after the first one has it."""
    with tempfile.TemporaryDirectory() as folder:
        made = TableMaterializer(folder)
        made.save(table)
        back = made.load(pd.DataFrame)
    assert back.dtypes.to_dict() == table.dtypes.to_dict(), "a column comes back from the store as another one"
    return back


def batch(package: Package, path: Path) -> tuple[Tally, pd.DataFrame]:
    """The tally and the predictions of `run.py predict`."""
    with tempfile.TemporaryDirectory() as folder:
        out, rejects = Path(folder) / "out.parquet", Path(folder) / "rejects.csv"
        model, asked = array_predictor(package, "models/one"), BatchRequest(suffix=".parquet")
        tally = predict_table(path, model, package.manifest, asked, out, rejects, lambda *_: None)
        return tally, parquet.read_table(out).to_pandas()


def assert_read_alike(learned: Learned, path: Path, apart: Collection[str] = ("n", "at")) -> None:
    """Of the file that was learned no row is rejected, and every reader has the same cells and gives the same answers.

    All columns but those `apart`, which tell the rows apart, repeat their values: none of theirs is unseen, or outside the range.
    """
    package, features = learned.package, learned.package.manifest.signature
    read = package.manifest.read
    assert read is not None
    table = as_written(read_table(path, path.name, missing=read.words, how=read), path, read)
    trained_on = block_of(model_frame(table, features), features)
    opened = open_table(path, read)
    chunks = list(opened.chunks([feature.name for feature in features]))
    (chunk,) = pa.Table.from_batches(chunks).combine_chunks().to_batches()
    parsed = parse(chunk, features, package.manifest.missing_words(opened.textual))
    champion = Champion(package, "test")
    body = [{f.name: _json(table[f.name].iloc[row], f) for f in features} for row in range(len(table))]
    served = champion.reader.block(champion.reader.read(json.dumps(body).encode(), len(body)))
    for block in (parsed.block, served):
        assert_same(block.numbers, trained_on.numbers, number_columns(features))
        assert_same(block.texts, trained_on.texts, text_columns(features))

    whole = predictor(package, "models/one").predict(table)
    assert whole.probabilities is not None
    tally, found = batch(package, path)
    assert (tally.rejected, tally.reasons, tally.unseen, set(tally.outside) - {*apart}) == (0, {}, {}, set())
    assert list(map(str, found["label"])) == [str(package.manifest.classes[code]) for code in whole.values]
    columns = [name for name in found if name.startswith("probability_")]
    np.testing.assert_array_equal(found[columns].to_numpy(), whole.probabilities)
    answers = json.loads(champion.encode("x", champion.predict(served), champion.warnings(served)))["predictions"]
    assert [str(answer["label"]) for answer in answers] == list(map(str, found["label"]))
    assert {text.partition(" ")[0] for answer in answers for text in answer["warnings"]} <= {*apart}


def assert_same(found: NDArray[Any], expected: NDArray[Any], names: Sequence[str]) -> None:
    """Equal to the bit, column by column; a missing value is equal to another."""
    assert found.shape == expected.shape
    for name, one, other in zip(names, found.T, expected.T, strict=True):
        different = [(a, b) for a, b in zip(one, other, strict=True) if not (a == b or (a != a and b != b))]
        assert not different, f"{name}: {different[:3]}"


def _json(value: Any, feature: Feature) -> Any:
    kind = feature.kind
    if pd.isna(value):
        return None
    if feature.rule is not None and feature.rule.kind:
        return value if isinstance(value, str) else float(value)
    if kind == "boolean":
        return str(value).strip().casefold() in ("true", "yes", "y", "t", "1", "1.0", "on")
    if kind == "numeric":
        return value.total_seconds() if isinstance(value, pd.Timedelta) else as_numbers(pd.Series([value])).item()
    return value.isoformat() if kind == "datetime" and isinstance(value, pd.Timestamp) else str(value)
