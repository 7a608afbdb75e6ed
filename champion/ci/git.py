"""git as the workflows need it: a base commit that cannot be chosen by a pull request, and a token that no list shows."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from pathlib import Path

from champion.ci.environment import Environment
from champion.errors import ProjectError
from champion.workspace import process

TIME_LIMIT = 300.0  # seconds


class GitError(ProjectError):
    """A git command that failed, with its last words."""


def git(root: Path, *arguments: str, env: Environment | None = None, variables: Mapping[str, str] | None = None) -> str:
    """What git prints; with `env` its token reaches the server, through the environment of this one command.

    Raises GitError when it fails.
    """
    given = {**os.environ, "GIT_TERMINAL_PROMPT": "0", **(_token(env) if env else {}), **(variables or {})}
    try:
        done = process.run(["git", *arguments], root, environment=given, seconds=TIME_LIMIT)
    except (OSError, process.NotEndedError) as error:
        raise GitError(f"git {arguments[0]} did not run: {error}.") from None
    if done.code:
        said = [line for line in done.errors.splitlines() if line.strip() and not line.startswith("hint:")]
        raise GitError(f"git {arguments[0]} failed: {' '.join(said[-4:])[-600:] or 'it said nothing'}")
    return done.output.rstrip("\n")


def _token(env: Environment) -> dict[str, str]:
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
