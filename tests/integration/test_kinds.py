"""One table as each kind of file, learned by each kind of model, through every command and over a socket."""

import gzip
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import pandas as pd
import pytest
import yaml

from champion.modeling.own.code import OwnCode
from champion.onboarding.initialise import initialise
from champion.registry.rollback import roll_back
from champion.serving.options import Options
from champion.serving.state import State
from devtools.demo.traffic import wait_until
from tests.conftest import Session
from tests.support import own_examples, sheets
from tests.support.monitor_examples import monitored
from tests.support.serving.service import listening

STUMP = {"estimator": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": 1}}
LIGHTGBM = {
    "estimator": "lightgbm.LGBMClassifier",
    "params": {"n_estimators": 10, "min_child_samples": 5, "monotone_constraints": {"size": 1}},
    "threshold": "tuned",
}
NESTED = {
    "estimator": "sklearn.ensemble.StackingClassifier",
    "params": {
        "estimators": {
            "xgboost": {"estimator": "xgboost.XGBClassifier", "params": {"n_estimators": 5}},
            "near": {"estimator": "sklearn.neighbors.KNeighborsClassifier"},
            "scaled": {
                "estimator": "sklearn.pipeline.Pipeline",
                "params": {
                    "steps": {
                        "scale": {"estimator": "sklearn.preprocessing.StandardScaler"},
                        "model": {"estimator": "sklearn.linear_model.LogisticRegression"},
                    }
                },
            },
        },
        "cv": 2,
    },
}
OWN = {"estimator": "features.ratios.Nearest"}


def looking_at(columns: str) -> dict[str, str]:
    """Own code whose classifier looks at some of the columns that it gets."""
    text = own_examples.RATIOS.replace("np.asarray(rows)", f"np.asarray(rows)[:, {columns}]")
    return {**own_examples.FILES, "features/ratios.py": text}


PRICE, WORDS = looking_at("1:2"), looking_at("-50:")


def complaints(rows: int, seed: int) -> pd.DataFrame:
    """Columns of each kind: texts, 60 categories, numbers with gaps, a moment, a code. Late and large ones are open."""
    random = np.random.default_rng(seed)
    late = random.random(rows) < 0.5
    words = [" ".join(random.choice(["box", "van", "door", "red", "tape", "desk", "lamp"], 6)) for _ in range(rows)]
    notes = [
        f"{text} {'late' if each else 'soon'} no {number}"
        for number, (text, each) in enumerate(zip(words, late, strict=True))
    ]
    size, price = random.normal(size=rows).round(2), random.uniform(1000, 9000, rows).round(2)
    table = {
        "note": notes,
        "city": [f"Köln {number:02d}" for number in random.permutation(np.arange(rows) % 60)],
        "size": np.where(np.arange(rows) % 10 == 3, np.nan, size),
        "price": price + 4000 * late,
        "seen": pd.Timestamp("2024-01-01") + pd.to_timedelta(random.integers(0, 360, rows), unit="D"),
        "zip": [f"0{number}" for number in random.integers(1000, 1020, rows)],
        "open": np.where(late | (size > 1.3), "yes", "no"),
    }
    return pd.DataFrame(table)


def ask(url: str, body: bytes | None = None) -> Any:
    with urlopen(Request(url, body, {"Content-Type": "application/json"}), timeout=60) as answer:
        return json.loads(answer.read())


def german(number: float, unit: str = "") -> str:
    return f"{number:,.2f}{unit}".translate(str.maketrans(",.", ".,"))


def as_text(table: pd.DataFrame, path: Path) -> None:
    """Windows' letters, semicolons, a title above and a total below, prices with a unit, dates with the day first."""
    rows = [
        [
            row.note,
            row.city,
            "-" if np.isnan(row.size_) else german(row.size_),
            german(row.price, " €"),
            f"{row.seen:%d.%m.%Y}",
            row.zip,
            row.open,
        ]
        for row in table.rename(columns={"size": "size_"}).itertuples()
    ]
    lines = ["Beschwerden 2024", ";".join(table.columns), *(";".join(row) for row in rows), f"Summe;{len(rows)};;;;;"]
    path.write_bytes("\r\n".join(lines).encode("windows-1252"))


def as_sheet(table: pd.DataFrame, path: Path) -> None:
    """The second sheet of a workbook."""
    days = (table["seen"] - pd.Timestamp("1899-12-30")).dt.days
    rows = [
        [
            sheets.text(row.note), sheets.text(row.city), None if np.isnan(row.size_) else sheets.number(row.size_),
            sheets.number(row.price), sheets.number(float(day), sheets.DATE), sheets.text(row.zip), sheets.text(row.open),
        ]
        for row, day in zip(table.rename(columns={"size": "size_"}).itertuples(), days, strict=True)
    ]  # fmt: skip
    sheets.write_xlsx(path, {"about": [[sheets.text("of 2024")]], "rows": [[*map(sheets.text, table.columns)], *rows]})


def as_json(table: pd.DataFrame, path: Path) -> None:
    path.write_bytes(gzip.compress(table.to_json(orient="records", lines=True, date_format="iso").encode()))


@dataclass(frozen=True)
class Kind:
    """A file, the one of next month, how they are written, and the candidates of the first champion and of the second."""

    file: str
    later: str
    first: dict[str, Any]
    second: dict[str, Any]


WRITERS: dict[str, Callable[[pd.DataFrame, Path], Any]] = {
    ".txt": as_text,
    ".xlsx": as_sheet,
    ".jsonl.gz": as_json,
    ".parquet": pd.DataFrame.to_parquet,
    ".feather": pd.DataFrame.to_feather,
}
KINDS = [
    Kind("complaints.jsonl.gz", "later.feather", STUMP, LIGHTGBM),
    Kind("complaints.txt", "later.txt", STUMP, NESTED),
    Kind("complaints.xlsx", "later.parquet", OWN, OWN),
]


def written(table: pd.DataFrame, path: Path) -> Path:
    WRITERS["".join(path.suffixes)](table, path)
    return path


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.file}, {kind.second['estimator']}")
def test_a_table_and_a_model_of_each_kind_are_trained_asked_over_a_socket_watched_and_rolled_back(
    session: Session, tmp_path: Path, kind: Kind
) -> None:
    from pipelines.batch_files import checked_files
    from pipelines.batch_inference import predict

    rows = complaints(300, 0)
    table, later = written(rows, tmp_path / kind.file), written(complaints(300, 1), tmp_path / kind.later)
    made = initialise(session.root, table, "open")
    use_case = yaml.safe_load((session.root / made.config).read_text(encoding="utf-8"))
    use_case["promotion"] = {"metric": "balanced_accuracy"}
    own_examples.write(session.root, PRICE)
    if kind.first is OWN:
        use_case["code"] = list(own_examples.FILES)
    done, _ = session.train({**use_case, "candidates": {"first": kind.first}})
    assert done.outcome.champion == 1, done.decision.reason
    first = session.manifest()
    own_examples.write(session.root, WORDS)
    use_case["candidates"] = {"second": kind.second}
    done, _ = session.train(use_case)
    assert done.outcome.champion == 2, done.decision.reason
    assert ("threshold" in session.manifest()) == ("threshold" in kind.second)

    files = checked_files(table, tmp_path / "out.csv", None, keep=(), keep_all=False, quote_formulas=False)
    answered = predict(session.client, session.workspace(use_case), files, True, lambda *_: None).tally
    assert (answered.predicted, answered.rejected) == (300, 0)
    labels = pd.read_csv(tmp_path / "out.csv")["label"].tolist()

    folder = session.root / "models" / session.name
    with listening(State(Options(folder, "the package", trust_code="any", reload_seconds=0.05))) as address:
        body = rows.drop(columns="open").to_json(orient="records", date_format="iso").encode()
        served = ask(f"{address}/predict", body)
        assert (served["model_version"], [each["label"] for each in served["predictions"]]) == (2, labels)

        assert monitored(session, later, **use_case).verdict == "none"
        roll_back(session.client, session.workspace(use_case), None)
        assert session.manifest()["files"] == first["files"]
        wait_until(lambda: ask(f"{address}/model")["model_version"] == 1, 60, "the former champion is not served")
        again = ask(f"{address}/predict", body)
        assert (again["model_version"], len(again["predictions"])) == (1, 300)
        assert [each["label"] for each in again["predictions"]] != labels
        former = OwnCode({path: text.encode() for path, text in PRICE.items()}).hash if kind.first is OWN else None
        assert ask(f"{address}/model").get("code", {}).get("hash") == former
