"""What the service shows to people: the page at ``/`` and the API docs at ``/docs``.

The page says who the champion is, and has a form made from its signature to try a prediction. One answer holds all of
it: the style and the script stand in the page and are allowed by their hash, and nothing else is. The facts are written
into the page for readers without JavaScript; the script fills in the same places from ``GET /model`` and makes the form.
Where the service asks for an API key, no fact is written: the page asks for the key.

The docs are Swagger UI over ``/openapi.json``, served by the service itself, so that they work offline. The files are
those that the package fastapi-offline carries; nothing of it is imported.
"""

import base64
import hashlib
import importlib.util
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from champion.serving.state import State

_FOLDER = Path(__file__).parent
_HARDENED = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}  # headers of every HTML answer, besides its policy
_POLICY = (
    "default-src 'none'; script-src {script}; style-src {style}; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FACTS = ("use_case", "reason", "data_version", "since", "created", "decision", "estimator", "classes")
_SWAGGER = {"swagger-ui-bundle.js": "text/javascript", "swagger-ui.css": "text/css"}
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
_DOCS = """\
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


def page_route(state: State) -> Route:
    """The route of the page, which asks the state anew for every request."""
    template, style, script = ((_FOLDER / f"page.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    policy = _POLICY.format(script=_hash(script), style=_hash(style))
    policy += "; require-trusted-types-for 'script'; trusted-types 'none'"

    async def answer(_: Request) -> HTMLResponse:
        return _html(Template(template).substitute(_values(state), style=style, script=script), policy)

    return _route("/", answer)


def docs_routes() -> list[Route]:
    """The routes of the API docs: ``/docs``, and below it the files that it loads."""
    offline = importlib.util.find_spec("fastapi_offline")
    if offline is None or offline.origin is None:
        raise ModuleNotFoundError(
            "fastapi-offline is not installed; it is one of the requirements of the group serving"
        )
    folder = Path(offline.origin).parent / "static"
    policy = _POLICY.format(script="'self'", style="'self'")
    files: dict[
        str, bytes
    ] = {}  # that were asked for; an open file for each client that takes none of it would be many

    async def page(_: Request) -> HTMLResponse:
        return _html(_DOCS, policy)

    async def file(request: Request) -> Response:
        name = request.path_params["name"]
        if name == "start.js":
            return Response(_START, media_type="text/javascript", headers={"X-Content-Type-Options": "nosniff"})
        if name not in _SWAGGER:
            return Response(status_code=404)
        if name not in files:
            files[name] = (folder / name).read_bytes()
        lasting = {"Cache-Control": "public, max-age=86400", "X-Content-Type-Options": "nosniff"}
        return Response(files[name], media_type=_SWAGGER[name], headers=lasting)

    return [_route("/docs", page), _route("/docs/{name}", file)]


def _html(text: str, policy: str) -> HTMLResponse:
    return HTMLResponse(text.encode("utf-8", "replace"), headers={"Content-Security-Policy": policy, **_HARDENED})


def _route(path: str, answer: Any) -> Route:
    return Route(path, answer, methods=["GET"], include_in_schema=False)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _values(state: State) -> dict[str, str]:
    """What the template is filled with; all of it escaped."""
    champion = state.champion
    about = champion.about if champion and not state.asks_for_key else None
    heading = title = "This service asks for an API key" if state.asks_for_key else "No champion is served yet"
    facts = {**dict.fromkeys(_FACTS, ""), "reason": "" if state.asks_for_key else " ".join(state.missing)}
    if about:
        heading = f"Model version {about['model_version']}"
        title = f"{about['use_case']}, model version {about['model_version']}"
        facts = {name: str(about.get(name, "")) for name in _FACTS} | {
            "since": _moment(about["since"]),
            "created": _moment(about["created"]),
            "decision": about["manifest"]["decision"]["reason"],
            "estimator": about["manifest"]["estimator"],
            "classes": ", ".join(map(str, about["classes"])),
        }
    goes_on = ", and the champion before it goes on" if champion else ""
    return {
        **{name: escape(value) for name, value in facts.items()},
        "title": escape(title),
        "heading": escape(heading),
        "decision_hidden": " hidden" if facts["decision"] == facts["reason"] else "",
        "scores": _score_rows(about) if about else "",
        "key": "asked" if state.asks_for_key else "",
        "champion_hidden": "" if about else " hidden",
        "refused": escape(f"A package was refused{goes_on}: {state.refused}" if state.refused else ""),
        "refused_hidden": "" if state.refused else " hidden",
    }


def _moment(text: str) -> str:
    """Write a moment of the manifest for a person; the script writes it in the same way."""
    return f"{text[:10]} {text[11:16]} UTC"


def _score_rows(about: Mapping[str, Any]) -> str:
    return "".join(
        f'<tr><th scope="row">{escape(name)}{" (decides)" if name == about["metric"] else ""}</th>'
        f'<td class="number">{"" if value is None else format(value, ".4f")}</td></tr>'
        for name, value in about["scores"].items()
    )
