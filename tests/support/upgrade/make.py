"""Make the packages beside this file, each with an older scikit-learn that uv installs into a folder that is removed again.

    .venv/bin/python tests/support/upgrade/make.py

`boosting` holds losses under the name that they had until scikit-learn 1.8; `imputing` loads, and cannot answer any more.
Beside each lie the answers to the holdout that its promotion would have kept in the store.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from io import BytesIO
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PACKAGES = {  # name: version of scikit-learn, estimator, parameters
    "boosting": ("1.8.0", "sklearn.ensemble.HistGradientBoostingClassifier", {"max_iter": 5, "max_leaf_nodes": 4}),
    "imputing": ("1.7.2", "sklearn.linear_model.LogisticRegression", {"C": 0.001}),
}
BESIDE = {"numpy": "2.4.6", "pandas": "3.1.1", "scipy": "1.17.1", "skops": "0.16.0"}
NEEDS = ("pydantic", "threadpoolctl")


def install_and_write(name: str) -> None:
    """Write one package in an environment of its own."""
    versions = {**BESIDE, "scikit-learn": PACKAGES[name][0]}
    uv = shutil.which("uv") or str(ROOT / ".uv/bin/uv")
    with tempfile.TemporaryDirectory() as folder:
        python = f"{folder}/bin/python"
        subprocess.run([uv, "venv", "--quiet", "--python", "3.11", folder], check=True)
        pins = [f"{library}=={version}" for library, version in versions.items()]
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *pins, *NEEDS], check=True)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        subprocess.run([python, __file__, name, json.dumps(versions)], check=True, env=environment)


def write(name: str, libraries: dict[str, str]) -> None:
    """Train on the sample as a run would, and write the package of a first champion."""
    import pandas as pd
    import skops.io

    from champion.bundle import (
        folder,
        model,  # whose `dumps` also holds it to the names that types have today
    )
    from champion.bundle.build import build
    from champion.bundle.decision_record import DecisionRecord
    from champion.bundle.manifest import ChampionState
    from champion.modeling.kept import KeptAnswers
    from champion.modeling.predictor import Predictor
    from champion.modeling.preparation import prepare_table
    from champion.modeling.split import rule_for
    from champion.modeling.training import fit_candidate
    from champion.use_case.learning import Candidate, Data, Fitting, Split
    from data.make_iris import iris_csv

    _, estimator, params = PACKAGES[name]
    data, content = Data(path="data/iris.csv", target="species"), iris_csv()
    table = pd.read_csv(BytesIO(content))
    rule = rule_for(table, data, Split(share=0.3, salt="holdout"))
    train, holdout, profile, plan, _ = prepare_table(table, data, rule)
    fitting = Fitting(target="species", metric="accuracy", folds=5, seed=42, group=None, ranked=False)
    candidate = Candidate(estimator=estimator, params=params)
    pipeline, result = fit_candidate(train, plan, name, candidate, fitting)
    now, reason = "2026-01-31T12:00:00+00:00", "The challenger becomes the champion: there was no champion."
    score = {"metric": "accuracy", "challenger_score": 0.9, "champion_score": None}
    decision = DecisionRecord(reason_code="first", reason=reason, champion=None, **score)
    state = ChampionState(revision=1, highest_version=1, since=now, event="promotion", reason=reason)
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    written, _ = model._zipped(model._canonical(*model._parts_of(skops.io.dumps(pipeline))))
    package = build(
        written, profile, use_case="iris", model_version=1, created=now, commit=None, dirty=False,
        data_path=data.path, data_version=md5, rows=len(table), fingerprint=name.ljust(16, "0"), libraries=libraries,
        seed=42, candidate=name, estimator=estimator, params=result.params, target=data.target, classes=plan.classes,
        signature=plan.features, split=rule, metrics={"accuracy": 0.9}, decision=decision, champion_state=state,
    )  # fmt: skip
    folder.write(package, HERE / name)
    answers = KeptAnswers.of(Predictor(plan, pipeline), holdout, data.target)
    (HERE / f"{name}.answers.npz").write_bytes(answers.as_bytes())


if __name__ == "__main__":
    if sys.argv[1:]:
        write(sys.argv[1], json.loads(sys.argv[2]))
    else:
        for each in PACKAGES:
            install_and_write(each)
