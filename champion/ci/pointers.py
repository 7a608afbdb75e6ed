"""The bot's commit: the pointers of a new champion, on top of the branch as it is now, and nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from champion.ci import github, state
from champion.ci.champion import BOT, recorded_scores
from champion.ci.environment import Environment
from champion.ci.git import GitError, git, text_at, tip
from champion.ci.state import CiState
from champion.errors import ProjectError
from champion.workspace.workspace import Workspace, shown

EMAIL = "41898282+github-actions[bot]@users.noreply.github.com"
TRIES = 3
ROLES = ("AUTHOR", "COMMITTER")
SKIP = "[skip ci]"  # the commit changes no code, and the champion it names has been judged already


def commit_pointers(root: Path, env: Environment) -> str:
    """Commit the pointers that differ from the branch's, and push them; as a pull request where the branch is protected.

    Raises ProjectError when the branch names another champion by now than the one that was judged against.

    Parameters
    ----------
    root : Path
        The checkout, its pointers written by ``make push``.
    env : Environment
        `GITHUB_REF_NAME` is the branch (the one that is checked out if not set), `REPO_TOKEN` may write to it.
    """
    branch = env["GITHUB_REF_NAME"] or git(root, "branch", "--show-current")
    known = state.load(root)
    refused = None
    for _ in range(TRIES):
        newest = tip(root, branch, env)
        changed = _changed(root, newest, known)
        if not changed:
            state.save(root, known.model_copy(update={"pointer": "unchanged"}))
            return f"The pointers on {branch} name the champion already."
        message = _message(changed)
        try:
            made = _commit(root, newest, changed, f"{message} {SKIP}")
            git(root, "push", "--quiet", "origin", f"{made}:refs/heads/{branch}", env=env)
        except GitError as error:
            refused = error
            if _moved(error):
                continue
            break
        if git(root, "rev-parse", "HEAD") == newest:  # the work tree has these pointers already
            git(root, "reset", "--quiet", "--mixed", made)
        state.save(root, known.model_copy(update={"pointer": "pushed"}))
        return f"Pushed to {branch}: {message}"
    if refused is not None and _moved(refused):
        raise ProjectError(f"{branch} moved {TRIES} times while the pointer was pushed. Run the workflow again.")
    done = _propose(root, env, branch, newest, changed, refused)
    state.save(root, known.model_copy(update={"pointer": "proposed"}))
    return done


def _moved(error: GitError) -> bool:
    return any(words in str(error) for words in ("non-fast-forward", "fetch first", "cannot lock ref"))


def _changed(root: Path, newest: str, known: CiState) -> list[Workspace]:
    """The use cases whose pointer is not the branch's.

    Raises ProjectError when the branch's is not the one that this run started from either.
    """
    differing = []
    for workspace in state.use_cases(root):
        if not workspace.pointer.exists():
            continue
        name = shown(workspace.pointer, root)
        theirs = text_at(root, newest, name)
        if workspace.pointer.read_text(encoding="utf-8") == theirs:
            continue
        if known.base and theirs != known.pointers.get(workspace.use_case.name):
            raise ProjectError(
                f"Nothing was recorded: {name} was changed on the branch while this run was under way, so its champion "
                "was not the one that was judged against. Run the workflow again."
            )
        differing.append(workspace)
    return differing


def _message(changed: list[Workspace]) -> str:
    parts = []
    for workspace in changed:
        recorded = recorded_scores(workspace.pointer.read_text(encoding="utf-8"))
        metric = workspace.use_case.promotion.metric
        score = f", {metric} {recorded.metrics[metric]:.4f}" if metric in recorded.metrics else ""
        parts.append(f"{workspace.use_case.name}: version {recorded.model_version}{score}")
    return f"Champion of {'; '.join(parts)}"


def _commit(root: Path, newest: str, changed: list[Workspace], message: str) -> str:
    """A commit on top of the tip that changes the pointers alone; neither the work tree nor the index is touched."""
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        git(root, "read-tree", newest, variables=index)
        for workspace in changed:
            blob = git(root, "hash-object", "-w", "--no-filters", str(workspace.pointer))
            entry = f"100644,{blob},{shown(workspace.pointer, root)}"
            git(root, "update-index", "--add", "--cacheinfo", entry, variables=index)
        tree = git(root, "write-tree", variables=index)
    who = {f"GIT_{role}_NAME": BOT for role in ROLES} | {f"GIT_{role}_EMAIL": EMAIL for role in ROLES}
    return git(root, "commit-tree", tree, "-p", newest, "-m", message, variables=who)


def _propose(
    root: Path, env: Environment, branch: str, newest: str, changed: list[Workspace], refused: GitError | None
) -> str:
    """A pull request with the pointers; without the words that skip CI, so that required checks can run on it."""
    message = _message(changed)
    made = _commit(root, newest, changed, message)
    head = f"champion/{made[:12]}"
    try:
        git(root, "push", "--quiet", "--force", "origin", f"{made}:refs/heads/{head}", env=env)
    except GitError as error:
        raise ProjectError(
            f"The pointer could be pushed neither to {branch} nor to {head}: {error} (first: {refused}). The job needs "
            "`contents: write`."
        ) from None
    body = (
        f"{message}.\n\nThe model was judged on {branch} and its package is on the DVC remote. This changes the pointer "
        f"alone; {branch} is protected, so it is a pull request. Close it to leave production as it is."
    )
    answer: Any = github.call(env, "POST", "pulls", {"title": message, "head": head, "base": branch, "body": body})
    return f"{branch} is protected: pull request {answer.get('number')} has the pointer. {message}"
