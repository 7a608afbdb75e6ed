"""The page at ``/``: who the champion is, and a form made from its signature to try a prediction.

One answer holds all of it: the style and the script stand in the page and are allowed by their hash, and nothing else
is. The facts are written into the page for readers without JavaScript; the script fills in the same places from
``GET /model`` and makes the form. Where the service asks for an API key, no fact is written: the page asks for the key.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

_FOLDER = Path(__file__).parent
FACTS = ("use_case", "reason", "data_version", "since", "created", "decision", "estimator", "classes")
NO_CHAMPION = "No champion is served yet"
KEY_ASKED = "This service asks for an API key"


class Shown(Protocol):
    """What the page needs to know of a running service."""

    @property
    def about(self) -> Mapping[str, Any] | None:
        """The answer of ``GET /model``; None while no champion is served."""

    @property
    def missing(self) -> Sequence[str]:
        """What the service lacks, as ``GET /readyz`` names it."""

    @property
    def refused(self) -> str | None:
        """Why a newer package was refused, as ``GET /readyz`` says it."""

    @property
    def asks_for_key(self) -> bool:
        """Whether ``GET /model`` and ``POST /predict`` ask for an API key."""


def page_route(state: Shown) -> Route:
    """Make the route of the page.

    Parameters
    ----------
    state : Shown
        Asked anew for every request.

    Returns
    -------
    Route
        Answers ``GET /``.
    """
    template = Template(_text("page.html"))
    style, script = _text("page.css"), _text("page.js")
    headers = {"Content-Security-Policy": _policy(style, script), **HARDENED}

    def answer(_: Request) -> HTMLResponse:
        text = template.substitute(_places(state), style=style, script=script)
        return HTMLResponse(text.encode("utf-8", "replace"), headers=headers)

    return Route("/", answer, methods=["GET"], include_in_schema=False)


HARDENED = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Headers of every HTML answer, besides its policy."""


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Allow this style, this script, requests to this service, and nothing else."""
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _places(state: Shown) -> dict[str, str]:
    """What is put into each place of the template; all of it escaped."""
    about = None if state.asks_for_key else state.about
    facts = _facts(about) if about else dict.fromkeys(FACTS, "")
    if about:
        heading = f"Model version {about['model_version']}"
        title = f"{about['use_case']}, model version {about['model_version']}"
    else:
        heading = title = KEY_ASKED if state.asks_for_key else NO_CHAMPION
        facts["reason"] = "" if state.asks_for_key else " ".join(state.missing)
    return {
        **{name: escape(value) for name, value in facts.items()},
        "title": escape(title),
        "heading": escape(heading),
        "decision_hidden": " hidden" if facts["decision"] == facts["reason"] else "",
        "scores": _score_rows(about) if about else "",
        "key": "asked" if state.asks_for_key else "",
        "champion_hidden": "" if about else " hidden",
        "refused": escape(_refusal(state)),
        "refused_hidden": "" if state.refused else " hidden",
    }


def _refusal(state: Shown) -> str:
    goes_on = ", and the champion before it goes on" if state.about else ""
    return f"A package was refused{goes_on}: {state.refused}" if state.refused else ""


def _facts(about: Mapping[str, Any]) -> dict[str, str]:
    manifest = about["manifest"]
    found = {name: str(about.get(name, "")) for name in FACTS}
    return found | {
        "since": _moment(str(about["since"])),
        "created": _moment(str(about["created"])),
        "decision": str(manifest["decision"]["reason"]),
        "estimator": str(manifest["estimator"]),
        "classes": ", ".join(map(str, about["classes"])),
    }


def _moment(text: str) -> str:
    """Write a moment for a person; the script writes it in the same way."""
    found = re.match(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)", text)
    return f"{found[1]} {found[2]} UTC" if found else text


def _score_rows(about: Mapping[str, Any]) -> str:
    return "".join(
        f'<tr><th scope="row">{escape(name)}{" (decides)" if name == about["metric"] else ""}</th>'
        f'<td class="number">{"" if value is None else format(value, ".4f")}</td></tr>'
        for name, value in about["scores"].items()
    )
