"""What works here and what does not, each with its remedy."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from champion import settings
from champion.bundle.build import array_predictor, code_of
from champion.bundle.libraries import moved
from champion.datastore import index, remote
from champion.errors import ProjectError
from champion.failures import of_a_warning
from champion.workspace.git import git
from champion.workspace.own_code import read_own_code
from champion.workspace.workspace import Workspace, open_workspace, read_package, require_writable, shown

HELD = {
    ".dvc": "DVC's settings and cache",
    "configs": "the use cases",
    "data": "the tables",
    "models": "packages and pointers",
    "reports": "the reports",
    "requirements": "the pins of the libraries",
    "stacks": "the stacks",
}
"""The folders, besides those of the code, that the cone of a sparse checkout must hold, and what is in them."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    found: str
    remedy: str | None = None


def examine_machine(config: str) -> list[Finding]:
    """Look at the use case, and where it is whole at everything in `CHECKS`, in the order in which a run would meet it."""
    findings = [_look("checkout", lambda: _checkout(settings.root()))]
    try:
        workspace = open_workspace(config)
    except ProjectError as error:
        return [*findings, Finding("use case", False, str(error), "Mend the file; docs/use-case.md tells every key.")]
    findings.append(Finding("use case", True, workspace.shown_config))
    findings.extend(_look(what, partial(check, workspace)) for what, check in CHECKS.items())
    return findings


def _look(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, True, check())
    except ProjectError as error:
        cause, _, remedy = str(of_a_warning(error) or error).partition("\n")
        return Finding(what, False, cause, remedy or None)
    except OSError as error:  # a file of the project is gone, as git deletes them with a folder of a sparse checkout
        place = shown(Path(error.filename), settings.root()) if error.filename else "a file"
        remedy = (
            f"`git checkout {place}` brings back what was deleted, `git sparse-checkout add FOLDER` what was left out."
        )
        return Finding(what, False, f"{place} cannot be read here: {error.strerror or error}", remedy)


def _checkout(root: Path) -> str:
    files = (git(root, "ls-files", "-t", "--", *HELD) or "").splitlines()
    left_out = sorted({line[2:].partition("/")[0] for line in files if line.startswith("S ")})
    if left_out:
        lost = ", ".join(f"{folder}/ with {HELD[folder]}" for folder in left_out)
        raise ProjectError(
            f"this sparse checkout leaves out {lost}; git deletes what it ignores there, without a word.\n"
            f"`git sparse-checkout add {' '.join(left_out)}` brings back what git has; `make pull` then fetches what was "
            "pushed, a run writes the package from the store; what was in .dvc/cache alone is lost."
        )
    return "nothing that a run needs is left out"


def _workspace(workspace: Workspace) -> str:
    require_writable(workspace)
    return f"writable, {shutil.disk_usage(workspace.root).free / 1e9:.0f} GB free"


def _data(workspace: Workspace) -> str:
    if workspace.address:
        from champion.orchestration.object_access import bring_table

        return str(bring_table(workspace))
    name = workspace.shown_data
    if not workspace.data.exists():
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
    own = code_of(package, workspace.shown_package)
    if own is not None:
        content += f"; it brings code of its own, hash {own.hash}, and is not asked"
    changed = moved(package.manifest.libraries)
    if changed is None or own is not None:
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


def _docker(workspace: Workspace) -> str:
    from champion.orchestration.stacks import support_for
    from champion.orchestration.store import open_store

    own, package = read_own_code(workspace), read_package(workspace)
    return support_for(open_store(), workspace.use_case, own, package).check()


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
