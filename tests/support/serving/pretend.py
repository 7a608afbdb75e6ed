"""A service that answers as the page is promised to be answered: for models, names and swaps that no real one has."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from champion.serving.pages import page_route

CHOSEN = 0.7  # the probability of the answered class


def number(name: str, nullable: bool = False, dtype: str = "float64") -> dict[str, Any]:
    return _feature(name, "numeric", dtype, nullable) | {"minimum": 1.0, "maximum": 6.5}


def category(name: str, *categories: str, nullable: bool = False) -> dict[str, Any]:
    return _feature(name, "categorical", "str", nullable) | {"categories": list(categories)}


def boolean(name: str, nullable: bool = False) -> dict[str, Any]:
    return _feature(name, "boolean", "bool", nullable)


def moment(name: str, nullable: bool = False) -> dict[str, Any]:
    return _feature(name, "datetime", "datetime64[us]", nullable) | {"minimum": 19000.0, "maximum": 19365.5}


def _feature(name: str, kind: str, dtype: str, nullable: bool) -> dict[str, Any]:
    about = {"name": name, "kind": kind, "dtype": dtype, "nullable": nullable}
    return about | dict.fromkeys(["minimum", "maximum", "categories"])


EXAMPLES = {"numeric": 3.5, "categorical": "red", "boolean": True, "datetime": "2022-06-15T12:30:00Z"}


def about(*features: dict[str, Any], version: int = 1, **changes: Any) -> dict[str, Any]:
    """What ``GET /model`` answers, of a model with these features."""
    reason = changes.get("reason", "The challenger becomes the champion: there was no champion.")
    return {
        "use_case": "iris", "model_version": version, "data_version": "013d0da0", "created": "2026-11-20T05:13:53+00:00",
        "since": "2026-11-20T05:14:02+00:00", "reason": reason, "metric": "accuracy",
        "scores": {"accuracy": 0.9667, "neg_log_loss": -0.0423}, "classes": ["setosa", "versicolor", "virginica"],
        "signature": list(features), "way": "packed", "example": {each["name"]: EXAMPLES[each["kind"]] for each in features},
        "manifest": {"estimator": "sklearn.ensemble.RandomForestClassifier", "decision": {"reason": reason}}, "card": "# iris",
        **changes,
    }  # fmt: skip


@dataclass
class Pretended:
    """The state of the service, which a test changes while the page is open."""

    about: dict[str, Any] | None
    missing: list[str] = field(default_factory=lambda: ["There is no production package in models/iris."])
    refused: str | None = None
    key: str = ""
    warnings: list[str] = field(default_factory=list)
    probabilities: bool = True
    rows: list[dict[str, Any]] = field(default_factory=list)  # what POST /predict was asked

    @property
    def asks_for_key(self) -> bool:
        return bool(self.key)

    def refuses(self, request: Request) -> JSONResponse | None:
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return _error(401, "unauthorized", "The API key is missing or wrong.")
        return None if self.about else _error(503, "no_champion", "No champion is served.")

    def answer(self, row: dict[str, Any]) -> JSONResponse:
        assert self.about
        self.rows.append(row)
        for feature in self.about["signature"]:
            if feature["name"] not in row:
                return _error(422, "missing_field", "A field is missing.", feature["name"])
            if row[feature["name"]] is None and not feature["nullable"]:
                return _error(422, "wrong_type", "Found null, expected a value.", feature["name"])
        chosen, *others = self.about["classes"]
        shares = {str(chosen): CHOSEN, **{str(other): (1 - CHOSEN) / len(others) for other in others}}
        prediction = {
            "label": chosen,
            "probabilities": shares if self.probabilities else None,
            "warnings": self.warnings,
        }
        told = {"request_id": "r-1", "predictions": [prediction]}
        return JSONResponse(told | {name: self.about[name] for name in ("model_version", "data_version")})


def _error(status: int, code: str, message: str, place: str | None = None) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message, "field": place}, "request_id": "r-1"}, status)


@contextlib.contextmanager
def listening(app: Any) -> Iterator[str]:
    """Serve an application on a port of this machine; its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


@contextlib.contextmanager
def pretended(state: Pretended) -> Iterator[str]:
    """The page over a pretended service; its address."""

    async def model(request: Request) -> JSONResponse:
        return state.refuses(request) or JSONResponse(state.about)

    async def predict(request: Request) -> JSONResponse:
        return state.refuses(request) or state.answer(await request.json())

    routes = [page_route(state), Route("/model", model), Route("/predict", predict, methods=["POST"])]
    with listening(Starlette(routes=routes)) as address:
        yield address
