"""Real production packages, trained in a moment: of the sample, and of a table with every kind of feature."""

import functools
import io
import json
from typing import Any

import numpy as np
import pandas as pd

from champion.bundle.build import build
from champion.bundle.folder import Package
from champion.bundle.model import dumps
from champion.modeling.equivalence import check_equivalence
from champion.modeling.estimators import build_pipeline
from champion.modeling.features import model_frame
from champion.modeling.preparation import prepare_table
from champion.modeling.split import rule_for
from champion.modeling.tasks.classification.learning import encode
from champion.modeling.tasks.classification.target import canonical_labels
from champion.serving.loaded import Champion
from champion.use_case.learning import Candidate, Data, Split
from tests.conftest import iris_csv
from tests.support.packages import about

FOREST = ("sklearn.ensemble.RandomForestClassifier", {"n_estimators": 10, "random_state": 0})
REGRESSION = ("sklearn.linear_model.LogisticRegression", {"max_iter": 1000})
BOOSTING = ("sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 5, "random_state": 0})
DEEP = ("sklearn.ensemble.RandomForestClassifier", {"n_estimators": 50, "random_state": 0})
PRIOR = ("sklearn.dummy.DummyClassifier", {"strategy": "prior"})
WITHOUT_PROBABILITIES = ("sklearn.svm.LinearSVC", {"random_state": 0})
HOSTILE = '<img src=x onerror="document.title=1">&amp;"\'</script><script>document.title=2</script>'
IRIS = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


def iris() -> pd.DataFrame:
    """The sample."""
    return pd.read_csv(io.BytesIO(iris_csv()))


def noise() -> pd.DataFrame:
    """The sample's columns without anything to learn, so that a forest grows as deep as it can."""
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(5, 1, (8000, 4)).round(3), columns=list(IRIS))
    return table.assign(species=random.choice(["setosa", "versicolor", "virginica"], len(table)))


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


def paged() -> pd.DataFrame:
    """What a form can ask for; of the classes one has six of ten rows, one three."""
    number = np.arange(100)
    return pd.DataFrame(
        {
            "petal length (cm)": 1 + 5.5 * number / 99,
            "colour": np.where(number % 9 == 0, None, np.where(number % 3, "red", "green")),
            "smoker": pd.Series(np.where(number % 9 == 1, None, number % 3 > 0), dtype="object"),
            "seen": pd.Timestamp("2022-01-08") + pd.to_timedelta(365.5 * number / 99, unit="D"),
            "wait": pd.Series(pd.to_timedelta(number + 0.5, unit="s")).where(number % 9 != 2),
            "width": np.where(number % 2, -0.7300904694999847, 1e30),
            "target": np.array([*["setosa"] * 6, *["versicolor"] * 3, "virginica"])[number % 10],
        }
    )


def grown() -> pd.DataFrame:
    """The same a while later: some features are gone, two are new, one of them with a long name."""
    table = paged()[["petal length (cm)", "colour", "target"]]
    return table.assign(**{"new one": np.arange(100) + 0.5, "a" * 80: np.arange(100) / 7})


def hostile() -> pd.DataFrame:
    """Names that look like markup, or mean something to JavaScript."""
    number = np.arange(100)
    return pd.DataFrame(
        {
            HOSTILE: number / 7, "b": np.where(number % 3, HOSTILE, "c"), "__proto__": number * 1.5,
            "constructor": number - 0.5, " \n": number % 2 == 0, "target": np.where(number % 3, HOSTILE, "toString"),
        }
    )  # fmt: skip


TABLES = {make.__name__: (make, "target") for make in (mixed, paged, grown, hostile)} | {
    "iris": (iris, "species"),
    "noise": (noise, "species"),
}


@functools.cache
def made(table: str = "iris", model: str = "FOREST", number: int = 1, seed: int = 0) -> Package:
    """A package whose model was fitted on one of the tables."""
    make, target = TABLES[table]
    frame, (estimator, params) = make(), globals()[model]
    params = {**params, **({"random_state": seed} if "random_state" in params else {})}
    data = Data(path="data/table.csv", target=target)
    train, holdout, profile, plan, _ = prepare_table(frame, data, rule_for(frame, data, Split()))
    pipeline = build_pipeline(Candidate(estimator=estimator, params=params), plan.features, seed=0)
    pipeline.fit(model_frame(train, plan.features), encode(canonical_labels(train[target]), plan.classes))
    equivalence = check_equivalence(pipeline, plan, holdout, seed=0)
    learned = {"signature": plan.features, "classes": plan.classes, "target": target, "estimator": estimator}
    facts = about(number, use_case=table, data_version=f"{number:032x}", **learned)
    return build(dumps(pipeline), profile, equivalence, **facts)


def answers_of(package: Package, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a champion says of some rows, asked in this process."""
    champion = Champion(package, "test")
    block = champion.reader.block(champion.reader.read(json.dumps(rows).encode(), len(rows)))
    return json.loads(champion.encode("x", champion.predict(block), champion.warnings(block)))["predictions"]
