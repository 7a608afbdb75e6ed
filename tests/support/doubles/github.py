"""A double of GitHub's API on loopback: pull requests, issues, comments, and tokens that may or may not write.

It plays as much as CML and `champion.ci` ask for, below ``/api/v3`` as a server of one's own does.
"""

import itertools
import json
import re
import ssl
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from werkzeug.serving import make_ssl_devcert

from tests.support.loopback import Handler, Loopback

API = "/api/v3"
REPOSITORY = "team/champion"
LONGEST = 65_536  # characters of an issue's body
JSON = {"Content-Type": "application/json; charset=utf-8"}
BOT = {"login": "github-actions[bot]", "type": "Bot"}


@dataclass(frozen=True)
class Fault:
    """An answer that a request gets in place of its own."""

    status: int
    message: str
    headers: dict[str, str] = field(default_factory=dict)


class Secure(Loopback):
    """Another server behind TLS: CML asks any host but github.com by https alone."""

    def __init__(self, plain: Loopback, folder: Path) -> None:
        super().__init__()
        self.authority, key = make_ssl_devcert(str(folder / "github"), cn="localhost")
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(self.authority, key)
        self.socket = tls.wrap_socket(self.socket, server_side=True)
        self.url, self.answer = f"https://localhost:{self.server_port}", plain.answer


class GitHub(Loopback):
    """Its state, and the server; `url` is as GITHUB_SERVER_URL has it."""

    def __init__(self, tokens: dict[str, bool] | None = None) -> None:
        super().__init__()
        self.tokens = tokens or {}  # and whether each may write
        self.pulls: dict[int, dict[str, Any]] = {}  # that are open
        self.comments: dict[int, list[dict[str, Any]]] = defaultdict(list)  # as they are now, by pull request
        self.calls: list[str] = []  # method and path of every request
        self.issues: dict[int, dict[str, Any]] = {}  # open and closed
        self.started: list[str] = []  # workflow and branch of every dispatch
        self.faults: dict[str, list[Fault]] = {}  # for the next requests of a method, by a path's end
        self._numbers = itertools.count(1)

    def open(self, head: str, branch: str, source: str = REPOSITORY, title: str = "") -> dict[str, Any]:
        made: dict[str, Any] = {"number": next(self._numbers), "title": title, "state": "open", "body": title}
        made["head"] = {"sha": head, "ref": branch, "repo": {"full_name": source}}
        made["files"] = []  # names of what it changes
        made["base"] = {"ref": "main", "repo": {"full_name": REPOSITORY}}
        return self.pulls.setdefault(made["number"], made)

    def report(
        self, title: str, body: str, user: dict[str, str] = BOT, association: str = "NONE", state: str = "open"
    ) -> dict[str, Any]:
        made: dict[str, Any] = {"number": next(self._numbers), "title": title, "body": body, "state": state}
        made |= {"user": user, "author_association": association, "edits": 0, "labels": []}
        return self.issues.setdefault(made["number"], made)

    def answer(self, request: Handler) -> None:
        """Answer as told, or as GitHub would."""
        url, body = urlsplit(request.path), json.loads(request.body() or "null")
        call = f"{request.command} {url.path}"
        for end, waiting in self.faults.items():
            if waiting and re.fullmatch(end.replace(" ", " .*"), call):
                fault = waiting.pop(0)
                return request.reply(fault.status, {"message": fault.message}, fault.headers | JSON)
        self.calls.append(call)
        token = (request.headers.get("Authorization") or "").rpartition(" ")[2]
        with self.lock:
            found = self.found(request.command, url.path, token, body, dict(parse_qsl(url.query)))
        return request.reply(*found, JSON)

    def found(  # noqa: C901 - a case per route
        self, method: str, path: str, token: str, body: Any, query: dict[str, str]
    ) -> tuple[int, Any]:
        """Status and content for a request."""
        if token not in self.tokens:
            return 401, {"message": "Bad credentials"}
        if method != "GET" and not self.tokens[token]:
            return 403, {"message": "Resource not accessible by integration"}
        match method, *path.removeprefix(f"{API}/").removeprefix(f"repos/{REPOSITORY}/").split("/"):
            case "GET", "users", name:
                return 200, {"login": name, "id": 41898282}
            case "GET", "pulls":
                return 200, _page(self.pulls.values(), query)
            case "GET", "pulls", number, "files":
                return 200, [{"filename": name} for name in self.pulls[int(number)]["files"]]
            case "POST", "pulls":
                return 201, self.open("0" * 40, str(body["head"]), title=str(body["title"]))
            case "GET", "issues":
                pulls = [{**pull, "pull_request": {}} for pull in self.pulls.values()]
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
                return 200, self.comments[int(number)][: int(query.get("per_page", 30))]  # the oldest
            case "POST", "issues", number, "comments" if int(number) in self.pulls | self.issues:
                comment = {"id": next(self._numbers), "body": body["body"], "edits": 0, "user": BOT}
                comment["html_url"] = f"{self.url}/{REPOSITORY}/pull/{number}#issuecomment-{comment['id']}"
                self.comments[int(number)].append(comment)
                return 201, comment
            case "PATCH", "issues", "comments", number:
                for comment in itertools.chain.from_iterable(self.comments.values()):
                    if comment["id"] == int(number):
                        comment.update(body=body["body"], edits=comment["edits"] + 1)
                        return 200, comment
        return 404, {"message": "Not Found"}


def _page(listed: Iterable[dict[str, Any]], asked: dict[str, str]) -> list[dict[str, Any]]:
    """What is open, or in the state asked for, the newest first, as GitHub lists it: a page of it."""
    size, page = int(asked.get("per_page", 30)), int(asked.get("page", 1))
    there = [each for each in listed if each["state"] == asked.get("state", "open")]
    return sorted(there, key=lambda each: -int(each["number"]))[size * (page - 1) : size * page]
