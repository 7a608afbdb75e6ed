"""What the cluster says of a run: jobs, pods, events, nodes and logs, as the JSON of its API.

The client library (kubernetes 25.3.0) gives a line of a log that is JSON as the text of a Python dict; so every answer is taken
as it came.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from champion.errors import ProjectError

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import PipelineRunResponse

STEP = "zenml.io/step-name"
"""The annotation by which ZenML 0.98.0 names the step of a job; the job of the run itself has none."""
SECONDS = 10.0  # for one question
LAST_LINES = 12  # of a log


@dataclass(frozen=True)
class Seen:
    """What a cluster has of a run: its jobs, their pods, and the warnings about both, the latest last."""

    jobs: list[dict[str, Any]]
    pods: list[dict[str, Any]]
    events: list[dict[str, Any]]


class Cluster:
    """A namespace of a cluster; where that cannot be reached, each question raises what the client library raises."""

    def __init__(self, api_client: Any, namespace: str) -> None:
        from kubernetes import client

        self.namespace = namespace
        self._core, self._batch = client.CoreV1Api(api_client), client.BatchV1Api(api_client)

    @classmethod
    def of(cls, client: Client, run: PipelineRunResponse) -> Cluster:
        """The one of the stack of a run."""
        from zenml.stack import Stack

        if run.stack is None:
            raise ProjectError(
                f"The stack of the run {run.name} is gone from the server; look for its jobs with kubectl."
            )
        orchestrator: Any = Stack.from_model(client.get_stack(run.stack.id)).orchestrator
        return cls(orchestrator.get_kube_client(), orchestrator.config.kubernetes_namespace)

    def seen(self, run_id: str) -> Seen:
        """All that it has of a run."""
        jobs = self._items(self._batch.list_namespaced_job, label_selector=f"run_id={run_id}")
        pods = self._items(self._core.list_namespaced_pod, label_selector=f"run_id={run_id}")
        names = {each["metadata"]["name"] for each in [*jobs, *pods]}
        warnings = self._items(self._core.list_namespaced_event, field_selector="type=Warning")
        about = [event for event in warnings if event["involvedObject"].get("name") in names]
        return Seen(jobs, pods, sorted(about, key=lambda event: event.get("lastTimestamp") or ""))

    def nodes(self) -> list[dict[str, Any]]:
        """Its nodes; none where this account may not list them."""
        from kubernetes.client.exceptions import ApiException

        try:
            return self._items(self._core.list_node, namespaced=False)
        except ApiException as error:
            if error.status in (401, 403):
                return []
            raise

    def log(self, pod: str) -> list[str]:
        """The last lines of a pod's log, as they were written; none where it is gone."""
        from kubernetes.client.exceptions import ApiException

        try:
            answer = self._core.read_namespaced_pod_log(
                pod, self.namespace, tail_lines=LAST_LINES, _preload_content=False, _request_timeout=SECONDS
            )
        except ApiException:
            return []
        return [line for line in answer.data.decode("utf-8", "replace").splitlines() if line.strip()]

    def remove(self, job: str) -> None:
        """Remove a job, and with it its pods."""
        from kubernetes.client.exceptions import ApiException

        try:
            self._batch.delete_namespaced_job(
                job, self.namespace, propagation_policy="Background", _request_timeout=SECONDS
            )
        except ApiException as error:
            if error.status != 404:
                raise

    def _items(self, ask: Any, *, namespaced: bool = True, **selected: str) -> list[dict[str, Any]]:
        place = (self.namespace,) if namespaced else ()
        answer = ask(*place, _preload_content=False, _request_timeout=SECONDS, **selected)
        items: list[dict[str, Any]] = json.loads(answer.data)["items"]
        return items


def step_of(job: dict[str, Any]) -> str | None:
    """The step that a job runs; None for the job of the run itself."""
    name: str | None = (job["metadata"].get("annotations") or {}).get(STEP)
    return name
