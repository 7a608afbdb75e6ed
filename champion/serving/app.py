"""The application: FastAPI for everything but the hot path, which stands in front of it.

One process, one port, one OpenAPI description: of POST /predict it has this champion's own fields, with an example from
its profile. `service` puts the parts together.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from champion.modeling.arrays import LARGEST
from champion.modeling.features import Feature, takes_numbers
from champion.modeling.tasks.answer import schemas
from champion.serving.loaded import Champion
from champion.serving.pages import docs_routes, page_route
from champion.serving.predict import PATH, Batcher, Predict, request_id_of
from champion.serving.rows import RequestError, expected
from champion.serving.state import Observed, State, Tell, Watcher
from champion.use_case.cells import EPOCHS

_SHOWN = 20  # categories that a description lists
_TEXT = {"type": "string"}


def _record(**properties: Any) -> dict[str, Any]:
    """An object of these fields, all of which are there, and no others."""
    return {"type": "object", "required": [*properties], "additionalProperties": False, "properties": properties}


_ERROR = {"$ref": "#/components/schemas/Refused"}
_REFUSED = _record(
    error=_record(
        code=_TEXT, message=_TEXT, field={"type": ["string", "null"], "description": "The field that it is about."}
    ),
    request_id=_TEXT,
)
_KEY_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}
_REFUSALS = {
    "400": "The body is no JSON.",
    "401": "An API key is asked, and none that fits was sent.",
    "408": "The body was too slow.",
    "413": "Too many bytes or rows.",
    "415": "The body is not `application/json`.",
    "422": "A field is missing, unknown, repeated or of another type; `field` names it.",
    "429": "Too many requests at this moment; `Retry-After` says when to try again.",
    "503": "No champion is served yet.",
}
_ABOUT: dict[str, Any] = {
    "title": "Champion",
    "version": "1",
    "description": "The champion over REST: the model in production, its card, and what it predicts.",
}
_FREE_JSON: dict[str, Any] = {"content": {"application/json": {"schema": {"type": "object"}}}}


def service(state: State, tell: Tell) -> "Front":
    """Put the service together: an ASGI application, which loads the champion when it starts.

    `tell`: is told when a package is loaded or refused; see `champion.serving.state.Watcher`.
    """
    predict = Predict(state)
    app = FastAPI(**_ABOUT, openapi_url=None, redirect_slashes=False, lifespan=_lifespan(state, predict, tell))
    _add_endpoints(app, state)
    app.router.routes.extend([page_route(state), *docs_routes()])
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestError, _refused)
    return Front(state, predict, app)


class Front:
    """The hot path where it is asked for, and else the application, whose answers are counted."""

    def __init__(self, state: State, predict: Predict, app: FastAPI) -> None:
        self._predict, self.app = predict, app
        paths = {getattr(route, "path", "") for route in app.routes}
        self._observed = {path: Observed(state.metrics, path) for path in sorted(paths) if path and "{" not in path}
        self._other = Observed(state.metrics, "other")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif scope["path"] == PATH:
            await self._predict(scope, receive, send)
        else:
            await self._counted(scope, receive, send)

    async def _counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, status = time.perf_counter(), 500
        if scope["method"] == "HEAD":  # what GET would answer; the server leaves out the body
            scope = {**scope, "method": "GET"}

        async def noted(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            self._observed.get(scope["path"], self._other).answered(status, time.perf_counter() - started)


def _lifespan(state: State, predict: Predict, tell: Tell) -> Any:
    @contextlib.asynccontextmanager
    async def running(_: FastAPI) -> AsyncIterator[None]:
        watcher = Watcher(state, tell)
        await watcher.look()
        predict.batcher = batcher = Batcher(asyncio.get_running_loop())
        watching = asyncio.create_task(watcher.watch())
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.to_thread(batcher.close)
            if state.log is not None:
                await asyncio.to_thread(state.log.close)

    return running


def _add_endpoints(app: FastAPI, state: State) -> None:
    @app.get("/healthz", tags=["state"], summary="Whether the process is alive")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    unready = {"description": "No champion is served.", **_FREE_JSON}

    @app.get("/readyz", tags=["state"], summary="Whether a champion is served", responses={503: unready})
    async def readyz() -> Response:
        answer = {"ready": not state.missing, "missing": list(state.missing), "refused": state.refused}
        return JSONResponse(answer, 503 if state.missing else 200)

    responses = {"200": {"description": "The champion.", **_FREE_JSON}, **_refusals("401", "503")}
    summary = "The champion: manifest, card, signature, example"

    @app.get("/model", tags=["model"], summary=summary, responses=responses)
    async def model(request: Request) -> Response:
        state.require_key(dict(request.headers.raw))
        return Response(state.present().about_json, media_type="application/json")

    @app.get("/metrics", tags=["state"], summary="What Prometheus scrapes", response_class=Response)
    async def metrics() -> Response:
        return Response(state.metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    described_for: dict[bool, tuple[Champion | None, bytes]] = {}

    @app.get("/openapi.json", include_in_schema=False)
    async def description(request: Request) -> Response:
        whole = state.knows(dict(request.headers.raw))
        champion = state.champion if whole else None
        if whole not in described_for or described_for[whole][0] is not champion:
            described_for[whole] = champion, json.dumps(described(app, state, whole)).encode()
        return Response(described_for[whole][1], media_type="application/json")


def described(app: FastAPI, state: State, whole: bool) -> dict[str, Any]:
    """The OpenAPI description; only where it is whole the champion's own fields are in it."""
    champion = state.champion if whole else None
    document = get_openapi(**_ABOUT, routes=app.routes)
    document["paths"] = {PATH: {"post": _operation(champion, state.options.max_rows)}, **document["paths"]}
    parts = document.setdefault("components", {})
    row = _row(champion) if champion else {"type": "object"}
    parts["schemas"] = {**parts.get("schemas", {}), "Row": row, "Answer": _answer(champion), "Refused": _REFUSED}
    if state.asks_for_key:
        parts["securitySchemes"] = _KEY_SCHEMES
        for operation in (document["paths"][PATH]["post"], document["paths"]["/model"]["get"]):
            operation["security"] = [{name: []} for name in _KEY_SCHEMES]
    return document


_UNROUTED = {
    404: ("not_found", "There is nothing here; GET /docs lists the endpoints."),
    405: ("method_not_allowed", "This endpoint does not take that method."),
}


async def _refused(request: Request, error: Exception) -> Response:
    """What went wrong, in the one form that every error has."""
    if isinstance(error, HTTPException):
        code, message = _UNROUTED.get(error.status_code, ("refused", error.detail))
        more = tuple((name.lower().encode(), value.encode()) for name, value in (error.headers or {}).items())
        error = RequestError(error.status_code, code, message, headers=more)
    assert isinstance(error, RequestError)
    request_id = request_id_of(dict(request.headers.raw))
    headers = {name.decode(): value.decode() for name, value in error.headers} | {"x-request-id": request_id}
    return Response(error.body(request_id), error.status, headers, media_type="application/json")


def _refusals(*statuses: str) -> dict[int | str, Any]:
    """The responses of an endpoint that refuses with these statuses."""
    content = {"application/json": {"schema": _ERROR}}
    return {status: {"description": _REFUSALS[status], "content": content} for status in statuses}


def _operation(champion: Champion | None, max_rows: int) -> dict[str, Any]:
    """The operation POST /predict."""
    row = {"$ref": "#/components/schemas/Row"}
    many = {"type": "array", "items": row, "maxItems": max_rows}
    body: dict[str, Any] = {"schema": {"oneOf": [row, many]}}
    if champion:
        example = champion.example
        body["examples"] = {
            "one": {"summary": "One row", "value": example},
            "many": {"summary": "Several rows", "value": [example, example]},
        }
    answer = {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}}
    answered = {"description": "One prediction for each row.", "content": answer}
    return {
        "summary": "Predict one row or many",
        "operationId": "predict",
        "tags": ["prediction"],
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {"200": answered, **_refusals(*_REFUSALS)},
    }


def _row(champion: Champion) -> dict[str, Any]:
    ignored = {"deprecated": True, "description": "A former model version took it; it is ignored."}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [feature.name for feature in champion.features if not feature.nullable],
        "properties": {
            **{feature.name: _field(feature) for feature in champion.features},
            **dict.fromkeys(champion.reader.former, ignored),
        },
        "example": champion.example,
    }


def _field(feature: Feature) -> dict[str, Any]:
    """One feature; what it was in training is told, not asked."""
    number: dict[str, Any] = {"type": "number", "minimum": -LARGEST, "maximum": LARGEST}
    kinds: dict[str, list[dict[str, Any]]] = {
        "numeric": [number],
        "boolean": [{"type": "boolean"}],
        "datetime": [{**_TEXT, "format": "date-time"}, {**_TEXT, "format": "date"}],
        "categorical": [_TEXT, number] if takes_numbers(feature) else [_TEXT],
    }
    more: list[dict[str, Any]] = []
    if feature.rule is not None and feature.rule.kind:
        more = [_TEXT, *([number] if feature.rule.dates in EPOCHS else [])]
    types = [*kinds[feature.kind], *more, *([{"type": "null"}] if feature.nullable else [])]
    schema = types[0] if len(types) == 1 else {"anyOf": types}
    return {**schema, "title": feature.name, "description": _description(feature)}


def _description(feature: Feature) -> str:
    sentences = [f"Expected: {expected(feature)}."]
    if feature.kind == "numeric" and feature.minimum is not None:
        sentences.append(f"In training it was from {feature.minimum:.7g} to {feature.maximum:.7g}.")
    if feature.categories:
        listed, others = ", ".join(feature.categories[:_SHOWN]), len(feature.categories) - _SHOWN
        more = f" and {others} others" if others > 0 else ""
        sentences.append(f"In training it was one of: {listed}{more}.")
    return " ".join(sentences)


def _answer(champion: Champion | None) -> dict[str, Any]:
    answers = [champion.form.schema()] if champion else schemas()
    records = [_record(**answer, warnings={"type": "array", "items": _TEXT}) for answer in answers]
    prediction = records[0] if len(records) == 1 else {"anyOf": records}
    return _record(
        request_id=_TEXT,
        model_version={"type": "integer"},
        data_version=_TEXT,
        predictions={"type": "array", "items": prediction},
    )
