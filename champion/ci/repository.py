"""The repository that a workflow works for: git, and the few calls of GitHub's REST API that neither git nor CML makes.

The base commit cannot be chosen by a pull request, and no list of processes shows a token.
"""

import base64
import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from champion.ci.environment import Environment
from champion.errors import ProjectError
from champion.workspace import process

GIT_LIMIT, CALL_LIMIT = 300.0, 60.0  # seconds
MOST_BYTES = 20_000_000  # of one answer
TRIES = 3
PAUSE = 2.0  # seconds after an error of the server
LONGEST_WAIT = 60.0  # seconds; a rate limit that lasts longer ends the call
PAGE = 100  # GitHub's most
MEMBERS = ("OWNER", "MEMBER", "COLLABORATOR")
HEADERS = {
    "Accept": "application/vnd.github+json",
    "Content-Type": "application/json",
    "User-Agent": "champion-ci",
    "X-GitHub-Api-Version": "2022-11-28",
}


class GitError(ProjectError):
    """A git command that failed, with its last words."""


class GitHubError(ProjectError):
    """A call that GitHub refused, or that did not reach it."""


def git(root: Path, *arguments: str, env: Environment | None = None, variables: Mapping[str, str] | None = None) -> str:
    """What git prints; with `env` its token reaches the server, through the environment of this one command.

    Raises GitError when it fails.
    """
    given = {**os.environ, "GIT_TERMINAL_PROMPT": "0", **(_header(env) if env else {}), **(variables or {})}
    try:
        done = process.run(["git", *arguments], root, environment=given, seconds=GIT_LIMIT)
    except (OSError, process.NotEndedError) as error:
        raise GitError(f"git {arguments[0]} did not run: {error}.") from None
    if done.code:
        said = [line for line in done.errors.splitlines() if line.strip() and not line.startswith("hint:")]
        raise GitError(f"git {arguments[0]} failed: {' '.join(said[-4:])[-600:] or 'it said nothing'}")
    return done.output.rstrip("\n")


def _header(env: Environment) -> dict[str, str]:
    token, server = env["REPO_TOKEN"], env["GITHUB_SERVER_URL"]
    if not token or not server:
        return {}
    secret = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{server}/.extraheader",
        "GIT_CONFIG_VALUE_0": f"AUTHORIZATION: basic {secret}",
    }


def base_commit(root: Path, env: Environment) -> str:
    """The commit whose pointers name the champion.

    For a pull request the tip of the branch it goes into: where GitHub's own merge commit is checked out its first
    parent, else BASE_SHA. On a branch its tip on the server, which may be ahead of the commit that is checked out.
    Raises ProjectError when the history at hand does not have it.
    """
    base = env["BASE_SHA"]
    if not base:
        branch = env["GITHUB_REF_NAME"]
        return tip(root, branch, env) if branch else git(root, "rev-parse", "HEAD")
    is_merge = re.fullmatch(r"refs/pull/\d+/merge", env["GITHUB_REF"])
    if is_merge and env["GITHUB_SHA"] == git(root, "rev-parse", "HEAD"):
        base = git(root, "rev-parse", "HEAD^1")
    try:
        return git(root, "rev-parse", "--verify", "--quiet", f"{base}^{{commit}}")
    except GitError:
        raise ProjectError(
            f"The base commit {base[:12]} is not in this checkout. Check out with the whole history (fetch-depth: 0)."
        ) from None


def tip(root: Path, branch: str, env: Environment) -> str:
    """The newest commit of a branch on the server; it is fetched."""
    git(root, "fetch", "--quiet", "--no-tags", "origin", f"refs/heads/{branch}", env=env)
    return git(root, "rev-parse", "FETCH_HEAD")


def text_at(root: Path, commit: str, path: str) -> str | None:
    """A file's text at a commit; None where it has none."""
    if not git(root, "ls-tree", "--name-only", commit, "--", path):
        return None
    return git(root, "show", f"{commit}:{path}") + "\n"


def changed(root: Path, base: str) -> list[str]:
    """The files that a branch changes, since it left the base."""
    listed = git(root, "diff", "-z", "--name-only", "--no-renames", f"{base}...HEAD")
    return [name for name in listed.split("\0") if name]


def call(env: Environment, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One call of the API below ``/repos/OWNER/NAME/``: its answer, parsed; None where GitHub answers with nothing.

    Raises GitHubError with the status and what GitHub says, after a short wait where GitHub asks for one.
    """
    repository = env.need("GITHUB_REPOSITORY", "it names OWNER/NAME on GitHub")
    token = env.need("REPO_TOKEN", "GitHub answers only with a token")
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked with the variable
        f"{env['GITHUB_API_URL'] or _api(env['GITHUB_SERVER_URL'])}/repos/{repository}/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={**HEADERS, "Authorization": f"Bearer {token}"},
    )
    for left in reversed(range(TRIES)):
        try:
            with urllib.request.urlopen(request, timeout=CALL_LIMIT) as answer:  # noqa: S310 - as above
                return json.loads(answer.read(MOST_BYTES) or b"null")
        except urllib.error.HTTPError as error:
            wait = _wait(error, method)
            if not left or wait is None:
                raise GitHubError(f"GitHub refused {method} {path}: {error.code} {_said(error)}") from None
        except (OSError, ValueError) as error:
            raise GitHubError(f"GitHub did not answer {method} {path}: {error}") from None
        time.sleep(wait)
    raise AssertionError


def _api(server: str) -> str:
    """Where a server answers, which has to be the one that the token is for."""
    return "https://api.github.com" if server in ("", "https://github.com") else f"{server}/api/v3"


def is_trusted(written: Mapping[str, Any]) -> bool:
    """Whether a bot or a member of the repository wrote an issue or a comment."""
    return (written.get("user") or {}).get("type") == "Bot" or written.get("author_association") in MEMBERS


def pages(env: Environment, path: str, most: int) -> Iterator[list[dict[str, Any]]]:
    """A list of the API, page by page of at most 100 entries; the path has a query."""
    for number in range(1, most + 1):
        listed: list[dict[str, Any]] = call(env, "GET", f"{path}&per_page={PAGE}&page={number}")
        yield listed
        if len(listed) < PAGE:
            return


def _wait(error: urllib.error.HTTPError, method: str) -> float | None:
    """How many seconds to wait before the call is made again; None where that is no use, or would take too long."""

    def number(header: str) -> float | None:
        text = error.headers.get(header) or ""
        return float(text) if text.isdecimal() else None

    if error.code in (403, 429):
        wait = number("Retry-After")
        if wait is None and error.headers.get("X-RateLimit-Remaining") == "0":
            reset = number("X-RateLimit-Reset")
            wait = None if reset is None else reset - time.time()
        return None if wait is None or wait > LONGEST_WAIT else max(wait, 0.0)
    return PAUSE if error.code >= 500 and method == "GET" else None  # what writes may have been done


def _said(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(10_000)).get("message", ""))[:300]
    except (OSError, ValueError, AttributeError):
        return ""
