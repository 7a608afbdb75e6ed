"""The champion that a challenger is held against: the one that the base commit's pointers name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from champion.ci import state
from champion.ci.environment import Environment
from champion.ci.git import base_commit, changed, text_at
from champion.ci.state import CiState
from champion.datastore import cache, index, remote
from champion.datastore.fetch import fetch_missing, pull_pointer
from champion.errors import GATE_SAID_NO, ProjectError
from champion.reporting.comment import ComparedChampion
from champion.workspace.files import write_text
from champion.workspace.workspace import Workspace, read_package, shown

BOT = "github-actions[bot]"
NO_REMOTE = "there is no DVC remote here, or no credentials for it, as on a pull request from a fork"


class RefusedError(ProjectError):
    """A pull request that may not be judged as it is; exit code 3."""

    exit_code = GATE_SAID_NO


def fetch_champions(root: Path, env: Environment) -> str:
    """Fetch data and champion of every use case, and keep what the next steps have to know.

    Returns a line for each use case. Raises RefusedError when the pull request changes a pointer: production is
    changed by what was judged, not by hand. Raises ProjectError when base, data or champion cannot be had.

    Parameters
    ----------
    env : Environment
        `BASE_SHA` and `PR_AUTHOR` of a pull request; without them the tip of the branch names the champion. With
        `WITHOUT_DATA` no table is fetched.
    """
    known = CiState()
    try:
        base = base_commit(root, env)
        known = known.model_copy(update={"base": base})
        if env["BASE_SHA"]:
            _refuse_pointers(root, base, env)
        reachable = remote.available(root)
        standings, pointers = {}, {}
        for workspace in state.use_cases(root):
            name = workspace.use_case.name
            pointers[name] = text_at(root, base, shown(workspace.pointer, root))
            if not env["WITHOUT_DATA"]:
                fetch_missing(root, workspace.data)
            standings[name] = _standing(workspace, pointers[name], reachable, env.has_server)
        known = known.model_copy(update={"remote": reachable, "standings": standings, "pointers": pointers})
    except ProjectError as error:
        known = known.model_copy(update={"refusal": str(error)})
        raise
    finally:
        state.save(root, known)
    lines = []
    for name, standing in standings.items():
        number = "none" if standing.model_version is None else f"version {standing.model_version}"
        lines.append(f"{name}: champion {number} ({standing.source}) {standing.why}".rstrip())
    return "\n".join(lines)


def _refuse_pointers(root: Path, base: str, env: Environment) -> None:
    files = changed(root, base)
    pointers = [name for name in files if name.startswith("models/") and name.endswith(".dvc")]
    if not pointers or (env["PR_AUTHOR"] == BOT and pointers == files):
        return
    raise RefusedError(
        f"This pull request changes {', '.join(pointers)}, which names the model in production. A pointer is written on "
        "the main branch alone, after a challenger was judged there or a rollback was asked for. Take it out "
        f"(`git checkout {base[:12]} -- {' '.join(pointers)}`) and push again; to roll back, run the workflow by hand."
    )


def _standing(workspace: Workspace, pointer: str | None, reachable: bool, server: bool) -> ComparedChampion:
    if pointer is None:
        return ComparedChampion(source="server" if server else "none")
    recorded = recorded_scores(pointer)
    if not workspace.pointer.exists() or workspace.pointer.read_text(encoding="utf-8") != pointer:
        write_text(workspace.pointer, pointer)
    if reachable:
        pull_pointer(workspace.root, workspace.pointer)
    elif not cache.restore(workspace.root, index.pointed(workspace.pointer)[1], workspace.package):
        return recorded.model_copy(update={"source": "server" if server else "pointer", "why": NO_REMOTE})
    return of_the_package(workspace, recorded, server)


def of_the_package(workspace: Workspace, otherwise: ComparedChampion, server: bool) -> ComparedChampion:
    """What the package in the workspace says of the champion."""
    package = read_package(workspace)
    if package is None:
        return otherwise
    manifest = package.manifest
    return ComparedChampion(
        source="server" if server else "package",
        model_version=manifest.model_version,
        metrics=manifest.metrics,
        data_version=manifest.data_version,
        rows=manifest.rows,
    )


def recorded_scores(pointer: str) -> ComparedChampion:
    """The champion as the `meta` of a pointer records it, without what the pointer does not say."""
    import yaml

    try:
        loaded = yaml.safe_load(pointer)
    except yaml.YAMLError:
        loaded = None
    meta: dict[str, Any] = (loaded.get("meta") if isinstance(loaded, dict) else None) or {}
    metrics = meta["metrics"] if isinstance(meta.get("metrics"), dict) else {}
    number, data = meta.get("model_version"), meta.get("data_version")
    return ComparedChampion(
        source="pointer",
        model_version=number if isinstance(number, int) else None,
        metrics={str(name): float(value) for name, value in metrics.items() if isinstance(value, int | float)},
        data_version=data if isinstance(data, str) else None,
    )
