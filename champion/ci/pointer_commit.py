"""The bot's commit: the pointers of a new champion, on top of the branch as it is now, and nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from champion.ci import github, state
from champion.ci.base import BOT, recorded_scores
from champion.ci.git import GitError, git, text_at
from champion.ci.state import State
from champion.ci.surroundings import Surroundings
from champion.errors import ProjectError
from champion.workspace.workspace import Workspace, shown

EMAIL = "41898282+github-actions[bot]@users.noreply.github.com"
TRIES = 3
SKIP = "[skip ci]"  # the commit changes no code, and the champion it names has been judged already


def commit_pointers(root: Path, around: Surroundings) -> str:
    """Commit the pointers that differ from the branch's, and push them; as a pull request where the branch is protected.

    Parameters
    ----------
    root : Path
        The checkout, its pointers written by ``make push``.
    around : Surroundings
        `GITHUB_REF_NAME` is the branch (the one that is checked out if not set), `REPO_TOKEN` may write to it.

    Returns
    -------
    str
        What was done.

    Raises
    ------
    ProjectError
        When the branch names another champion by now than the one that was judged against.
    """
    branch = around["GITHUB_REF_NAME"] or git(root, "branch", "--show-current")
    settled = state.load(root)
    refused = None
    for _ in range(TRIES):
        git(root, "fetch", "--quiet", "--no-tags", "origin", f"refs/heads/{branch}", around=around)
        tip = git(root, "rev-parse", "FETCH_HEAD")
        changed = _changed(root, tip, settled)
        if not changed:
            state.save(root, settled.model_copy(update={"pointer": "unchanged"}))
            return f"The pointers on {branch} name the champion already."
        message = _message(changed)
        try:
            made = _commit(root, tip, changed, f"{message} {SKIP}")
            git(root, "push", "--quiet", "origin", f"{made}:refs/heads/{branch}", around=around)
        except GitError as error:
            refused = error
            if _moved(error):
                continue
            break
        if git(root, "rev-parse", "HEAD") == tip:  # the work tree has these pointers already
            git(root, "reset", "--quiet", "--mixed", made)
        state.save(root, settled.model_copy(update={"pointer": "pushed"}))
        return f"Pushed to {branch}: {message}"
    if refused is not None and _moved(refused):
        raise ProjectError(f"{branch} moved {TRIES} times while the pointer was pushed. Run the workflow again.")
    done = _propose(root, around, branch, tip, changed, refused)
    state.save(root, settled.model_copy(update={"pointer": "proposed"}))
    return done


def _moved(error: GitError) -> bool:
    return any(words in str(error) for words in ("non-fast-forward", "fetch first", "cannot lock ref"))


def _changed(root: Path, tip: str, settled: State) -> list[Workspace]:
    """The use cases whose pointer is not the branch's.

    Raises
    ------
    ProjectError
        When the branch's is not the one that this run started from either.
    """
    found = []
    for place in state.use_cases(root):
        if not place.pointer.exists():
            continue
        name = shown(place.pointer, root)
        theirs = text_at(root, tip, name)
        if place.pointer.read_text(encoding="utf-8") == theirs:
            continue
        if settled.base and theirs != settled.pointers.get(place.use_case.name):
            raise ProjectError(
                f"Nothing was recorded: {name} was changed on the branch while this run was under way, so its champion "
                "was not the one that was judged against. Run the workflow again."
            )
        found.append(place)
    return found


def _message(changed: list[Workspace]) -> str:
    told = []
    for place in changed:
        found = recorded_scores(place.pointer.read_text(encoding="utf-8"))
        metric = place.use_case.promotion.metric
        scored = f", {metric} {found.metrics[metric]:.4f}" if metric in found.metrics else ""
        told.append(f"{place.use_case.name}: version {found.model_version}{scored}")
    return f"Champion of {'; '.join(told)}"


def _commit(root: Path, tip: str, changed: list[Workspace], message: str) -> str:
    """A commit on top of the tip that changes the pointers alone; neither the work tree nor the index is touched."""
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git(root, "read-tree", tip, environment=index)
        for place in changed:
            blob = git(root, "hash-object", "-w", "--no-filters", str(place.pointer))
            git(
                root,
                "update-index",
                "--add",
                "--cacheinfo",
                f"100644,{blob},{shown(place.pointer, root)}",
                environment=index,
            )
        tree = git(root, "write-tree", environment=index)
    who = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (("NAME", BOT), ("EMAIL", EMAIL))
    }
    return git(root, "commit-tree", tree, "-p", tip, "-m", message, environment=who)


def _propose(
    root: Path, around: Surroundings, branch: str, tip: str, changed: list[Workspace], refused: GitError | None
) -> str:
    """A pull request with the pointers; without the words that skip CI, so that required checks can run on it."""
    message = _message(changed)
    made = _commit(root, tip, changed, message)
    head = f"champion/{made[:12]}"
    try:
        git(root, "push", "--quiet", "--force", "origin", f"{made}:refs/heads/{head}", around=around)
    except GitError as error:
        raise ProjectError(
            f"The pointer could be pushed neither to {branch} nor to {head}: {error} (first: {refused}). The job needs "
            "`contents: write`."
        ) from None
    body = (
        f"{message}.\n\nThe model was judged on {branch} and its package is on the DVC remote. This changes the pointer "
        f"alone; {branch} is protected, so it is a pull request. Close it to leave production as it is."
    )
    answer: Any = github.call(around, "POST", "pulls", {"title": message, "head": head, "base": branch, "body": body})
    return f"{branch} is protected: pull request {answer.get('number')} has the pointer. {message}"
