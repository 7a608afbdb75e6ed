"""Wait for a run on a cluster: tell its steps as they go, end it where the cluster refuses something, and stop it on demand."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from champion.errors import EngineError, ProjectError
from champion.orchestration.cluster.api import Cluster, Seen, step_of
from champion.orchestration.cluster.refusals import refusal
from champion.orchestration.patches import is_away
from champion.terminal import echo

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import PipelineRunResponse

INTERVAL = 1.0  # seconds between two looks
SILENCE = 150.0  # seconds that a server or a cluster may be away
STOPPING = 60.0  # seconds within which the pods of a stopped run have ended
_DONE = {"completed": "finished", "cached": "cached"}


def follow(
    client: Client,
    run: PipelineRunResponse,
    cluster: Cluster,
    config: str,
    tell: Callable[[str, str], None],
    *,
    ours: bool = True,
) -> None:
    """Return when the run has ended, by itself; steps are told as `queued`, `started`, `finished` or `cached`.

    Ctrl-C stops a run of `ours` and its pods before it takes effect; another one goes on. Raises ProjectError where a step failed
    or the cluster refuses one: then the run is stopped too.
    """
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # which tells of each attempt
    told: dict[str, str] = {}
    pods: dict[str, set[str]] = {}
    patience = _Patience(run)
    try:
        while True:
            time.sleep(INTERVAL)
            try:
                status, steps = _state(client, run)
                seen = cluster.seen(str(run.id))
                found = refusal(seen, cluster.nodes() if _waits(seen) else [], config)
            except Exception as error:  # whatever the two clients raise where a connection is lost
                patience.lost(error)
                continue
            patience.answered()
            _tell(steps, seen, told, tell)
            _tell_replaced(seen, pods)
            if status.is_finished:
                break
            if found:
                lines = cluster.log(found.pod) if found.pod else []
                stop(client, run, cluster)
                raise _failed(found.step, found.says, lines)
    except KeyboardInterrupt:
        if not ours:
            echo(f"  the run {run.name} goes on", err=True)
            raise
        echo("  stopping the run and its pods ...", err=True)
        left = stop(client, run, cluster)
        still = f", but not yet ended are: {', '.join(left)}" if left else ""
        echo(f"  the run is stopped{still}", err=True)
        raise
    if not status.is_successful:
        raise _why(steps, seen, cluster)


class _Patience:
    """How long nothing has answered; told once, and after `SILENCE` an EngineError."""

    def __init__(self, run: PipelineRunResponse) -> None:
        self._run = run
        self.answered()

    def answered(self) -> None:
        self._since, self._told = time.monotonic(), False

    def lost(self, error: Exception) -> None:
        if not is_away(error):
            raise error
        if time.monotonic() - self._since > SILENCE:
            raise EngineError(
                f"The server or the cluster has not answered for {SILENCE:.0f} s ({type(error).__name__}). The run "
                f"{self._run.name} goes on there. When they answer again, `python run.py runs` says where it stands."
            ) from error
        if not self._told:
            echo("  the server or the cluster does not answer; waiting for it ...", err=True)
            self._told = True


def stop(client: Client, run: PipelineRunResponse, cluster: Cluster) -> list[str]:
    """Stop a run: its jobs go, the run's own first, so that it starts no other.

    Returns the pods that have not ended after a minute.
    """
    from zenml.enums import ExecutionStatus
    from zenml.orchestrators.publish_utils import publish_pipeline_run_status_update

    jobs = cluster.seen(str(run.id)).jobs
    for job in sorted(jobs, key=lambda job: step_of(job) is not None):
        cluster.remove(job["metadata"]["name"])
    left = _alive(cluster, run)
    until = time.monotonic() + STOPPING
    while left and time.monotonic() < until:
        time.sleep(INTERVAL)
        left = _alive(cluster, run)
    if not client.get_pipeline_run(run.id).status.is_finished:
        publish_pipeline_run_status_update(
            pipeline_run_id=run.id, status=ExecutionStatus.STOPPED, status_reason="Stopped by its user."
        )
    return left


def _alive(cluster: Cluster, run: PipelineRunResponse) -> list[str]:
    pods = cluster.seen(str(run.id)).pods
    return [pod["metadata"]["name"] for pod in pods if pod["status"].get("phase") not in ("Succeeded", "Failed")]


def _state(client: Client, run: PipelineRunResponse) -> tuple[Any, dict[str, Any]]:
    status = client.get_pipeline_run(
        run.id, hydrate=False
    ).status  # before its steps, so that none is missing at the end
    steps = client.list_run_steps(pipeline_run_id=run.id, size=1000)
    return status, {step.name: step for step in steps.items if step.status.value != "retried"}


def _waits(seen: Seen) -> bool:
    return any(pod["status"].get("phase") == "Pending" for pod in seen.pods)


def _tell(steps: dict[str, Any], seen: Seen, told: dict[str, str], tell: Callable[[str, str], None]) -> None:
    """Tell what has changed since the last look."""
    now = {name: "queued" for job in seen.jobs if (name := step_of(job))}
    for name, step in steps.items():
        now[name] = _DONE.get(
            step.status.value, "started" if step.status.value in ("running", "failed") else now.get(name, "queued")
        )
    for name, what in now.items():
        if told.get(name) == what:
            continue
        if what == "finished" and told.get(name) != "started":
            tell(name, "started")
        told[name] = what
        tell(name, what)


def _tell_replaced(seen: Seen, known: dict[str, set[str]]) -> None:
    """Say of a pod that came in the place of another one, by its job."""
    steps = {job["metadata"]["name"]: step_of(job) or "light steps" for job in seen.jobs}
    for pod in seen.pods:
        job = (pod["metadata"].get("labels") or {}).get("job-name", "")
        name = pod["metadata"]["name"]
        pods = known.setdefault(job, set())
        if pods and name not in pods and job in steps:
            echo(f"  {steps[job]:<27} its pod was taken away; another one, {name}, runs it again", err=True)
        pods.add(name)


def _why(steps: dict[str, Any], seen: Seen, cluster: Cluster) -> ProjectError:
    """Why a run that has ended failed: a step's own error, else what its pod says last."""
    for name, step in steps.items():
        if step.status.is_failed or step.status.value == "retrying":  # as ZenML has a light step that failed
            about = step.exception_info
            if about is not None and (about.message or about.traceback):
                last = about.message or about.traceback.strip().splitlines()[-1]
                return _failed(name, f"it failed: {last.rstrip('.')}.", [])
            job = next((job["metadata"]["name"] for job in seen.jobs if step_of(job) == name), "")
            pods = [pod for pod in seen.pods if (pod["metadata"].get("labels") or {}).get("job-name") == job]
            pods.sort(key=lambda pod: pod["metadata"]["creationTimestamp"])
            lines = cluster.log(pods[-1]["metadata"]["name"]) if pods else []
            return _failed(name, f"{_ending(pods[-1]) if pods else 'its pod is gone'}.", lines)
    own = [pod for pod in seen.pods if not _of_a_step(pod, seen)]
    lines = cluster.log(own[-1]["metadata"]["name"]) if own else []
    return _failed(None, f"{_ending(own[-1]) if own else 'its pod is gone'}.", lines)


def _of_a_step(pod: dict[str, Any], seen: Seen) -> bool:
    name = (pod["metadata"].get("labels") or {}).get("job-name")
    return any(step_of(job) is not None for job in seen.jobs if job["metadata"]["name"] == name)


def _ending(pod: dict[str, Any]) -> str:
    """How a pod ended: its reason before its code."""
    status = pod["status"]
    containers: list[dict[str, Any]] = status.get("containerStatuses") or []
    ended = (containers[0].get("state") or {}).get("terminated") or {} if containers else {}
    if status.get("reason") == "Evicted":
        return f"its pod was evicted: {status.get('message', 'by its node')}"
    for condition in status.get("conditions") or []:
        if condition["type"] == "DisruptionTarget" and condition.get("status") == "True":
            return f"its pod was taken away ({condition.get('reason')}): {condition.get('message', '')}".rstrip(": ")
    if "exitCode" in ended:
        return f"its pod ended with exit code {ended['exitCode']} ({ended.get('reason', 'no reason')})"
    return f"its pod is {status.get('phase', 'gone')}"


def _failed(step: str | None, says: str, lines: list[str]) -> ProjectError:
    who = f"the step {step}" if step else "the pod that starts the steps"
    log = "".join(f"\n  {line}" for line in ["The last lines of its log:", *lines]) if lines else ""
    return ProjectError(f"In the cluster {who} did not get through: {says}{log}")
