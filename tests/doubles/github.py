"""A double of GitHub's API on loopback: pull requests, comments, and tokens that may or may not write.

It plays as much as CML and `ops.ci` ask for, below ``/api/v3`` as a server of one's own does.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import urlsplit

API = "/api/v3"
REPOSITORY = "team/champion"


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
        return {
            "number": self.number, "title": self.title, "state": "open",
            "head": {"sha": self.head, "ref": self.branch, "repo": {"full_name": self.source}},
            "base": {"ref": "main", "repo": {"full_name": REPOSITORY}},
        }  # fmt: skip


@dataclass
class GitHub:
    """Its state, and the server.

    Attributes
    ----------
    tokens : dict of str to bool
        Token, and whether it may write.
    comments : dict of int to list
        By pull request: the comments as they are now.
    calls : list of str
        Method and path of every request.
    """

    tokens: dict[str, bool] = field(default_factory=dict)
    pulls: dict[int, Pull] = field(default_factory=dict)
    comments: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

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

    def answer(self, method: str, path: str, token: str, body: Any) -> tuple[int, Any]:
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
            return 200, [pull.facts() for pull in self.pulls.values()]
        if route == f"POST {here}/pulls":
            return 201, self.open("0" * 40, str(body["head"]), title=str(body["title"])).facts()
        if found := re.fullmatch(rf"(GET|POST) {here}/issues/(\d+)/comments", route):
            return self._listed_or_added(found[1], int(found[2]), body)
        if found := re.fullmatch(rf"PATCH {here}/issues/comments/(\d+)", route):
            return self._edited(int(found[1]), body)
        return 404, {"message": "Not Found"}

    def _listed_or_added(self, method: str, number: int, body: Any) -> tuple[int, Any]:
        if number not in self.pulls:
            return 404, {"message": "Not Found"}
        there = self.comments.setdefault(number, [])
        if method == "GET":
            return 200, there
        made = {"id": next(self._numbers), "body": body["body"], "edits": 0, "user": {"login": "github-actions[bot]"}}
        made["html_url"] = f"{self.url}/{REPOSITORY}/pull/{number}#issuecomment-{made['id']}"
        there.append(made)
        return 201, made

    def _edited(self, comment: int, body: Any) -> tuple[int, Any]:
        for found in itertools.chain.from_iterable(self.comments.values()):
            if found["id"] == comment:
                found["body"] = body["body"]
                found["edits"] += 1
                return 200, found
        return 404, {"message": "Not Found"}


class _Handler(BaseHTTPRequestHandler):
    github: ClassVar[GitHub]

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        token = (self.headers.get("Authorization") or "").rpartition(" ")[2]
        status, content = self.github.answer(self.command, urlsplit(self.path).path, token, body)
        sent = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        self.wfile.write(sent)

    do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - the names are http.server's

    def log_message(self, *_: Any) -> None:
        """Nothing goes to the terminal."""
