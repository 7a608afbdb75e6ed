"""The API docs at ``/docs``: Swagger UI over ``/openapi.json``, served by the service itself, so that it works offline.

The files are those that the package fastapi-offline carries; nothing of it is imported.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from champion.serving.page import HARDENED

FILES = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
_START = """\
"use strict";
let key; // the champion's own fields are described to those who have the API key, so the description is read anew with it
const readAnew = (original, system) => (given) => {
  const done = original(given);
  key = Object.values(given).map((each) => each.value).find((value) => typeof value === "string");
  system.specActions.download("openapi.json");
  return done;
};
window.ui = SwaggerUIBundle({
  url: "openapi.json", dom_id: "#docs", deepLinking: true, validatorUrl: null, tryItOutEnabled: true,
  presets: [SwaggerUIBundle.presets.apis], persistAuthorization: false,
  plugins: [{ statePlugins: { auth: { wrapActions: { authorize: readAnew } } } }],
  requestInterceptor: (request) => {
    if (request.loadSpec && key) request.headers["X-API-Key"] = key;
    return request;
  },
});
"""
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API docs</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<noscript>These docs need JavaScript; <a href="openapi.json">openapi.json</a> says the same without.</noscript>
<main id="docs"></main>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def docs_routes() -> list[Route]:
    """Make the routes of the API docs.

    Returns
    -------
    list of Route
        ``/docs``, and below it the files that it loads.
    """
    folder = _static_folder()

    def page(_: Request) -> HTMLResponse:
        return HTMLResponse(_PAGE, headers={"Content-Security-Policy": _POLICY, **HARDENED})

    def start(_: Request) -> Response:
        return Response(_START, media_type="text/javascript", headers={"X-Content-Type-Options": "nosniff"})

    def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in FILES:
            return Response(status_code=404)
        lasting = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}
        return FileResponse(folder / name, media_type=FILES[name], headers=lasting)

    return [
        Route("/docs", page, methods=["GET"], include_in_schema=False),
        Route("/docs/start.js", start, methods=["GET"], include_in_schema=False),
        Route("/docs/{name}", file, methods=["GET"], include_in_schema=False),
    ]


def _static_folder() -> Path:
    found = importlib.util.find_spec("fastapi_offline")
    if found is None or found.origin is None:
        raise ModuleNotFoundError(
            "fastapi-offline is not installed; it is one of the requirements of the group serving"
        )
    return Path(found.origin).parent / "static"
