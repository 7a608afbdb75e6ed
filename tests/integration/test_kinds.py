"""A booster with texts and a tuned threshold from init through every command, one table and one store for all."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from champion.bundle.folder import read
from champion.onboarding.initialise import initialise
from champion.registry.rollback import roll_back
from champion.serving.loaded import Champion
from tests.conftest import Session
from tests.support.monitor_examples import monitored

BOOSTER = {
    "estimator": "lightgbm.LGBMClassifier",
    "params": {"n_estimators": 10, "min_child_samples": 5, "monotone_constraints": {"size": 1}},
    "threshold": "tuned",
}
STUMP = {"estimator": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": 1}}


def complaints(rows: int, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    late = random.random(rows) < 0.5
    words = [" ".join(random.choice(["box", "van", "door", "red", "tape", "desk", "lamp"], 6)) for _ in range(rows)]
    notes = [
        f"{text} {'late' if each else 'soon'} no {number}"
        for number, (text, each) in enumerate(zip(words, late, strict=True))
    ]
    size = random.normal(size=rows).round(3)
    return pd.DataFrame({"note": notes, "size": size, "open": np.where(late | (size > 1.3), "yes", "no")})


def test_a_booster_of_texts_with_a_threshold_is_trained_asked_watched_and_rolled_back(
    session: Session, tmp_path: Path
) -> None:
    from pipelines.batch_files import checked_files
    from pipelines.batch_inference import predict

    table = tmp_path / "complaints.csv"
    complaints(300, 0).to_csv(table, index=False)
    made = initialise(session.root, table, "open")
    use_case = yaml.safe_load((session.root / made.config).read_text(encoding="utf-8"))
    use_case["promotion"] = {"metric": "balanced_accuracy"}
    first, _ = session.train({**use_case, "candidates": {"stump": STUMP}})
    assert first.outcome.champion == 1, first.decision.reason
    boosted = {**use_case, "candidates": {"booster": BOOSTER}}
    done, _ = session.train(boosted)
    assert done.outcome.action == "promoted", done.decision.reason
    package = read(session.root / "models" / session.name, "the package")
    assert package is not None
    assert package.manifest.threshold is not None

    files = checked_files(table, tmp_path / "out.csv", None, keep=(), keep_all=False, quote_formulas=False)
    assert predict(session.client, session.workspace(boosted), files, True, lambda *_: None).tally.predicted == 300
    answers = pd.read_csv(tmp_path / "out.csv")
    champion = Champion(package, "test")
    body = complaints(300, 0)[["note", "size"]].to_dict("records")
    block = champion.reader.block(champion.reader.read(json.dumps(body).encode(), len(body)))
    served = json.loads(champion.encode("x", champion.predict(block), None))["predictions"]
    assert [each["label"] for each in served] == answers["label"].tolist()

    assert monitored(session, complaints(300, 1), **boosted).verdict == "none"
    roll_back(session.client, session.workspace(boosted), None)
    assert session.manifest()["model_version"] == 1
