"""What works here and what does not, each with its remedy."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

from champion.bundle.build import array_predictor
from champion.bundle.libraries import moved
from champion.datastore import index, remote
from champion.errors import ProjectError
from champion.workspace.workspace import Workspace, open_workspace, read_package, require_writable, shown


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    found: str
    remedy: str | None = None


def examine_machine(config: str) -> list[Finding]:
    """Look at the use case, and where it is whole at everything in `CHECKS`, in the order in which a run would meet it."""
    try:
        workspace = open_workspace(config)
    except ProjectError as error:
        return [Finding("use case", False, str(error), "Mend the file; docs/use-case.md tells every key.")]
    findings = [Finding("use case", True, workspace.shown_config)]
    for what, check in CHECKS.items():
        try:
            findings.append(Finding(what, True, check(workspace)))
        except ProjectError as error:
            cause, _, remedy = str(error).partition("\n")
            findings.append(Finding(what, False, cause, remedy or None))
    return findings


def _workspace(workspace: Workspace) -> str:
    require_writable(workspace)
    return f"writable, {shutil.disk_usage(workspace.root).free / 1e9:.0f} GB free"


def _data(workspace: Workspace) -> str:
    name = shown(workspace.data, workspace.root)
    if not workspace.data.is_file():
        known = index.tracked(workspace.root, workspace.data)
        if known.known:
            return f"{name} is not here yet; the next run fetches or makes it"
        raise ProjectError(f"{name} does not exist.\nPut it there, or correct data.path.")
    version = index.data_version(workspace.data)
    warning = index.changed_warning(workspace.root, workspace.data, version)
    return warning or f"{name}, data version {version[:8]}, as DVC recorded it"


def _dvc(workspace: Workspace) -> str:
    if not (workspace.root / ".dvc").is_dir():
        raise ProjectError("this folder is no DVC repository.\nClone the repository with git, or run `dvc init`.")
    if (default := remote.default(workspace.root)) is None:
        return "no remote: nothing is shared, everything else works"
    return f"the remote {default.name}, {default.url}"


def _store(_: Workspace) -> str:
    from champion.orchestration.store import described, open_store

    client = open_store()
    return f"{described(client)}, stack {client.active_stack_model.name}"


def _package(workspace: Workspace) -> str:
    package = read_package(workspace)
    if package is None:
        return f"{workspace.shown_package}: none yet"
    content = f"{workspace.shown_package}: model version {package.manifest.model_version}, hashes right"
    changed = moved(package.manifest.libraries)
    if changed is None:
        return content
    array_predictor(package, workspace.shown_package)
    return f"{content}; it was made with {changed}, and it answers"


def _champion(workspace: Workspace) -> str:
    from champion.orchestration.store import open_store
    from champion.registry.sides import Situation, out_of_step, read_sides

    sides = read_sides(open_store(), workspace)
    lines = "; ".join(out_of_step(sides, workspace))
    if sides.lost or sides.situation is Situation.BOTH:
        raise ProjectError(
            f"pointer, store and package disagree: {lines}\nThe table in docs/design.md says what each case means."
        )
    number = sides.history.champion_number
    return lines or ("none yet" if number is None else f"version {number}; {sides.situation.value}")


def _docker(_: Workspace) -> str:
    from champion.orchestration.stacks import support_of
    from champion.orchestration.store import open_store

    return support_of(open_store()).check()


CHECKS: dict[str, Callable[[Workspace], str]] = {
    "workspace": _workspace,
    "data": _data,
    "dvc": _dvc,
    "remote": lambda workspace: remote.check(workspace.root),
    "store": _store,
    "package": _package,
    "champion": _champion,
    "dashboard": lambda _: "installed" if find_spec("fastapi") else "not installed; `make dashboard` installs it",
    "docker": _docker,
}
"""Each says what it found, or raises what is wrong: the cause in the first line, the remedy in the second."""
