"""The image with the champion inside: built, tried out, tagged with model version and commit, and pushed."""

from __future__ import annotations

from pathlib import Path

from champion.ci import state
from champion.ci.base import recorded_scores
from champion.ci.git import git
from champion.ci.surroundings import Surroundings
from champion.errors import ProjectError
from champion.registry.reconcile import read_package
from champion.workspace.workspace import Workspace, shown

TARGET = "champion"


def publish(root: Path, around: Surroundings) -> str:
    """Build an image for each champion and try it out; push where there is a token, or a registry of one's own.

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
        When the engine is missing, an image does not serve the champion that its pointer names, or building or pushing
        fails.
    """
    if state.load(root).pointer == "proposed":
        return "No image: the pointer waits in a pull request, whose merge builds it."
    champions = [
        (workspace, number) for workspace in state.use_cases(root) if (number := _champion(workspace)) is not None
    ]
    if not champions:
        return "No image: there is no champion yet."
    from champion.orchestration.docker.engine import connect
    from champion.orchestration.docker.image import build_named
    from champion.orchestration.docker.trial import try_out

    names, told = [], []
    for workspace, number in champions:
        built = build_named(TARGET, image_names(workspace, number, around), workspace.use_case.name)
        told.append(f"Tried: {try_out(connect(), built[0], workspace.use_case.name, number)}.")
        names += built
    if not around["REPO_TOKEN"] and not around["IMAGE"]:
        return "\n".join([*told, f"Built {', '.join(names)}; not pushed, because REPO_TOKEN is not set."])
    for name in names:
        _push(name, around)
    return "\n".join([*told, f"Pushed {', '.join(names)}."])


def _champion(workspace: Workspace) -> int | None:
    """The version in the package, which has to be the one that the pointer names."""
    package = read_package(workspace)
    if package is None:
        return None
    number = package.manifest.model_version
    named = (
        recorded_scores(workspace.pointer.read_text(encoding="utf-8")).model_version
        if workspace.pointer.is_file()
        else None
    )
    if named not in (None, number):
        raise ProjectError(
            f"{shown(workspace.pointer, workspace.root)} names version {named}, but "
            f"{workspace.shown_package} holds version {number}. "
            "Run `make pull`, or `make push` where the package is the newer one."
        )
    return number


def image_names(workspace: Workspace, number: int, around: Surroundings) -> list[str]:
    """The names of a champion's image: by its version, and by the commit."""
    image = around["IMAGE"] or f"ghcr.io/{around['GITHUB_REPOSITORY'] or 'local/champion'}"
    tags = (f"v{number}", git(workspace.root, "rev-parse", "HEAD")[:12])
    return [f"{image.lower()}:{workspace.use_case.name.lower()}-{tag}" for tag in tags]


def _push(name: str, around: Surroundings) -> None:
    """Push one name; the token goes with the call and is kept nowhere."""
    from docker.errors import DockerException

    from champion.orchestration.docker.engine import connect, explained

    login = None
    if not around["IMAGE"]:  # the token is GitHub's, so no other registry gets to see it
        login = {"username": around["GITHUB_ACTOR"] or "token", "password": around["REPO_TOKEN"]}
    try:
        for line in connect().images.push(name, stream=True, decode=True, auth_config=login):
            if "error" in line:
                raise ProjectError(f"{name} could not be pushed: {line['error']}. The job needs `packages: write`.")
    except DockerException as error:
        raise explained(error) from error
