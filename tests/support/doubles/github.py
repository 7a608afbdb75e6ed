"""A double of GitHub's API on loopback: pull requests, issues, comments, and tokens that may or may not write.

It plays as much as CML and `champion.ci` ask for, below ``/api/v3`` as a server of one's own does.
"""

import itertools
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar, Self
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

    def __enter__(self) -> Self:
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
        made: dict[str, Any] = {"number": next(self._numbers), "title": title, "body": body, "state": state}
        made |= {"user": user, "author_association": association, "edits": 0, "labels": []}
        return self.issues.setdefault(made["number"], made)

    def fault(self, method: str, path: str) -> Fault | None:
        """The fault that a request meets."""
        for end, waiting in self.faults.items():
            verb, _, last = end.partition(" ")
            if waiting and method == verb and path.endswith(last):
                return waiting.pop(0)
        return None

    def answer(  # noqa: C901 - a case per route
        self, method: str, path: str, token: str, body: Any, query: str = ""
    ) -> tuple[int, Any]:
        """Status and content for a request."""
        self.calls.append(f"{method} {path}")
        if token not in self.tokens:
            return 401, {"message": "Bad credentials"}
        if method != "GET" and not self.tokens[token]:
            return 403, {"message": "Resource not accessible by integration"}
        match method, *path.removeprefix(f"{API}/").removeprefix(f"repos/{REPOSITORY}/").split("/"):
            case "GET", "user":
                return 200, {"login": "github-actions[bot]", "id": 41898282}
            case "GET", "pulls":
                return 200, _page([pull.facts() for pull in self.pulls.values()], query)
            case "POST", "pulls":
                return 201, self.open("0" * 40, str(body["head"]), title=str(body["title"])).facts()
            case "GET", "issues":
                pulls = [{**pull.facts(), "body": pull.title, "pull_request": {}} for pull in self.pulls.values()]
                return 200, _page([*self.issues.values(), *pulls], query)
            case (("POST" | "PATCH"), "issues", *_) if len(body.get("body", "")) > LONGEST:
                return 422, {"message": f"body is too long (maximum is {LONGEST} characters)"}
            case "POST", "issues":
                made = self.report(body["title"], body["body"])
                made["labels"] = body.get("labels", [])
                return 201, made
            case "PATCH", "issues", number if int(number) in self.issues:
                issue = self.issues[int(number)]
                issue.update(body, edits=issue["edits"] + 1)
                return 200, issue
            case "POST", "actions", "workflows", workflow, "dispatches":
                self.started.append(f"{workflow} {body['ref']}")
                return 204, None
            case "GET", "issues", number, "comments" if int(number) in self.pulls | self.issues:
                return 200, self.comments.get(int(number), [])
            case "POST", "issues", number, "comments" if int(number) in self.pulls | self.issues:
                comment = {"id": next(self._numbers), "body": body["body"], "edits": 0, "user": BOT}
                comment["html_url"] = f"{self.url}/{REPOSITORY}/pull/{number}#issuecomment-{comment['id']}"
                self.comments.setdefault(int(number), []).append(comment)
                return 201, comment
            case "PATCH", "issues", "comments", number:
                for comment in itertools.chain.from_iterable(self.comments.values()):
                    if comment["id"] == int(number):
                        comment.update(body=body["body"], edits=comment["edits"] + 1)
                        return 200, comment
        return 404, {"message": "Not Found"}


class _Handler(BaseHTTPRequestHandler):
    github: ClassVar[GitHub]

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        token = (self.headers.get("Authorization") or "").rpartition(" ")[2]
        asked = urlsplit(self.path)
        met = self.github.fault(self.command, asked.path)
        if met is None:
            status, content = self.github.answer(self.command, asked.path, token, body, asked.query)
        else:
            status, content = met.status, {"message": met.message}
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
