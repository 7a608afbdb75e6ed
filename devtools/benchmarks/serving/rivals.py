"""Who is measured: the champions that all servers serve, and how each server is installed, started, asked and understood."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

from devtools.benchmarks.measure import Command, run, say
from devtools.benchmarks.sandbox import REPOSITORY, Sandbox
from devtools.benchmarks.serving.load import request_bytes
from devtools.checkout import UnexpectedError

Words = list[str | Path]
KEY = "bench-" + os.urandom(16).hex()
PROGRAMS = Path(__file__).with_name("servers")
ESTIMATORS = {
    "forest": ("sklearn.ensemble.RandomForestClassifier", {"n_estimators": 100, "random_state": 42}),
    "logistic": ("sklearn.linear_model.LogisticRegression", {"max_iter": 1000}),
    "boosting": ("sklearn.ensemble.HistGradientBoostingClassifier", {"random_state": 42}),
}


@dataclass(frozen=True)
class Model:
    """One champion.

    `checkout`: where its package is, under ``models/``. `folder`: where ``model.joblib`` and ``facts.json`` are.
    `probabilities` (list of float): what `predict_proba` answers to the row, in the order of `classes`.
    """

    name: str
    checkout: Path
    folder: Path
    row: dict[str, float]
    classes: list[str]
    probabilities: list[float]


@dataclass(frozen=True)
class Start:
    """How a server is started and asked.

    `command` (list of str or Path): the first is the path of a program. `probabilities`: from the parsed answer to the
    probabilities in the order of the classes.
    """

    command: Words
    folder: Path
    environment: dict[str, str] = field(repr=False)
    request: bytes
    probabilities: Callable[[Any], list[float]]


def trained(sandbox: Sandbox, name: str) -> Model:
    """Train one of `ESTIMATORS` as a champion in a store that is fresh, and write what the rivals need."""
    say(f"training the champion {name}")
    checkout, folder = _checkout(sandbox), sandbox.root / f"model-{name}"
    estimator, params = ESTIMATORS[name]
    use_case = {
        "name": name,
        "data": {"path": "data/iris.csv", "target": "species"},
        "split": {"share": 0.2, "salt": "iris"},
        "candidates": {name: {"estimator": estimator, "params": params}},
        "promotion": {"metric": "accuracy"},
    }
    config = f"configs/{name}.yaml"
    (checkout / config).write_text(json.dumps(use_case))
    run(sandbox.train(checkout, "--config", config))
    folder.mkdir()
    export = (sys.executable, PROGRAMS / "export.py", f"models/{name}", folder)
    run(Command(export, checkout, sandbox.environment | {"PYTHONPATH": str(checkout)}))
    facts: dict[str, Any] = json.loads((folder / "facts.json").read_text())
    return Model(name, checkout, folder, facts["row"], facts["classes"], facts["probabilities"])


@cache
def _checkout(sandbox: Sandbox) -> Path:
    checkout = sandbox.checkout("serving")
    run(sandbox.command(checkout, sys.executable, "data/make_iris.py"))
    return checkout


def ours(sandbox: Sandbox, model: Model, port: int) -> Start:
    """``run.py serve`` with all it has: key, metrics, request ids, warnings, and the log on disk."""
    log = sandbox.root / f"predictions-{model.name}"
    options: Words = ["--config", f"configs/{model.name}.yaml", "--port", str(port), "--log", log]
    request = request_bytes("/predict", json.dumps(model.row).encode(), {"Authorization": f"Bearer {KEY}"})

    def probabilities(answer: Any) -> list[float]:
        return [answer["predictions"][0]["probabilities"][name] for name in model.classes]

    environment = sandbox.environment | {"SERVE_API_KEY": KEY}
    return Start([sys.executable, "run.py", "serve", *options], model.checkout, environment, request, probabilities)


def floor(sandbox: Sandbox, model: Model, port: int) -> Start:
    """The same model behind bare ASGI."""
    environment = {"PYTHONPATH": str(model.checkout), "PACKAGE": str(model.checkout / "models" / model.name)}
    command: Words = [sys.executable, PROGRAMS / "floor.py", str(port)]
    return Start(command, model.checkout, sandbox.environment | environment, _plain(model), _probabilities)


def fastapi(sandbox: Sandbox, model: Model, port: int) -> Start:
    """Plain FastAPI with pandas and `predict_proba`."""
    command: Words = [_installed("fastapi") / "python", PROGRAMS / "fastapi_pandas.py", str(port)]
    environment = sandbox.environment | {"MODEL_FOLDER": str(model.folder)}
    return Start(command, sandbox.root, environment, _plain(model), _probabilities)


def mlflow(sandbox: Sandbox, model: Model, port: int) -> Start:
    """``mlflow models serve`` of the sklearn flavour."""
    programs, saved = _installed("mlflow"), model.folder / "mlflow"
    if not saved.exists():
        say("saving the model for MLflow")
        save = (programs / "python", PROGRAMS / "save_mlflow.py", model.folder / "model.joblib", saved)
        run(sandbox.command(sandbox.root, *save))
    options = f"--env-manager local --host 127.0.0.1 --port {port} --workers 1".split()
    environment = _with_programs(sandbox, programs) | {
        "MLFLOW_TRACKING_URI": str(sandbox.root / "mlruns"),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "DO_NOT_TRACK": "true",
    }
    request = request_bytes("/invocations", json.dumps({"dataframe_records": [model.row]}).encode())
    command: Words = [programs / "mlflow", "models", "serve", "--model-uri", saved, *options]
    return Start(command, sandbox.root, environment, request, lambda answer: answer["predictions"][0])


def bentoml(sandbox: Sandbox, model: Model, port: int, batchable: str = "no") -> Start:
    """BentoML, one request at a time or with its adaptive batching."""
    programs = _installed("bentoml")
    environment = _with_programs(sandbox, programs) | {
        "BATCHABLE": batchable,
        "MODEL_FOLDER": str(model.folder),
        "BENTOML_DO_NOT_TRACK": "true",
        "BENTOML_HOME": str(sandbox.root / "bentoml"),
    }
    command: Words = [programs / "bentoml", "serve", "bento_service:Champion", "--working-dir", PROGRAMS]
    request = request_bytes("/predict", json.dumps({"rows": [list(model.row.values())]}).encode())
    address = ["--host", "127.0.0.1", "--port", str(port)]
    return Start([*command, *address], sandbox.root, environment, request, lambda answer: answer[0])


def _plain(model: Model) -> bytes:
    return request_bytes("/predict", json.dumps(model.row).encode())


def _probabilities(answer: Any) -> list[float]:
    probabilities: list[float] = answer["probabilities"]
    return probabilities


def _with_programs(sandbox: Sandbox, programs: Path) -> dict[str, str]:
    return sandbox.environment | {"PATH": os.pathsep.join([str(programs), sandbox.environment["PATH"]])}


def _installed(rival: str) -> Path:
    """The folder of a rival's programs, in an environment made once under ``.bench/`` from ``requirements-<rival>.txt``."""
    asked = Path(__file__).with_name(f"requirements-{rival}.txt")
    folder = REPOSITORY / ".bench" / rival
    mark = f"{hashlib.sha256(asked.read_bytes()).hexdigest()} {sys.version}"
    marked = folder / "installed"
    if not marked.is_file() or marked.read_text() != mark:
        say(f"installing {rival} into {folder.relative_to(REPOSITORY)} (once)")
        uv = shutil.which(os.environ.get("UV", "uv")) or shutil.which(REPOSITORY / ".uv/bin/uv")
        if uv is None:
            raise UnexpectedError("uv is not there, and the rivals are installed with it; run `make bench-serving`.")
        run(Command([uv, "venv", "--clear", "--python", sys.executable, folder], REPOSITORY, os.environ))
        run(Command([uv, "pip", "install", "--python", folder / "bin/python", "-r", asked], REPOSITORY, os.environ))
        marked.write_text(mark)
    return folder / "bin"


SERVERS: dict[str, Callable[[Sandbox, Model, int], Start]] = {
    "ours": ours,
    "floor": floor,
    "fastapi": fastapi,
    "mlflow": mlflow,
    "bentoml": bentoml,
    "bentoml-batchable": partial(bentoml, batchable="yes"),
}
