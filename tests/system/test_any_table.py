"""Any table goes all the way, or is refused with a reason: init, a run, a better one, a cached one, and back."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from palmerpenguins import load_penguins
from sklearn.datasets import load_digits

from champion.bundle import folder
from champion.bundle.build import predictor
from champion.onboarding.initialise import initialise
from champion.registry.rollback import roll_back
from champion.tabular.tables import read_table
from tests.conftest import Session
from tests.support.packages import write

Made = tuple[pd.DataFrame, str, str, str]  # the table, its file, its target, and what a run must say of it
STUMP = {"stump": {"estimator": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": 1}}}
BAYES = {"bayes": {"estimator": "sklearn.naive_bayes.GaussianNB"}}


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def signal(labels: np.ndarray, noise: float = 0.3) -> np.ndarray:
    """Numbers from which the labels can be learned."""
    codes = pd.factorize(labels, sort=True)[0]
    return codes + random(1).normal(0, noise, len(codes))


def digits() -> Made:
    """Ten classes; some pixels are black in every row."""
    return load_digits(as_frame=True).frame.head(400), "digits.parquet", "target", "It has the same value in every row"


def penguins() -> Made:
    """Missing values and categories."""
    return load_penguins(), "penguins.csv.gz", "species", ""


def strange_names() -> Made:
    """Names that YAML, CSV, Markdown or HTML would misread; a target with accents, and labels with accents."""
    rows = 200
    labels = random().choice(["Zürich", "São Paulo", "東京"], rows)
    names = ["a b", "größe", 'say "hi"', "x, y", "[list]", "{map}", "🐧", "# no comment", "yes", "null", "1.0", "a: b"]
    names += ["- item", "<b>bold</b>", "pipe | pipe", "it's", "*star", "&anchor", "%percent", "@at", "back\\slash"]
    table = pd.DataFrame({name: random(number).normal(size=rows) for number, name in enumerate(names)})
    table["größe"] = signal(labels)
    table["~"] = random(9).choice(["no", "off", "NULL ", "1e3", "<script>", "a|b"], rows)
    table["Où ?"] = labels
    return table, "Été à Genève.csv", "Où ?", ""


def strange_values() -> Made:
    """Nullable dtypes, gaps in every column, moments, an identifier, free text, a constant, nothing, and repeated rows."""
    rows = 240
    labels = random().random(rows) < 0.5
    words = ["the", "quick", "brown", "fox", "jumps", "over", "lazy", "dog", "again", "and"]
    table = pd.DataFrame(
        {
            "count": pd.array(random(1).integers(0, 9, rows) + 5 * labels, dtype="Int64"),
            "flag": pd.array(random(2).random(rows) < 0.5, dtype="boolean"),
            "word": pd.array(random(3).choice(words, rows), dtype="string"),
            "level": pd.Categorical(random(4).choice(["low", "high"], rows)),
            "when": pd.Timestamp("2026-01-01", tz="Europe/Zurich")
            + pd.to_timedelta(random(5).integers(0, 9000, rows), "h"),
            "waited": pd.to_timedelta(random(6).integers(0, 900, rows), "m"),
            "ratio": signal(labels).astype("float32"),
        }
    )
    for number, name in enumerate(table.columns):
        table[name] = table[name].mask(random(50 + number).random(rows) < 0.1)
    table["user_id"] = [f"u{row:06d}" for row in range(rows)]
    table["note"] = [" ".join(random(row).choice(words, 9)) for row in range(rows)]
    table["source"] = "web"
    table["nothing"] = pd.array([None] * rows, dtype="Float64")
    table["bought"] = pd.array(labels, dtype="boolean")
    return pd.concat([table, table.head(40)]), "values.parquet", "bought", "It has no value in any row"


def unbalanced() -> Made:
    """Ninety-nine to one; most values of a category stand in a row or two, so the holdout has some that are new."""
    rows = 1200
    labels = np.where(np.arange(rows) % 100 == 0, "fraud", "fine")
    table = pd.DataFrame(
        {"shop": random().integers(0, 700, rows).astype(str), "amount": signal(labels, 0.1), "is": labels}
    )
    table["shop"] = "shop " + table["shop"]
    return table, "unbalanced.csv", "is", "balanced_accuracy"


def fifty_classes() -> Made:
    """Fifty integer classes of six rows and fewer, some of which the holdout lacks."""
    labels = np.repeat(np.arange(1950, 2000), 6)[:-3]
    table = pd.DataFrame({"near": signal(labels, 0.1), "noise": random().normal(size=len(labels)), "year": labels})
    return table, "fifty.csv", "year", "The judged rows lack"


def thirty_rows() -> Made:
    """Few rows, some of them twice; codes with leading zeros in a feature and in the target."""
    labels = np.array(["007", "08"] * 15)
    table = pd.DataFrame({"size": signal(labels, 0.1).round(2), "zip": ["00501", "10001", "0.5"] * 10, "ok": labels})
    return table, "thirty.csv", "ok", "rows judge"


TABLES = [
    digits, penguins, strange_names, strange_values, unbalanced, fifty_classes, thirty_rows,
]  # fmt: skip


def worse_and_better(use_case: dict[str, Any], make: Callable[[], Made]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Candidates of a first run, better than no knowledge, and of a second one; no first where one split is right everywhere."""
    written = {name: {name: {**each, "search": {}}} for name, each in use_case["candidates"].items()}
    boosting, linear = next(iter(written.values())), written["linear"]
    if make in (unbalanced, thirty_rows):
        return [], linear
    return ([boosting], BAYES) if make is fifty_classes else ([STUMP], boosting)


@pytest.mark.parametrize("make", TABLES, ids=lambda make: make.__name__)
def test_a_table_goes_from_init_to_a_champion_a_better_one_and_back(
    session: Session, tmp_path: Path, make: Callable[[], Made]
) -> None:
    frame, file, target, says = make()
    table = write(frame, tmp_path / file)
    made = initialise(session.root, table, target)
    use_case = yaml.safe_load((session.root / made.config).read_text(encoding="utf-8"))
    first, better = worse_and_better(use_case, make)
    for worse in first:
        assert session.train({**use_case, "candidates": worse})[0].outcome.champion == 1
    quickly = {**use_case, "candidates": better}
    done, _ = session.train(quickly)
    assert (done.outcome.action, done.outcome.champion) == ("promoted", len(first) + 1), done.decision.reason
    assert says in repr([made, done.evaluation, done.notes])
    signature = session.manifest()["signature"]
    kinds = {feature["name"]: "text" if feature.get("free_text") else feature["kind"] for feature in signature}
    assert kinds == {column.name: column.kind for column in made.columns if column.used}
    assert use_case["data"].get("drop", []) == [column.name for column in made.columns if not column.used]
    page = (session.root / "reports" / session.name / "report.html").read_text(encoding="utf-8")
    assert [markup for markup in ("<b>bold</b>", "<script>") if markup in page] == []

    package = folder.read(session.root / "models" / session.name, session.name)
    assert (package.manifest.use_case, package.manifest.target) == (session.name, target)
    assert set(map(str, package.manifest.classes)) <= set(frame[target].astype(str))
    card = package.files[folder.CARD].decode().replace("\\|", "|").replace("\\\\", "\\")
    assert [feature.name for feature in package.manifest.signature if feature.name not in card] == []
    rows = read_table(table, table.name).drop(columns=target)
    given = predictor(package, session.name).predict(rows.iloc[::-1])
    assert len(given.values) == len(rows)
    assert set(given.values.tolist()) <= set(range(len(package.manifest.classes)))

    assert session.train(quickly)[0].decision.reason_code == "same"
    if first:
        roll_back(session.client, session.workspace(use_case), None)
        assert (session.stages(), session.manifest()["model_version"]) == ({1: "production", 2: "archived"}, 1)
