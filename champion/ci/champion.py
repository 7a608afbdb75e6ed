"""The champion that a challenger is held against, the one that the base commit's pointers name; and what a new one leaves.

That is the bot's commit, which has its pointers, on top of the branch as it is now, and nothing else; and the image with it
inside: built, tried out, tagged with model version and commit, and pushed.
"""

import re
from pathlib import Path
from typing import Any

from champion.ci import repository, runs
from champion.ci.environment import Environment
from champion.ci.repository import GitError, git, text_at
from champion.ci.runs import CiState
from champion.datastore import index, remote
from champion.datastore.fetch import pull_pointer
from champion.errors import GATE_SAID_NO, ConfigurationError, ProjectError
from champion.orchestration.object_access import bring_table
from champion.reporting.comment import ComparedChampion
from champion.scratch import scratch
from champion.workspace.files import write_text
from champion.workspace.workspace import Workspace, read_package, shown, use_cases

BOT = "github-actions[bot]"
BOT_IDENTITY = {"NAME": BOT, "EMAIL": f"41898282+{BOT}@users.noreply.github.com"}
BRANCH = "champion/"  # and the whole hash of its one commit: whatever lies on top of that has another
TRIES = 3
SKIP = "[skip ci]"  # the commit changes no code, and the champion it names has been judged already
DVC_FILES = (".dvc", "dvc.yaml", "dvc.lock")
HARMLESS = ("models/.gitkeep", "models/.gitignore")
NO_REMOTE = "there is no DVC remote here, or no credentials for it, as on a pull request from a fork"


class RefusedError(ProjectError):
    """A pull request that may not be judged as it is; exit code 3."""

    exit_code = GATE_SAID_NO


def fetch_champions(root: Path, env: Environment) -> str:
    """Fetch data and champion of every use case, and keep what the next steps have to know; a line for each use case.

    Of a pull request `BASE_SHA`, `PR_AUTHOR`, `HEAD_REF` and `HEAD_REPOSITORY` are set; without them the tip of the branch
    names the champion. With `WITHOUT_DATA` no table is fetched. Raises RefusedError when the pull request names a champion
    (production is changed by what was judged, not by hand), or comes from a fork and moves the remote. Raises ProjectError
    when base, data or champion cannot be had.
    """
    known: dict[str, Any] = {}
    try:
        known["base"] = base = repository.base_commit(root, env)
        if env["BASE_SHA"]:
            known["redirected"] = _guarded(root, base, env)
        known["remote"] = reachable = remote.available(root)
        champions: dict[str, ComparedChampion] = {}
        pointers: dict[str, str | None] = {}
        for workspace in use_cases(root):
            name = workspace.use_case.name
            pointers[name] = text_at(root, base, shown(workspace.pointer, root))
            if not env["WITHOUT_DATA"]:
                bring_table(workspace)
            champions[name] = _recorded(workspace, pointers[name], reachable, env.has_server)
        known |= {"champions": champions, "pointers": pointers}
    except ProjectError as error:
        known["refusal"] = str(error)
        raise
    finally:
        runs.save(root, CiState(**known))
    lines = []
    for name, champion in champions.items():
        number = "none" if champion.model_version is None else f"version {champion.model_version}"
        lines.append(f"{name}: champion {number} ({champion.source}) {champion.why}".rstrip())
    return "\n".join(lines)


def _guarded(root: Path, base: str, env: Environment) -> list[str]:
    """The files of a pull request by which DVC fetches from, or pushes to, another place.

    Raises RefusedError for those that name the model in production, whatever they are called, and for a stranger's.
    """
    files = repository.changed(root, base)
    models = root / "models"
    pointers = {name for name in files if f"{name}/".startswith("models/") and name not in HARMLESS}
    redirected = {name for name in files if decides_for_dvc(name)}
    if any(name.endswith(DVC_FILES) for name in files):
        for output in index.outputs(root):
            if output.named_by not in files:
                continue
            if output.path.is_relative_to(models) or models.is_relative_to(output.path):
                pointers.add(output.named_by)
            elif output.elsewhere:
                redirected.add(output.named_by)
    if pointers and not (pointers == set(files) and _is_bots(root, files, env)):
        raise RefusedError(
            f"This pull request changes {', '.join(sorted(pointers))}, which names the model in production. A pointer is "
            "written on the main branch alone, after a challenger was judged there or a rollback was asked for. Take it out "
            f"(`git checkout {base[:12]} -- {' '.join(sorted(pointers))}`, `git rm` for what is new) and push again; to roll "
            "back, run the workflow by hand."
        )
    if redirected and env["HEAD_REPOSITORY"] != env["GITHUB_REPOSITORY"]:
        raise RefusedError(
            f"This pull request from a fork changes {', '.join(sorted(redirected))}, which decides where data and models "
            "are fetched from and pushed to. Take it out, or let a member of the repository propose it from a branch of "
            "the repository."
        )
    return sorted(redirected)


def decides_for_dvc(name: str) -> bool:
    """Whether a file tells DVC where to look: its configuration, or what it leaves out of sight, pointers among it."""
    return name.startswith(".dvc/") or name.rpartition("/")[2] == ".dvcignore"


def _is_bots(root: Path, files: list[str], env: Environment) -> bool:
    """Whether these files are as the bot committed them, in the pull request that it opened.

    Anybody who may push can put a commit on top of it, and write the bot's name into it. So its branch bears the hash of
    its one commit, and what is there now has to be the same.
    """
    named = re.fullmatch(f"{BRANCH}([0-9a-f]{{40}})", env["HEAD_REF"])
    if env["PR_AUTHOR"] != BOT or not named:
        return False
    try:
        git(root, "merge-base", "--is-ancestor", named[1], "HEAD")
        return not git(root, "diff", "--name-only", named[1], "HEAD", "--", *files)
    except GitError:
        return False


def _recorded(workspace: Workspace, pointer: str | None, reachable: bool, server: bool) -> ComparedChampion:
    if pointer is None:
        return ComparedChampion(source="server" if server else "none")
    recorded = recorded_scores(pointer)
    if not workspace.pointer.exists() or workspace.pointer.read_text(encoding="utf-8") != pointer:
        write_text(workspace.pointer, pointer)
    if reachable:
        pull_pointer(workspace.root, workspace.pointer)
    elif not index.restore(workspace.root, index.pointed(workspace.pointer)[1], workspace.package):
        return recorded.model_copy(update={"source": "server" if server else "pointer", "why": NO_REMOTE})
    return of_the_package(workspace, recorded, server)


def of_the_package(workspace: Workspace, otherwise: ComparedChampion, server: bool) -> ComparedChampion:
    """What the package in the workspace says of the champion."""
    package = read_package(workspace)
    if package is None:
        return otherwise
    recorded = package.manifest.model_dump(include={"model_version", "metrics", "data_version", "rows"})
    return ComparedChampion(source="server" if server else "package", **recorded)


def recorded_scores(pointer: str) -> ComparedChampion:
    """The champion as the `meta` of a pointer records it, without what the pointer does not say."""
    try:
        recorded = index.Pointer("", index.pointer_meta(pointer, "The pointer"))
    except ConfigurationError:
        return ComparedChampion(source="pointer")
    return ComparedChampion(
        source="pointer",
        model_version=recorded.number,
        metrics=recorded.metrics,
        data_version=recorded.text("data_version"),
    )


def commit_pointers(root: Path, env: Environment) -> str:
    """Commit the pointers that differ from the branch's, and push them; as a pull request where the branch is protected.

    `make push` has written them. The branch is `GITHUB_REF_NAME` (the one that is checked out if not set), and
    `REPO_TOKEN` may write to it. Raises ProjectError when the branch names another champion by now than the one that was
    judged against.
    """
    branch = env["GITHUB_REF_NAME"] or git(root, "branch", "--show-current")
    known = runs.load(root)

    def done(pointer: str, said: str) -> str:
        runs.save(root, known.model_copy(update={"pointer": pointer}))
        return said

    for _ in range(TRIES):
        newest = repository.tip(root, branch, env)
        changed = _changed(root, newest, known)
        if not changed:
            return done("unchanged", f"The pointers on {branch} name the champion already.")
        message = _message(changed)
        made = _commit(root, newest, changed, f"{message} {SKIP}")
        try:
            git(root, "push", "--quiet", "origin", f"{made}:refs/heads/{branch}", env=env)
        except GitError as error:
            if any(words in str(error) for words in ("non-fast-forward", "fetch first", "cannot lock ref")):
                continue
            made = _commit(root, newest, changed, message)  # without the words that skip CI: required checks run on it
            return done("proposed", _propose(root, env, branch, made, message, error))
        if git(root, "rev-parse", "HEAD") == newest:  # the work tree has these pointers already
            git(root, "reset", "--quiet", "--mixed", made)
        return done("pushed", f"Pushed to {branch}: {message}")
    raise ProjectError(f"{branch} moved {TRIES} times while the pointer was pushed. Run the workflow again.")


def _changed(root: Path, newest: str, known: CiState) -> list[Workspace]:
    """The use cases whose pointer is not the branch's.

    Raises ProjectError when the branch's is not the one that this run started from either.
    """
    differing = []
    for workspace in use_cases(root):
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
    with scratch() as folder:
        own_index = {"GIT_INDEX_FILE": str(folder / "index")}
        git(root, "read-tree", newest, variables=own_index)
        for workspace in changed:
            blob = git(root, "hash-object", "-w", "--no-filters", str(workspace.pointer))
            entry = f"100644,{blob},{shown(workspace.pointer, root)}"
            git(root, "update-index", "--add", "--cacheinfo", entry, variables=own_index)
        tree = git(root, "write-tree", variables=own_index)
    who = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in BOT_IDENTITY.items()}
    return git(root, "commit-tree", tree, "-p", newest, "-m", message, variables=who)


def _propose(root: Path, env: Environment, branch: str, made: str, message: str, refused: GitError) -> str:
    """A pull request with the pointers."""
    head = f"{BRANCH}{made}"
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
    answer: Any = repository.call(env, "POST", "pulls", {"title": message, "head": head, "base": branch, "body": body})
    return f"{branch} is protected: pull request {answer.get('number')} has the pointer. {message}"


def publish_images(root: Path, env: Environment) -> str:
    """Build an image for each champion and try it out; push where there is a token, or a registry of one's own.

    `IMAGE` names the image, else ``ghcr.io/OWNER/NAME``; `GITHUB_ACTOR` and `REPO_TOKEN` are for that registry. Raises
    ProjectError when the engine is missing, an image does not serve the champion that its pointer names, or building or
    pushing fails.
    """
    if runs.load(root).pointer == "proposed":
        return "No image: the pointer waits in a pull request, whose merge builds it."
    champions = [(each, number) for each in use_cases(root) if (number := _version(each)) is not None]
    if not champions:
        return "No image: there is no champion yet."
    from champion.orchestration.docker.engine import connect
    from champion.orchestration.docker.image import build_named, try_out
    from champion.registry.image_contents import of_champion

    names, lines = list[str](), list[str]()
    for workspace, number in champions:
        inside = of_champion(workspace.use_case.name)
        built = build_named("champion", image_names(workspace, number, env), inside.extras, **inside.arguments)
        lines += inside.notes
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
