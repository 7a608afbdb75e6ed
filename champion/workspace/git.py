"""What git says of the checkout; nothing is fetched or changed."""

import os
from pathlib import Path

from champion.workspace import process


def git(root: Path, *arguments: str) -> str | None:
    """What git prints, or None where there is no git, no checkout, or nothing to answer."""
    try:
        done = process.run(["git", *arguments], root, environment={**os.environ, "GIT_OPTIONAL_LOCKS": "0"})
    except OSError:
        return None
    return done.output.strip("\n") if done.code == 0 else None


def commit(root: Path) -> tuple[str | None, bool]:
    """The commit that is checked out, and whether tracked files differ from it."""
    head = git(root, "rev-parse", "HEAD")
    if not head:
        return None, False
    return head, bool(git(root, "status", "--porcelain", "--untracked-files=no"))
