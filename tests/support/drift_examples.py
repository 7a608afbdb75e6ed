"""Profiles of real rows, and new rows compared with them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from champion.bundle.build import build as build_package
from champion.bundle.folder import Package
from champion.bundle.model import dumps
from champion.drift.counts import FeatureCounts
from champion.drift.judge import JudgedFeatures, counts_of, judge
from champion.drift.report import DriftReport, FeatureDrift, SchemaDifference
from champion.modeling import features as ml_features
from champion.modeling.columns import infer
from champion.modeling.estimators import build_pipeline
from champion.modeling.features import Feature, model_frame, signature
from champion.modeling.profile import Profile, build
from champion.use_case.learning import Candidate
from champion.use_case.policy import Drift
from tests.support.packages import about

READ: dict[str, Any] = {
    "categorical": ml_features.as_categories, "boolean": ml_features.as_booleans, "datetime": ml_features.as_days,
}  # fmt: skip


def described(table: pd.DataFrame) -> tuple[Profile, tuple[Feature, ...]]:
    """The profile of a train set without a target of interest, and its signature."""
    labels = ["a", "b"]
    whole = table.assign(y=np.resize(np.array(labels, dtype=object), len(table)))
    columns = infer(whole, exclude=["y"], kinds={})
    assert all(column.used for column in columns), [column for column in columns if not column.used]
    return build(whole, 30, "y", columns, labels), signature(whole, columns)


def counted(profile: Profile, features: tuple[Feature, ...], table: pd.DataFrame) -> dict[str, FeatureCounts]:
    counts = counts_of(profile, features)
    for feature in features:
        read = READ.get(feature.kind, ml_features.as_numbers)
        counts[feature.name].add(read(table[feature.name]), np.zeros(len(table), dtype=np.bool_))
    return counts


def compared(
    train: pd.DataFrame, new: pd.DataFrame, predicted: Mapping[str, int] | None = None, **rules: Any
) -> dict[str, FeatureDrift]:
    """The features of new rows beside a train set, by name; predictions among them."""
    result = judged(train, new, predicted, **rules)
    predictions = [result.predictions] if result.predictions else []
    return {each.name: each for each in [*result.features, *predictions]}


def judged(
    train: pd.DataFrame, new: pd.DataFrame, predicted: Mapping[str, int] | None = None, **rules: Any
) -> JudgedFeatures:
    profile, features = described(train)
    return judge(profile, counted(profile, features, new), predicted or {}, 0.05, Drift(**rules))


def mixed(rows: int, seed: int, shift: float = 0.0, missing: float = 0.0) -> pd.DataFrame:
    """A column of each kind: the number may be shifted, and the category may lose values."""
    random = np.random.default_rng(seed)
    colours = random.choice(np.array(["red", "green", "blue"], dtype=object), rows, p=[0.5, 0.3, 0.2])
    colours[random.uniform(size=rows) < missing] = None
    days = pd.Timestamp("2026-01-01") + pd.to_timedelta(random.uniform(0, 90, rows), unit="D")
    return pd.DataFrame(
        {
            "size": random.normal(shift, 1, rows),
            "heavy": random.standard_cauchy(rows),
            "stars": random.integers(1, 6, rows),
            "colour": colours,
            "paid": random.uniform(size=rows) < 0.7,
            "when": days,
        }
    )


def report(verdict: str = "drift", **changes: Any) -> DriftReport:
    """A report of mixed columns; the names and values are as nasty as a table's can be."""
    train = mixed(500, 1, missing=0.02).rename(columns={"colour": "<b>col|our*"})
    new = mixed(400, 2, shift=1.0, missing=0.4).rename(columns={"colour": "<b>col|our*"})
    new.loc[:9, "<b>col|our*"] = "<script>"
    result = judged(train, new, {"a": 390, "b": 10})
    values: dict[str, Any] = {
        "use_case": "shop", "model_version": 3, "data_version": "d" * 32, "created": "2026-02-03T04:05:06+00:00",
        "source": "new.csv", "verdict": verdict, "reason": "The values of 'size' changed.", "reference_rows": 500,
        "current_rows": 400, "alpha": 0.05, "min_effect": 0.1, "min_rows": 50, "features": result.features,
        "predictions": result.predictions,
        "schema_differences": [SchemaDifference(column="<i>new", what="new", text="The champion does not know it.")],
        "notes": ["7 rows of the log were answered by model version 2 and are left out."],
    }  # fmt: skip
    return DriftReport.model_validate(values | changes)


def champion(train: pd.DataFrame, number: int = 1, **changes: Any) -> Package:
    """A package whose tree answers by all columns of a train set; its target is `y`, its classes are a and b."""
    profile, features = described(train)
    pipeline = build_pipeline(Candidate(estimator="sklearn.tree.DecisionTreeClassifier"), features, seed=0)
    pipeline.fit(model_frame(train, features), np.resize([0, 1], len(train)))
    settled = {"target": "y", "classes": ("a", "b"), "signature": features, **changes}
    return build_package(dumps(pipeline), profile, **about(number, **settled))
