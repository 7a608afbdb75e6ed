"""The champions that all servers serve: one use case per model, trained in a checkout of its own."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from devtools.benchmarks.measure import Command, run
from devtools.benchmarks.sandbox import Sandbox

SERVERS = Path(__file__).with_name("servers")
ESTIMATORS = {
    "forest": "  forest: {estimator: sklearn.ensemble.RandomForestClassifier, params: {n_estimators: 100, random_state: 42}}",
    "logistic": "  logistic: {estimator: sklearn.linear_model.LogisticRegression, params: {max_iter: 1000}}",
    "boosting": "  boosting: {estimator: sklearn.ensemble.HistGradientBoostingClassifier, params: {random_state: 42}}",
}
_USE_CASE = """\
name: {name}
data: {{path: data/iris.csv, target: species}}
split: {{share: 0.2, salt: iris}}
candidates:
{candidate}
promotion: {{metric: accuracy}}
"""


@dataclass(frozen=True)
class Model:
    """One champion.

    Attributes
    ----------
    checkout : Path
        Where its package is, under ``models/``.
    folder : Path
        Where ``model.joblib`` and ``facts.json`` are.
    classes : list of str
        In the order of `probabilities`.
    probabilities : list of float
        What `predict_proba` answers to the row.
    """

    name: str
    checkout: Path
    folder: Path
    row: dict[str, float]
    classes: list[str]
    probabilities: list[float]

    @property
    def package(self) -> Path:
        """The package's folder."""
        return self.checkout / "models" / self.name


def trained(sandbox: Sandbox, name: str) -> Model:
    """Train a champion in a store that is fresh, and write what the rivals need.

    Parameters
    ----------
    name : str
        One of `ESTIMATORS`.
    """
    sandbox.say(f"training the champion {name}")
    checkout = _checkout(sandbox)
    config = checkout / f"configs/{name}.yaml"
    config.write_text(_USE_CASE.format(name=name, candidate=ESTIMATORS[name]))
    run(sandbox.command(checkout, sys.executable, "run.py", "train", "--config", f"configs/{name}.yaml"))
    folder = sandbox.root / f"model-{name}"
    folder.mkdir()
    export: list[str | Path] = [sys.executable, SERVERS / "export.py", f"models/{name}", folder]
    run(Command(export, checkout, sandbox.environment | in_checkout(checkout)))
    facts: dict[str, Any] = json.loads((folder / "facts.json").read_text())
    return Model(name, checkout, folder, facts["row"], facts["classes"], facts["probabilities"])


def in_checkout(checkout: Path) -> dict[str, str]:
    """What lets a script from elsewhere import the rooms of a checkout."""
    return {"PYTHONPATH": str(checkout)}


@cache
def _checkout(sandbox: Sandbox) -> Path:
    checkout = sandbox.checkout("serving")
    run(sandbox.command(checkout, sys.executable, "data/make_iris.py"))
    return checkout
