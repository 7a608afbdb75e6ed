"""The image with the champion inside: built, tried out, tagged with model version and commit, and pushed."""

from pathlib import Path

from champion.ci import runs
from champion.ci.champion import recorded_scores
from champion.ci.environment import Environment
from champion.ci.repository import git
from champion.errors import ProjectError
from champion.workspace.workspace import Workspace, read_package, shown


def publish(root: Path, env: Environment) -> str:
    """Build an image for each champion and try it out; push where there is a token, or a registry of one's own.

    `IMAGE` names the image, else ``ghcr.io/OWNER/NAME``; `GITHUB_ACTOR` and `REPO_TOKEN` are for that registry. Raises
    ProjectError when the engine is missing, an image does not serve the champion that its pointer names, or building or
    pushing fails.
    """
    if runs.load(root).pointer == "proposed":
        return "No image: the pointer waits in a pull request, whose merge builds it."
    champions = [(each, number) for each in runs.use_cases(root) if (number := _version(each)) is not None]
    if not champions:
        return "No image: there is no champion yet."
    from champion.orchestration.docker.engine import connect
    from champion.orchestration.docker.image import build_named, try_out

    names, lines = [], []
    for workspace, number in champions:
        built = build_named("champion", image_names(workspace, number, env), workspace.use_case.name)
        lines.append(f"Tried: {try_out(connect(), built[0], workspace.use_case.name, number)}.")
        names += built
    if env["REPO_TOKEN"] or env["IMAGE"]:
        for name in names:
            _push(name, env)
        lines.append(f"Pushed {', '.join(names)}.")
    else:
        lines.append(f"Built {', '.join(names)}; not pushed, because REPO_TOKEN is not set.")
    return "\n".join(lines)


def _version(workspace: Workspace) -> int | None:
    """The version in the package, which has to be the one that the pointer names."""
    package = read_package(workspace)
    if package is None:
        return None
    number, pointer = package.manifest.model_version, workspace.pointer
    named = recorded_scores(pointer.read_text(encoding="utf-8")).model_version if pointer.is_file() else None
    if named not in (None, number):
        raise ProjectError(
            f"{shown(pointer, workspace.root)} names version {named}, but {workspace.shown_package} holds version {number}. "
            "Run `make pull`, or `make push` where the package is the newer one."
        )
    return number


def image_names(workspace: Workspace, number: int, env: Environment) -> list[str]:
    """The names of a champion's image: by its version, and by the commit."""
    image = env["IMAGE"] or f"ghcr.io/{env['GITHUB_REPOSITORY'] or 'local/champion'}"
    tags = (f"v{number}", git(workspace.root, "rev-parse", "HEAD")[:12])
    return [f"{image.lower()}:{workspace.use_case.name.lower()}-{tag}" for tag in tags]


def _push(name: str, env: Environment) -> None:
    """Push one name; the token goes with the call and is kept nowhere."""
    from champion.orchestration.docker.engine import connect, errors_explained

    login = None
    if not env["IMAGE"]:  # the token is GitHub's, so no other registry gets to see it
        login = {"username": env["GITHUB_ACTOR"] or "token", "password": env["REPO_TOKEN"]}
    with errors_explained():
        for line in connect().images.push(name, stream=True, decode=True, auth_config=login):
            if "error" in line:
                raise ProjectError(f"{name} could not be pushed: {line['error']}. The job needs `packages: write`.")
