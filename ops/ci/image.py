"""The image with the champion inside: built, tagged with model version and commit, pushed to the repository's registry."""

from __future__ import annotations

from pathlib import Path

from ml.errors import ProjectError
from ops.ci import state
from ops.ci.git import git
from ops.ci.surroundings import Surroundings
from ops.continuity import read_package

TARGET = "champion"


def publish(root: Path, around: Surroundings) -> str:
    """Build the image, and push it where there is a token for the registry, or the registry has a name of its own.

    Parameters
    ----------
    root : Path
        The checkout, with the champions' packages under ``models/``.
    around : Surroundings
        `IMAGE` names the image, else ``ghcr.io/OWNER/NAME``; `GITHUB_ACTOR` and `REPO_TOKEN` are for that registry.

    Returns
    -------
    str
        What was done.

    Raises
    ------
    ProjectError
        When the engine is missing, or building or pushing fails.
    """
    if state.load(root).pointer == "proposed":
        return "No image: the pointer waits in a pull request, whose merge builds it."
    names = image_names(root, around)
    if names is None:
        return "No image: there is no champion yet."
    from ops.image import build_named

    build_named(TARGET, names)
    if not around["REPO_TOKEN"] and not around["IMAGE"]:
        return f"Built {', '.join(names)}; not pushed, because REPO_TOKEN is not set."
    for name in names:
        _push(name, around)
    return f"Pushed {', '.join(names)}."


def image_names(root: Path, around: Surroundings) -> list[str] | None:
    """One name for each champion's version and one for the commit; None where there is no champion."""
    versions = [
        f"{place.use_case.name.lower()}-v{package.manifest.model_version}"
        for place in state.use_cases(root)
        if (package := read_package(place))
    ]
    if not versions:
        return None
    image = around["IMAGE"] or f"ghcr.io/{around['GITHUB_REPOSITORY'] or 'local/champion'}"
    return [f"{image.lower()}:{tag}" for tag in (*versions, git(root, "rev-parse", "HEAD")[:12])]


def _push(name: str, around: Surroundings) -> None:
    """Push one name; the token goes with the call and is kept nowhere."""
    from docker.errors import DockerException

    from ops.engine import connect, explained

    login = None
    if not around["IMAGE"]:  # the token is GitHub's, so no other registry gets to see it
        login = {"username": around["GITHUB_ACTOR"] or "token", "password": around["REPO_TOKEN"]}
    try:
        for line in connect().images.push(name, stream=True, decode=True, auth_config=login):
            if "error" in line:
                raise ProjectError(f"{name} could not be pushed: {line['error']}. The job needs `packages: write`.")
    except DockerException as error:
        raise explained(error) from error
