"""A double of GitHub's API on loopback: pull requests, issues, comments, and tokens that may or may not write.

It plays as much as CML and `champion.ci` ask for, below ``/api/v3`` as a server of one's own does.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

API = "/api/v3"
REPOSITORY = "team/champion"
LONGEST = 65_536  # characters of an issue's body
BOT = {"login": "github-actions[bot]", "type": "Bot"}


@dataclass(frozen=True)
class Fault:
    """An answer that a request gets in place of its own."""

    status: int
    message: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Pull:
    """A pull request."""

    number: int
    head: str
    source: str
    title: str = ""
    branch: str = ""

    def facts(self) -> dict[str, Any]:
        """As the API tells them."""
        head = {"sha": self.head, "ref": self.branch, "repo": {"full_name": self.source}}
        base = {"ref": "main", "repo": {"full_name": REPOSITORY}}
        return {"number": self.number, "title": self.title, "state": "open", "head": head, "base": base}


@dataclass
class GitHub:
    """Its state, and the server."""

    tokens: dict[str, bool] = field(default_factory=dict)  # and whether each may write
    pulls: dict[int, Pull] = field(default_factory=dict)
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)  # as they are now, by pull request
    calls: list[str] = field(default_factory=list)  # method and path of every request
    issues: dict[int, dict[str, Any]] = field(default_factory=dict)  # open and closed
    started: list[str] = field(default_factory=list)  # workflow and branch of every dispatch
    faults: dict[str, list[Fault]] = field(default_factory=dict)  # for the next requests of a method, by a path's end

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"github": self}))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> GitHub:
        """Start to answer."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Its address, as GITHUB_SERVER_URL has it."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def open(self, head: str, branch: str, source: str = REPOSITORY, title: str = "") -> Pull:
        """Open a pull request."""
        pull = Pull(next(self._numbers), head, source, title, branch)
        self.pulls[pull.number] = pull
        return pull

    def close(self, number: int) -> None:
        """Close or merge a pull request."""
        del self.pulls[number]

    def report(
        self, title: str, body: str, user: dict[str, str] = BOT, association: str = "NONE", state: str = "open"
    ) -> dict[str, Any]:
        """Open an issue."""
        made: dict[str, Any] = {
            "number": next(self._numbers),
            "title": title,
            "body": body,
            "state": state,
            "user": user,
        }
        self.issues[made["number"]] = made = {**made, "edits": 0, "author_association": association, "labels": []}
        return made

    def fault(self, method: str, path: str) -> Fault | None:
        """The fault that a request meets."""
        for end, waiting in self.faults.items():
            verb, _, last = end.partition(" ")
            if waiting and method == verb and path.endswith(last):
                return waiting.pop(0)
        return None

    def answer(  # noqa: C901 - a row per route
        self, method: str, path: str, token: str, body: Any, query: str = ""
    ) -> tuple[int, Any]:
        """Status and content for a request."""
        self.calls.append(f"{method} {path}")
        if token not in self.tokens:
            return 401, {"message": "Bad credentials"}
        if method != "GET" and not self.tokens[token]:
            return 403, {"message": "Resource not accessible by integration"}
        route = f"{method} {path.removeprefix(API)}"
        here = f"/repos/{REPOSITORY}"
        if route == "GET /user":
            return 200, {"login": "github-actions[bot]", "id": 41898282}
        if route == f"GET {here}/pulls":
            return 200, _page([pull.facts() for pull in self.pulls.values()], query)
        if route == f"POST {here}/pulls":
            return 201, self.open("0" * 40, str(body["head"]), title=str(body["title"])).facts()
        if route == f"GET {here}/issues":
            pulls = [{**pull.facts(), "body": pull.title, "pull_request": {}} for pull in self.pulls.values()]
            return 200, _page([*self.issues.values(), *pulls], query)
        if route == f"POST {here}/issues" or re.fullmatch(rf"PATCH {here}/issues/\d+", route):
            return self._written(route.rpartition("/")[2], body)
        if found := re.fullmatch(rf"POST {here}/actions/workflows/([\w.-]+)/dispatches", route):
            self.started.append(f"{found[1]} {body['ref']}")
            return 204, None
        if found := re.fullmatch(rf"(GET|POST) {here}/issues/(\d+)/comments", route):
            return self._listed_or_added(found[1], int(found[2]), body)
        if found := re.fullmatch(rf"PATCH {here}/issues/comments/(\d+)", route):
            for comment in itertools.chain.from_iterable(self.comments.values()):
                if comment["id"] == int(found[1]):
                    comment.update(body=body["body"], edits=comment["edits"] + 1)
                    return 200, comment
        return 404, {"message": "Not Found"}

    def _written(self, number: str, body: dict[str, Any]) -> tuple[int, Any]:
        if len(body.get("body", "")) > LONGEST:
            return 422, {"message": f"body is too long (maximum is {LONGEST} characters)"}
        if number == "issues":
            made = self.report(body["title"], body["body"])
            made["labels"] = body.get("labels", [])
            return 201, made
        issue = self.issues.get(int(number))
        if issue is None:
            return 404, {"message": "Not Found"}
        issue.update(body, edits=issue["edits"] + 1)
        return 200, issue

    def _listed_or_added(self, method: str, number: int, body: Any) -> tuple[int, Any]:
        if number not in self.pulls and number not in self.issues:
            return 404, {"message": "Not Found"}
        there = self.comments.setdefault(number, [])
        if method == "GET":
            return 200, there
        made = {"id": next(self._numbers), "body": body["body"], "edits": 0, "user": {"login": "github-actions[bot]"}}
        made["html_url"] = f"{self.url}/{REPOSITORY}/pull/{number}#issuecomment-{made['id']}"
        there.append(made)
        return 201, made


class _Handler(BaseHTTPRequestHandler):
    github: ClassVar[GitHub]

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        token = (self.headers.get("Authorization") or "").rpartition(" ")[2]
        asked = urlsplit(self.path)
        met = self.github.fault(self.command, asked.path)
        if met is not None:
            status, content = met.status, {"message": met.message}
        else:
            status, content = self.github.answer(self.command, asked.path, token, body, asked.query)
        sent = b"" if content is None else json.dumps(content).encode()
        self.send_response(status)
        for name, value in (met.headers if met else {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - the names are http.server's

    def log_message(self, *_: Any) -> None:
        """Nothing goes to the terminal."""


def _page(listed: list[dict[str, Any]], query: str) -> list[dict[str, Any]]:
    """What is open, or in the state asked for, the newest first, as GitHub lists it: a page of it."""
    asked = {name: values[-1] for name, values in parse_qs(query).items()}
    size, page = int(asked.get("per_page", 30)), int(asked.get("page", 1))
    there = [each for each in listed if each["state"] == asked.get("state", "open")]
    return sorted(there, key=lambda each: -int(each["number"]))[size * (page - 1) : size * page]
