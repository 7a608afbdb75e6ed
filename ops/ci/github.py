"""The few calls of GitHub's REST API that neither git nor CML makes."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from ml.errors import ProjectError
from ops.ci.surroundings import Surroundings

TIME_LIMIT = 60.0  # seconds for one call
MOST_BYTES = 20_000_000  # of one answer


class GitHubError(ProjectError):
    """A call that GitHub refused, or that did not reach it."""


def call(around: Surroundings, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One call of the API, below the repository.

    Parameters
    ----------
    around : Surroundings
        `GITHUB_API_URL`, `GITHUB_REPOSITORY` and `REPO_TOKEN`.
    method : str
        Such as ``GET``.
    path : str
        Below ``/repos/OWNER/NAME``, without a slash in front; encoded.
    body : dict, optional
        Sent as JSON.

    Returns
    -------
    Any
        The answer, parsed.

    Raises
    ------
    GitHubError
        With the status and what GitHub says.
    """
    repository = around.need("GITHUB_REPOSITORY", "it names OWNER/NAME on GitHub")
    token = around.need("REPO_TOKEN", "GitHub answers only with a token")
    url = f"{around['GITHUB_API_URL'] or 'https://api.github.com'}/repos/{repository}/{path}"
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked with the variable
        url,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "User-Agent": "champion-ci",
            "X-GitHub-Api-Version": "2022-11-28",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=TIME_LIMIT) as answer:  # noqa: S310 - as above
            return json.loads(answer.read(MOST_BYTES))
    except urllib.error.HTTPError as error:
        raise GitHubError(f"GitHub refused {method} {path}: {error.code} {_said(error)}") from None
    except (OSError, ValueError) as error:
        raise GitHubError(f"GitHub did not answer {method} {path}: {error}") from None


def _said(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(10_000)).get("message", ""))[:300]
    except (OSError, ValueError, AttributeError):
        return ""
