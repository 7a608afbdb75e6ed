"""The application: FastAPI for everything but the hot path, which stands in front of it.

One process, one port, one OpenAPI description. `service` puts the parts together.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from champion.serving import openapi
from champion.serving.batcher import Batcher
from champion.serving.pages import docs_routes, page_route
from champion.serving.predict import PATH, Predict, Receive, Scope, Send, request_id_of
from champion.serving.rows import RequestError
from champion.serving.state import Observed, State, Tell, Watcher

_ABOUT: dict[str, Any] = {
    "title": "Champion",
    "version": "1",
    "description": "The champion over REST: the model in production, its card, and what it predicts.",
}
_FREE_JSON: dict[str, Any] = {"content": {"application/json": {"schema": {"type": "object"}}}}


def service(state: State, tell: Tell) -> Front:
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

    responses = {"200": {"description": "The champion.", **_FREE_JSON}, **openapi.refusals("401", "503")}
    summary = "The champion: manifest, card, signature, example"

    @app.get("/model", tags=["model"], summary=summary, responses=responses)
    async def model(request: Request) -> Response:
        state.require_key(dict(request.headers.raw))
        return Response(state.present().about_json, media_type="application/json")

    @app.get("/metrics", tags=["state"], summary="What Prometheus scrapes", response_class=Response)
    async def metrics() -> Response:
        return Response(state.metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    @app.get("/openapi.json", include_in_schema=False)
    async def description(request: Request) -> Response:
        return JSONResponse(described(app, state, whole=state.knows(dict(request.headers.raw))))


def described(app: FastAPI, state: State, whole: bool) -> dict[str, Any]:
    """The OpenAPI description; only where it is whole the champion's own fields are in it."""
    champion = state.champion if whole else None
    document = get_openapi(**_ABOUT, routes=app.routes)
    document["paths"] = {PATH: {"post": openapi.operation(champion, state.options.max_rows)}, **document["paths"]}
    parts = document.setdefault("components", {})
    parts["schemas"] = {**parts.get("schemas", {}), **openapi.schemas(champion)}
    if state.asks_for_key:
        parts["securitySchemes"] = openapi.KEY_SCHEMES
        for operation in (document["paths"][PATH]["post"], document["paths"]["/model"]["get"]):
            operation["security"] = [{name: []} for name in openapi.KEY_SCHEMES]
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
