"""Free the store of runs and artifacts that no model version needs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from champion.errors import counted
from champion.orchestration import artifact_files, leftovers
from champion.orchestration.bucket import Bucket
from champion.orchestration.metadata import held_by
from champion.orchestration.runs import ARTIFACTS, SCORING, TRAINING, artifact_name, run_tag
from champion.orchestration.store import database_of, is_local, locked, nobody_at_work
from champion.registry import versions as champions
from champion.workspace.workspace import Workspace

if TYPE_CHECKING:
    from uuid import UUID

    from zenml.client import Client


@dataclass(frozen=True)
class Pruned:
    """What went, or would go, and how many runs stay since nobody knows whether they go on.

    `bytes` are those of artifacts and logs, `freed` those that the database has given back, `unnamed` the objects of a bucket
    that no record names. `stays` says in sentences what is still there, and why.
    """

    runs: int
    artifacts: int
    snapshots: int
    logs: int
    metadata: int
    bytes: int
    unfinished: int
    freed: int = field(default=0, compare=False)
    unnamed: int = 0
    stays: tuple[str, ...] = field(default=(), compare=False)


def prune(
    client: Client, workspace: Workspace, really: bool, everything: bool = False, unnamed: bool = False
) -> Pruned:
    """Remove the runs of a use case but the newest, and the artifacts that nothing needs then; without `really` only count.

    A run whose steps the newest one took from the cache stays too: ZenML's cache finds a step by the run that executed
    it. Every model version and its record stay, its package and its answers too, and so does what the newest successful run
    made or read: the next run is cached as before. Tables of former data versions go; a run that needs one reads its file
    again. So do tables that were scored or compared and what came of them: whoever asked has that in files.

    With a run go its snapshot, its logs and its metadata, and the room of all that in the database of a local store, also what
    earlier deletions left behind there.

    A run that has not ended was killed, and goes, where no process runs a pipeline; else it stays, with what it needs.
    Whatever else a run still names stays too. What was interrupted goes on at the next call. With `everything` the newest
    run goes as well, and with `unnamed` the objects of artifacts in the active stack's bucket that no record of the store
    names, which are counted and told else. Raises StoreError where that bucket cannot be used.
    """
    name = workspace.use_case.name
    bucket = Bucket.of(client)
    with locked(client, name), nobody_at_work(client) as all_ended:
        runs = _runs(client, name, TRAINING)
        scoring = [run for pipeline in SCORING for run in _runs(client, name, pipeline)]
        newest = None if everything else next((run for run in runs if run.status.is_successful), None)
        unfinished = {run.id for run in [*runs, *scoring] if not (all_ended or run.status.is_finished)}
        still_used = _still_used(client, newest) | unfinished
        versions = champions.version_history(client, name).versions
        needed = {artifact for each in versions for artifact in (*each.packages, *each.answers, *each.long_values)}
        for step in (step for run in still_used for step in _steps(client, run)):
            needed |= {str(artifact.id) for artifact in _flat(step.inputs, step.outputs)}
        tables = _all(client.list_artifact_versions, artifact=artifact_name(name, "table"), hydrate=True)
        needed |= {checks for table in tables if str(table.id) in needed for checks in held_by(table)}
        removed = [run for run in [*runs, *scoring] if run.id not in still_used]
        steps = [step for run in removed for step in _steps(client, run.id)]
        outputs = [artifact for step in steps for artifact in _flat(step.outputs)]
        registered = [  # tables and packages, which no step made
            artifact
            for kind in ARTIFACTS
            for artifact in _all(client.list_artifact_versions, artifact=artifact_name(name, kind))
        ]
        unneeded = {each.id: each for each in [*outputs, *registered] if str(each.id) not in needed}
        gone = {*(each.id for each in [*removed, *steps]), *unneeded}
        logs = {log.uri for each in [*removed, *steps] for log in each.log_collection or () if log.uri}
        left = leftovers.leftovers(client, removed, gone, logs, all_ended, bucket)
        size = sum(_bytes(client, bucket, artifact) for artifact in unneeded.values()) + left.bytes
        no_record = bucket.unnamed()
        size += sum(no_record.values()) if unnamed else 0
        freed, whole, unreachable = 0, None, list[str]()
        if really:
            unreachable = _remove(client, removed, list(unneeded.values()))
            if unnamed and no_record:
                bucket.remove(list(no_record))
            leftovers.remove(client, left, all_ended)
            freed, whole = leftovers.compact(client) if all_ended and is_local(client) else (0, None)
    stays = [*_what_stays(len(still_used - unfinished), len(versions)), *left.kept, *([whole] if whole else [])]
    stays += unreachable
    if no_record and not (unnamed and really):
        stays.append(
            f"{counted(len(no_record), 'object', 'objects')} of {sum(no_record.values()) / 1e6:.1f} MB below {bucket.path} "
            "belong to no record of this store: an interrupted run left them, or another ZenML store keeps its artifacts there. "
            "`prune --unnamed` removes them; make sure of the second before."
        )
    if really and is_local(client):
        database = database_of(client).stat().st_size
        stays.append(f"The database has {database / 1e6:.1f} MB: the records of that, and ZenML's own tables.")
    counts = {"snapshots": left.snapshots, "logs": len(left.logs), "metadata": len(left.metadata)}
    return Pruned(
        len(removed),
        len(unneeded),
        **counts,
        bytes=size,
        unfinished=len(unfinished),
        freed=freed,
        unnamed=len(no_record),
        stays=tuple(stays),
    )


def _what_stays(runs: int, versions: int) -> list[str]:
    """What is needed still, and what for."""
    newest = (
        "the newest successful one, and those that executed what it took from the cache: the next run is cached by them"
    )
    each = "each with its record, and where it was champion with its package and answers: `rollback` and decisions need them"
    told = [f"{counted(runs, 'run stays', 'runs stay')}, {newest}."] if runs else []
    return [
        *told,
        *([f"{counted(versions, 'model version stays', 'model versions stay')}, {each}."] if versions else []),
    ]


def _runs(client: Client, name: str, pipeline: str) -> list[Any]:
    """The runs of a pipeline for a use case, newest first."""
    runs = _all(client.list_pipeline_runs, pipeline=pipeline, sort_by="desc:created", hydrate=True)
    return [run for run in runs if run_tag(name) in [tag.name for tag in run.tags]]


def _still_used(client: Client, newest: Any) -> set[UUID]:
    """The newest run, and those that executed what it took from the cache."""
    if newest is None:
        return set()
    executed = {step.original_step_run_id for step in _steps(client, newest.id)} - {None}
    return {newest.id, *(client.get_run_step(step).pipeline_run_id for step in executed)}


def _steps(client: Client, run: UUID) -> list[Any]:
    return _all(client.list_run_steps, pipeline_run_id=run, hydrate=True)


def _all(listing: Callable[..., Any], **wanted: Any) -> list[Any]:
    from zenml.utils.pagination_utils import depaginate

    return depaginate(listing, size=100, **wanted)


def _flat(*artifacts: dict[str, list[Any]]) -> list[Any]:
    return [artifact for by_name in artifacts for each in by_name.values() for artifact in each]


def _bytes(client: Client, bucket: Bucket, artifact: Any) -> int:
    """The bytes of an artifact's files; 0 where its store cannot be asked."""
    if size := bucket.size(artifact.uri):
        return size
    if bucket.path and artifact.uri.startswith(f"{bucket.path}/"):
        return 0
    with contextlib.suppress(Exception):  # a former artifact store raises what its file system raises
        return sum(artifact_files.files_of(client, artifact).values())
    return 0


def _remove(client: Client, runs: list[Any], unneeded: list[Any]) -> list[str]:
    """Runs first, since they refer to artifacts; the record of an artifact last, so that the next call finds what is left.

    Returns in sentences what stays since its artifact store cannot be used.
    """
    for run in runs:
        with contextlib.suppress(KeyError):
            client.delete_pipeline_run(run.id)
    failed: dict[str, int] = {}
    for artifact in unneeded:
        if not client.list_artifact_versions(id=artifact.id, only_unused=True, size=1).items:
            continue  # ZenML would refuse its record after it had removed its files
        try:
            artifact_files.remove_files(client, artifact)
        except Exception as error:  # the artifact store raises what its file system raises
            why = " ".join(str(error).replace(artifact.uri, "What is there").split())
            failed[why] = failed.get(why, 0) + 1
            continue
        with contextlib.suppress(KeyError):
            client.delete_artifact_version(artifact.id, delete_metadata=True)
    return [f"{counted(many, 'artifact stays', 'artifacts stay')}: {why}" for why, many in failed.items()]
