"""Free the store of runs and artifacts that no model version needs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from champion.orchestration.runs import ARTIFACTS, SCORING, TRAINING, artifact_name, run_tag
from champion.orchestration.store import locked
from champion.registry import versions as champions
from champion.workspace.workspace import Workspace

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.client import Client


@dataclass(frozen=True)
class Pruned:
    """What went, or would go."""

    runs: int
    artifacts: int
    bytes: int


def prune(client: Client, workspace: Workspace, really: bool) -> Pruned:
    """Remove the runs of a use case but the newest, and the artifacts that nothing needs then.

    A run whose steps the newest one took from the cache stays too: ZenML's cache finds a step by the run that executed
    it. Every model version and its record stay, its package too, and so does what the newest successful run made or read:
    the next run is cached as before. Tables of former data versions go; a run that needs one reads its file again. So do
    tables that were scored or compared and what came of them: whoever asked has that in files.

    Parameters
    ----------
    really : bool
        False: only count.
    """
    name = workspace.use_case.name
    with locked(client, name):
        runs = _runs(client, name, TRAINING)
        newest = next((run for run in runs if run.status.is_successful), None)
        kept = _kept(client, newest)
        needed = _needed(client, name, kept)
        scoring = [run for pipeline in SCORING for run in _runs(client, name, pipeline)]
        gone = [*(run for run in runs if run.id not in kept), *scoring]
        made = [artifact for run in gone for artifact in _outputs(client, run)]
        artifacts = {a.id: a for a in [*made, *_registered(client, name)] if a.id not in needed}
        size = sum(_bytes(artifact.uri) for artifact in artifacts.values())
        if really:
            _remove(client, gone, list(artifacts.values()))
    return Pruned(len(gone), len(artifacts), size)


def _runs(client: Client, name: str, pipeline: str) -> list[Any]:
    """The finished runs of a pipeline for a use case, newest first."""
    from zenml.utils.pagination_utils import depaginate

    runs = depaginate(client.list_pipeline_runs, pipeline=pipeline, sort_by="desc:created", hydrate=True, size=100)
    return [run for run in runs if run.status.is_finished and run_tag(name) in [tag.name for tag in run.tags]]


def _kept(client: Client, newest: Any) -> set[UUID]:
    """The newest run, and those that executed what it took from the cache."""
    if newest is None:
        return set()
    executed = {step.original_step_run_id for step in _steps(client, newest.id)} - {None}
    return {newest.id, *(client.get_run_step(step).pipeline_run_id for step in executed)}


def _needed(client: Client, name: str, kept: set[UUID]) -> set[UUID]:
    """Packages of the model versions, and whatever the kept runs made or read."""
    from uuid import UUID

    needed = {UUID(v.package_id) for v in champions.version_history(client, name).versions if v.package_id}
    for run in kept:
        for step in _steps(client, run):
            needed |= {artifact.id for found in (*step.inputs.values(), *step.outputs.values()) for artifact in found}
    return needed


def _registered(client: Client, name: str) -> list[Any]:
    """Tables and packages of a use case, which no step made."""
    from zenml.utils.pagination_utils import depaginate

    return [
        artifact
        for kind in ARTIFACTS
        for artifact in depaginate(client.list_artifact_versions, artifact=artifact_name(name, kind), size=100)
    ]


def _steps(client: Client, run: UUID) -> list[Any]:
    from zenml.utils.pagination_utils import depaginate

    found: list[Any] = depaginate(client.list_run_steps, pipeline_run_id=run, hydrate=True, size=100)
    return found


def _outputs(client: Client, run: Any) -> list[Any]:
    return [artifact for step in _steps(client, run.id) for found in step.outputs.values() for artifact in found]


def _bytes(uri: str) -> int:
    with contextlib.suppress(OSError):
        return sum(path.stat().st_size for path in Path(uri).rglob("*") if path.is_file())
    return 0


def _remove(client: Client, runs: list[Any], artifacts: list[Any]) -> None:
    for run in runs:
        with contextlib.suppress(KeyError):
            client.delete_pipeline_run(run.id)
    for artifact in artifacts:
        with contextlib.suppress(KeyError):
            client.delete_artifact_version(artifact.id, delete_metadata=True, delete_from_artifact_store=True)
