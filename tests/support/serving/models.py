"""Real production packages, trained in a moment: of the sample, and of a table with every kind of feature."""

from __future__ import annotations

import functools
import io
from typing import Any

import numpy as np
import pandas as pd

from champion.bundle.build import build
from champion.bundle.folder import Package
from champion.bundle.model import dumps
from champion.modeling.equivalence_check import check_equivalence
from champion.modeling.estimators import build_pipeline
from champion.modeling.preparation import prepare_table
from champion.modeling.split import rule_for
from champion.modeling.tasks.classification.learning import encode
from champion.modeling.tasks.classification.target import canonical_labels
from champion.use_case.learning import Candidate, Data, Split
from tests.conftest import iris_csv
from tests.support.packages import about

FOREST = ("sklearn.ensemble.RandomForestClassifier", {"n_estimators": 10, "random_state": 0})
REGRESSION = ("sklearn.linear_model.LogisticRegression", {"max_iter": 1000})
BOOSTING = ("sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 5, "random_state": 0})
WITHOUT_PROBABILITIES = ("sklearn.svm.LinearSVC", {"random_state": 0})
IRIS = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


def iris() -> pd.DataFrame:
    """The sample."""
    return pd.read_csv(io.BytesIO(iris_csv()))


def mixed() -> pd.DataFrame:
    """Every kind of feature, with names and values that are hard on JSON; the classes are numbers."""
    random = np.random.default_rng(0)
    rows = 300
    size = random.normal(10, 3, rows)
    table = pd.DataFrame(
        {
            "größe | cm": size.round(2),
            'the "weight" %s': np.where(random.random(rows) < 0.2, np.nan, random.normal(0, 1, rows).round(6)),
            "count": random.integers(0, 9, rows),
            "colour": random.choice(["red", "green", "blue: dark", "100%"], rows),
            "tint": np.where(random.random(rows) < 0.2, None, random.choice(["a", "b"], rows)),
            "grade": pd.Categorical(random.choice([1, 2, 3], rows)),
            "paid": random.choice([True, False], rows),
            "asked": pd.Series(random.choice([True, False, None], rows), dtype="object"),
            "since": pd.Timestamp("2026-01-01") + pd.to_timedelta(random.integers(0, 10_000, rows), unit="h"),
            "until": pd.Series(pd.Timestamp("2026-01-01") + pd.to_timedelta(random.integers(0, 99, rows), unit="D")),
        }
    )
    table.loc[table.index % 7 == 0, "until"] = pd.NaT
    return table.assign(target=np.where(size + random.normal(0, 1, rows) > 10, 1, 0))


TABLES = {"iris": (iris, "species"), "mixed": (mixed, "target")}


@functools.cache
def made(table: str = "iris", model: str = "FOREST", number: int = 1, seed: int = 0) -> Package:
    """A package whose model was fitted on one of the tables."""
    make, target = TABLES[table]
    frame, (estimator, params) = make(), globals()[model]
    params = {**params, **({"random_state": seed} if "random_state" in params else {})}
    data = Data(path="data/table.csv", target=target)
    train, holdout, profile, plan = prepare_table(frame, data, rule_for(frame, data, Split()))
    pipeline = build_pipeline(Candidate(estimator=estimator, params=params), plan.features, seed=0)
    from champion.modeling.features import model_frame

    pipeline.fit(model_frame(train, plan.features), encode(canonical_labels(train[target]), plan.classes))
    bytes_ = dumps(pipeline)
    equivalence = check_equivalence(pipeline, plan.features, plan.classes, holdout, seed=0)
    facts: dict[str, Any] = about(
        number, use_case=table, signature=plan.features, classes=plan.classes, target=target, estimator=estimator,
        data_version=f"{number:032x}",
    )  # fmt: skip
    return build(bytes_, profile, equivalence, **facts)
