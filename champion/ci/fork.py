"""A comment on a fork's pull request: what its run left is untrusted input, read strictly and rendered by our own code.

The fork's code ran without a secret and with a token that can only read. Here the base repository's code runs, with a
token that can comment and no line of the fork's. The artifact decides nothing but numbers and names, which the renderer
escapes; which pull request it is about is decided by the run's head commit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from champion.ci import github
from champion.ci.comment import COMMENT, STORY
from champion.ci.post import post_on
from champion.ci.surroundings import Surroundings
from champion.errors import ProjectError
from champion.reporting.comment import render_comment
from champion.reporting.comment_input import Story
from champion.workspace.workspace import write_text

MOST_BYTES = 8_000_000
PAGES = 10  # of a hundred open pull requests


def comment_on_fork(root: Path, around: Surroundings) -> str:
    """Validate the artifact, find the pull request, comment.

    Parameters
    ----------
    around : Surroundings
        `ARTIFACT` is the folder that the artifact was unpacked into, `HEAD_SHA` and `HEAD_REPOSITORY` are the run's.

    Returns
    -------
    str
        What was done.

    Raises
    ------
    ProjectError
        When the artifact is not what a run leaves.
    """
    head = around.need("HEAD_SHA", "the commit of the run that left the artifact")
    folder = Path(around.need("ARTIFACT", "the folder that the artifact was unpacked into"))
    if not (folder / STORY).exists():
        return "The run left no comment; nothing was posted."
    numbers = pull_requests(around, head)
    if not numbers:
        return f"No open pull request has the head commit {head[:12]}; nothing was posted."
    story = read_story(folder).model_copy(update={"commit": head})
    write_text(root / "reports" / COMMENT, rendered(story, around.run_link))
    return " ".join(post_on(root, around, number) for number in numbers)


def read_story(folder: Path) -> Story:
    """The story in an artifact that nobody trusts.

    Parameters
    ----------
    folder : Path
        Where it was unpacked; only ``comment.json`` is looked at.

    Raises
    ------
    ProjectError
        When it is no plain file, too large, or not a story.
    """
    path = folder / STORY
    if path.is_symlink() or not path.is_file():
        raise ProjectError(f"The artifact has no file {STORY}; nothing was posted.")
    if path.stat().st_size > MOST_BYTES:
        raise ProjectError(f"{STORY} of the artifact is larger than {MOST_BYTES} bytes; nothing was posted.")
    try:
        return Story.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise ProjectError(
            f"{STORY} of the artifact is not what a run leaves ({error.error_count()} errors); nothing was posted."
        ) from None


def rendered(story: Story, link: str | None) -> str:
    """The comment, which says that a stranger's code gave the numbers.

    Raises
    ------
    ProjectError
        When parts of the story do not fit together.
    """
    try:
        return render_comment(story, link, stranger=True)
    except Exception as error:  # whatever numbers that contradict each other make the renderer raise
        raise ProjectError(
            f"{STORY} of the artifact contradicts itself ({type(error).__name__}); nothing was posted."
        ) from None


def pull_requests(around: Surroundings, head: str) -> list[int]:
    """The open pull requests whose head commit is the run's, whatever the artifact says."""
    repository, source = around["GITHUB_REPOSITORY"], around["HEAD_REPOSITORY"]
    found = []
    for listed in github.pages(around, "pulls?state=open", PAGES):
        found += [pull["number"] for pull in listed if _is_about(pull, head, repository, source)]
    return found


def _is_about(pull: dict[str, Any], head: str, repository: str, source: str) -> bool:
    theirs = (pull["head"].get("repo") or {}).get("full_name")  # none where the fork was deleted
    return pull["head"]["sha"] == head and pull["base"]["repo"]["full_name"] == repository and source in ("", theirs)
