"""Who is measured: the champions that all servers serve, and how each server is installed, started, asked and understood.

A server runs as a child process on a core of its own, and is ended with all below it.
"""

import contextlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from http.client import HTTPException
from operator import itemgetter
from pathlib import Path
from typing import Any

from devtools.benchmarks.sandbox import Sandbox, installed, last_lines, run, say, train
from devtools.benchmarks.serving.load import Target, ask_once, request_bytes
from devtools.benchmarks.tables import write_use_case
from devtools.checkout import Checkout, UnexpectedError

STARTING = 90.0  # seconds in which a server must answer
KEY = "bench-" + os.urandom(16).hex()
PROGRAMS = Path(__file__).with_name("servers")
ESTIMATORS: dict[str, tuple[str, dict[str, Any]]] = {
    "forest": ("ensemble.RandomForestClassifier", {"n_estimators": 100, "random_state": 42}),
    "logistic": ("linear_model.LogisticRegression", {"max_iter": 1000}),
    "boosting": ("ensemble.HistGradientBoostingClassifier", {"random_state": 42}),
}


@dataclass(frozen=True)
class Model:
    """One champion.

    `checkout`: where its package is, under ``models/``. `folder`: where ``model.joblib`` and ``facts.json`` are.
    `probabilities`: what `predict_proba` answers to the row, in the order of `classes`.
    """

    name: str
    checkout: Checkout
    folder: Path
    row: dict[str, float]
    classes: list[str]
    probabilities: list[float]

    def asked(self, path: str = "/predict", body: Any = None, **headers: str) -> bytes:
        """The request about the row, or with another body."""
        return request_bytes(path, json.dumps(self.row if body is None else body).encode(), headers)


@dataclass(frozen=True)
class Start:
    """How a server is started and asked.

    `command`: the first is the path of a program, or ``python``. `probabilities`: from the parsed answer to the
    probabilities in the order of the classes.
    """

    checkout: Checkout = field(repr=False)
    command: tuple[str | Path, ...]
    request: bytes
    probabilities: Callable[[Any], list[float]]


def trained(sandbox: Sandbox, name: str) -> Model:
    """Train one of `ESTIMATORS` as a champion in a store that is fresh, and write what the rivals need."""
    say(f"training the champion {name}")
    checkout, folder = _checkout(sandbox), sandbox.root / f"model-{name}"
    estimator, params = ESTIMATORS[name]
    train(checkout, "--config", write_use_case(checkout, name, "iris.csv", "species", estimator, **params))
    folder.mkdir()
    exporting = sandbox.at(checkout.root, PYTHONPATH=str(checkout.root))
    run(exporting, "python", PROGRAMS / "export.py", f"models/{name}", folder)
    return Model(name, checkout, folder, **json.loads((folder / "facts.json").read_text()))


@cache
def _checkout(sandbox: Sandbox) -> Checkout:
    checkout = sandbox.checkout("serving")
    run(checkout, "python", "data/make_iris.py")
    return checkout


def ours(sandbox: Sandbox, model: Model, port: int) -> Start:
    """``run.py serve`` with all it has: key, metrics, request ids, warnings, and the log on disk."""
    log = sandbox.root / f"predictions-{model.name}"
    command = ("python", "run.py", "serve", "--config", f"configs/{model.name}.yaml", "--port", str(port), "--log", log)

    def probabilities(answer: Any) -> list[float]:
        return [answer["predictions"][0]["probabilities"][name] for name in model.classes]

    request = model.asked(Authorization=f"Bearer {KEY}")
    return Start(sandbox.at(model.checkout.root, SERVE_API_KEY=KEY), command, request, probabilities)


def floor(sandbox: Sandbox, model: Model, port: int) -> Start:
    """The same model behind bare ASGI."""
    root = model.checkout.root
    checkout = sandbox.at(root, PYTHONPATH=str(root), PACKAGE=str(root / "models" / model.name))
    command = ("python", PROGRAMS / "floor.py", str(port))
    return Start(checkout, command, model.asked(), itemgetter("probabilities"))


def fastapi(sandbox: Sandbox, model: Model, port: int) -> Start:
    """Plain FastAPI with pandas and `predict_proba`."""
    checkout = sandbox.at(sandbox.root, MODEL_FOLDER=str(model.folder))
    command = (_installed("fastapi") / "python", PROGRAMS / "fastapi_pandas.py", str(port))
    return Start(checkout, command, model.asked(), itemgetter("probabilities"))


def mlflow(sandbox: Sandbox, model: Model, port: int) -> Start:
    """``mlflow models serve`` of the sklearn flavour."""
    programs, saved = _installed("mlflow"), model.folder / "mlflow"
    if not saved.exists():
        say("saving the model for MLflow")
        save = (programs / "python", PROGRAMS / "save_mlflow.py", model.folder / "model.joblib", saved)
        run(sandbox.at(sandbox.root), *save)
    store = {"MLFLOW_TRACKING_URI": str(sandbox.root / "mlruns")}
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    checkout = sandbox.at(sandbox.root, PATH=_before(sandbox, programs), **store, **quiet)
    options = ("--env-manager", "local", "--host", "127.0.0.1", "--port", str(port), "--workers", "1")
    command = (programs / "mlflow", "models", "serve", "--model-uri", saved, *options)
    request = model.asked("/invocations", {"dataframe_records": [model.row]})
    return Start(checkout, command, request, lambda answer: answer["predictions"][0])


def bentoml(sandbox: Sandbox, model: Model, port: int, batchable: str = "no") -> Start:
    """BentoML, one request at a time or with its adaptive batching."""
    programs, home = _installed("bentoml"), str(sandbox.root / "bentoml")
    about = {"BATCHABLE": batchable, "MODEL_FOLDER": str(model.folder)}
    quiet = {"BENTOML_DO_NOT_TRACK": "true", "BENTOML_HOME": home}
    checkout = sandbox.at(sandbox.root, PATH=_before(sandbox, programs), **about, **quiet)
    address = ("--host", "127.0.0.1", "--port", str(port))
    command = (programs / "bentoml", "serve", "bento_service:Champion", "--working-dir", PROGRAMS, *address)
    return Start(checkout, command, model.asked(body={"rows": [list(model.row.values())]}), itemgetter(0))


def _before(sandbox: Sandbox, programs: Path) -> str:
    """A PATH on which a rival's own programs come first."""
    return os.pathsep.join([str(programs), sandbox.environment["PATH"]])


def _installed(rival: str) -> Path:
    """The folder of a rival's programs."""
    return installed(rival, Path(__file__).with_name(f"requirements-{rival}.txt"))


SERVERS: dict[str, Callable[[Sandbox, Model, int], Start]] = {
    "ours": ours,
    "floor": floor,
    "fastapi": fastapi,
    "mlflow": mlflow,
    "bentoml": bentoml,
    "bentoml-batchable": partial(bentoml, batchable="yes"),
}


@cache  # what is allowed changes once this process is pinned itself
def cores() -> tuple[int, int] | None:
    """The core of the servers and that of the load; None on a machine that has no two, or cannot pin."""
    if not hasattr(os, "sched_setaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[0], allowed[-1]) if len(allowed) > 1 else None


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        return int(tried.getsockname()[1])


@contextlib.contextmanager
def running(start: Start, ready: Target, log: Path) -> Iterator[tuple[int, float]]:
    """Run a server while the block runs: the number of its process, and the seconds to its first good answer.

    Raises UnexpectedError when it does not become ready, or the block raises one; with the last lines it printed.
    """
    try:
        began = time.perf_counter()
        with log.open("wb") as output, start.checkout.started(*start.command, out=output.fileno()) as process:
            if pinned := cores():
                os.sched_setaffinity(process.pid, {pinned[0]})  # before it has a thread or a child
            while not _answers(ready):
                if process.poll() is not None:
                    raise UnexpectedError(f"a server ended with exit code {process.returncode}, expected it to stay")
                if time.perf_counter() - began > STARTING:
                    raise UnexpectedError(f"a server was not ready within {STARTING:.0f} s")
                time.sleep(0.005)
            yield process.pid, time.perf_counter() - began
    except UnexpectedError as error:
        printed = last_lines(log.read_text(errors="replace"))
        raise UnexpectedError(f"{error}\nThe server said last:\n{printed}") from error


def _answers(ready: Target) -> bool:
    with contextlib.suppress(OSError, HTTPException):
        return ask_once(ready)[0] == 200
    return False
