"""Who is measured: how each server is started, asked and understood."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devtools.benchmarks.measure import run
from devtools.benchmarks.sandbox import Sandbox
from devtools.benchmarks.serving.environments import environment_of
from devtools.benchmarks.serving.load import request_bytes
from devtools.benchmarks.serving.models import SERVERS, Model, in_checkout

KEY = "bench-" + os.urandom(16).hex()


@dataclass(frozen=True)
class Start:
    """How a server is started and asked.

    Attributes
    ----------
    command : list
        The first is the path of a program.
    folder : Path
        Where it runs.
    probabilities : callable
        From the parsed answer to the probabilities in the order of the classes.
    """

    command: Sequence[str | Path]
    folder: Path
    environment: dict[str, str] = field(repr=False)
    request: bytes
    probabilities: Callable[[Any], list[float]]


Starter = Callable[[Sandbox, Model, int], Start]


def ours(sandbox: Sandbox, model: Model, port: int) -> Start:
    """``run.py serve`` with all it has: key, metrics, request ids, warnings, and the log on disk."""
    log = sandbox.root / f"predictions-{model.name}"
    command: list[str | Path] = [sys.executable, "run.py", "serve", "--config", f"configs/{model.name}.yaml", "--port", str(port),
               "--log", str(log)]  # fmt: skip
    return Start(
        command, model.checkout, {**sandbox.environment, "SERVE_API_KEY": KEY},
        request_bytes("/predict", json.dumps(model.row).encode(), {"Authorization": f"Bearer {KEY}"}),
        lambda answer: [answer["predictions"][0]["probabilities"][name] for name in model.classes],
    )  # fmt: skip


def floor(sandbox: Sandbox, model: Model, port: int) -> Start:
    """The same model behind bare ASGI."""
    environment = sandbox.environment | in_checkout(model.checkout) | {"PACKAGE": str(model.package)}
    command: list[str | Path] = [sys.executable, SERVERS / "floor.py", str(port)]
    return Start(command, model.checkout, environment, _plain(model), lambda answer: answer["probabilities"])


def fastapi(sandbox: Sandbox, model: Model, port: int) -> Start:
    """Plain FastAPI with pandas and `predict_proba`."""
    command: list[str | Path] = [
        environment_of("fastapi", sandbox.say) / "python",
        SERVERS / "fastapi_pandas.py",
        str(port),
    ]
    return Start(
        command, sandbox.root, sandbox.environment | {"MODEL_FOLDER": str(model.folder)}, _plain(model),
        lambda answer: answer["probabilities"],
    )  # fmt: skip


def mlflow(sandbox: Sandbox, model: Model, port: int) -> Start:
    """``mlflow models serve`` of the sklearn flavour."""
    programs = environment_of("mlflow", sandbox.say)
    environment = _with_programs(sandbox, programs) | {
        "MLFLOW_TRACKING_URI": str(sandbox.root / "mlruns"), "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true",
    }  # fmt: skip
    saved = model.folder / "mlflow"
    if not saved.exists():
        sandbox.say("saving the model for MLflow")
        save = sandbox.command(
            sandbox.root, programs / "python", SERVERS / "save_mlflow.py", model.folder / "model.joblib", saved
        )
        run(save)
    command: list[str | Path] = [programs / "mlflow", "models", "serve", "--model-uri", str(saved), "--env-manager", "local",
               "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]  # fmt: skip
    body = json.dumps({"dataframe_records": [model.row]}).encode()
    request = request_bytes("/invocations", body)
    return Start(command, sandbox.root, environment, request, lambda answer: answer["predictions"][0])


def bentoml(sandbox: Sandbox, model: Model, port: int) -> Start:
    """BentoML, one request at a time."""
    return _bento(sandbox, model, port, "no")


def bentoml_batchable(sandbox: Sandbox, model: Model, port: int) -> Start:
    """BentoML with its adaptive batching."""
    return _bento(sandbox, model, port, "yes")


def _bento(sandbox: Sandbox, model: Model, port: int, batchable: str) -> Start:
    programs = environment_of("bentoml", sandbox.say)
    environment = _with_programs(sandbox, programs) | {
        "BATCHABLE": batchable, "MODEL_FOLDER": str(model.folder), "BENTOML_DO_NOT_TRACK": "true",
        "BENTOML_HOME": str(sandbox.root / "bentoml"),
    }  # fmt: skip
    command: list[str | Path] = [programs / "bentoml", "serve", "bento_service:Champion", "--working-dir", str(SERVERS),
               "--host", "127.0.0.1", "--port", str(port)]  # fmt: skip
    body = json.dumps({"rows": [list(model.row.values())]}).encode()
    return Start(command, sandbox.root, environment, request_bytes("/predict", body), lambda answer: answer[0])


def _plain(model: Model) -> bytes:
    return request_bytes("/predict", json.dumps(model.row).encode())


def _with_programs(sandbox: Sandbox, programs: Path) -> dict[str, str]:
    return sandbox.environment | {"PATH": os.pathsep.join([str(programs), sandbox.environment["PATH"]])}


SERVERS_BY_NAME: dict[str, Starter] = {
    "ours": ours,
    "floor": floor,
    "fastapi": fastapi,
    "mlflow": mlflow,
    "bentoml": bentoml,
    "bentoml-batchable": bentoml_batchable,
}
