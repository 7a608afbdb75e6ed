"""The few calls of GitHub's REST API that neither git nor CML makes."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from champion.ci.environment import Environment
from champion.errors import ProjectError

TIME_LIMIT = 60.0  # seconds for one call
MOST_BYTES = 20_000_000  # of one answer
TRIES = 3
PAUSE = 2.0  # seconds after an error of the server
LONGEST_WAIT = 60.0  # seconds; a rate limit that lasts longer ends the call
PAGE = 100  # GitHub's most
HEADERS = {
    "Accept": "application/vnd.github+json",
    "Content-Type": "application/json",
    "User-Agent": "champion-ci",
    "X-GitHub-Api-Version": "2022-11-28",
}


class GitHubError(ProjectError):
    """A call that GitHub refused, or that did not reach it."""


def call(env: Environment, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One call of the API of the repository: its answer, parsed; None where GitHub answers with nothing.

    Raises GitHubError with the status and what GitHub says, after a short wait where GitHub asks for one.

    Parameters
    ----------
    env : Environment
        With `GITHUB_API_URL`, `GITHUB_REPOSITORY` and `REPO_TOKEN`.
    path : str
        Below ``/repos/OWNER/NAME``, without a slash in front; encoded.
    """
    request = _request(env, method, path, body)
    for left in reversed(range(TRIES)):
        try:
            with urllib.request.urlopen(request, timeout=TIME_LIMIT) as answer:  # noqa: S310 - see _request
                return json.loads(answer.read(MOST_BYTES) or b"null")
        except urllib.error.HTTPError as error:
            wait = _wait(error, method, time.time())
            if not left or wait is None:
                raise GitHubError(f"GitHub refused {method} {path}: {error.code} {_said(error)}") from None
        except (OSError, ValueError) as error:
            raise GitHubError(f"GitHub did not answer {method} {path}: {error}") from None
        time.sleep(wait)
    raise AssertionError


def pages(env: Environment, path: str, most: int) -> Iterator[list[dict[str, Any]]]:
    """A list of the API, page by page of at most 100 entries; the path has a query."""
    for number in range(1, most + 1):
        listed: list[dict[str, Any]] = call(env, "GET", f"{path}&per_page={PAGE}&page={number}")
        yield listed
        if len(listed) < PAGE:
            return


def _request(env: Environment, method: str, path: str, body: dict[str, Any] | None) -> urllib.request.Request:
    repository = env.need("GITHUB_REPOSITORY", "it names OWNER/NAME on GitHub")
    token = env.need("REPO_TOKEN", "GitHub answers only with a token")
    url = f"{env['GITHUB_API_URL'] or 'https://api.github.com'}/repos/{repository}/{path}"
    return urllib.request.Request(  # noqa: S310 - the scheme is checked with the variable
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={**HEADERS, "Authorization": f"Bearer {token}"},
    )


def _wait(error: urllib.error.HTTPError, method: str, now: float) -> float | None:
    """How many seconds to wait before the call is made again; None where that is no use, or would take too long."""
    if error.code in (403, 429):
        wait = _number(error, "Retry-After")
        if wait is None and error.headers.get("X-RateLimit-Remaining") == "0":
            reset = _number(error, "X-RateLimit-Reset")
            wait = None if reset is None else reset - now
        return None if wait is None or wait > LONGEST_WAIT else max(wait, 0.0)
    return PAUSE if error.code >= 500 and method == "GET" else None  # what writes may have been done


def _number(error: urllib.error.HTTPError, header: str) -> float | None:
    text = error.headers.get(header) or ""
    return float(text) if text.isdecimal() else None


def _said(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(10_000)).get("message", ""))[:300]
    except (OSError, ValueError, AttributeError):
        return ""
