"""The kubernetes stack: pods as big as the use case says, and their image in the registry."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Self

from champion import settings
from champion.errors import EngineError
from champion.orchestration.cluster import follow as following
from champion.orchestration.cluster.api import Cluster
from champion.orchestration.cluster.refusals import refusal
from champion.orchestration.docker.engine import connect, errors_explained
from champion.orchestration.docker.image import StepImage
from champion.orchestration.stack_support import StackSupport
from champion.terminal import echo
from champion.workspace.git import commit

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import PipelineRunResponse

    from champion.use_case.whole import Resources, UseCase


RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 1000,  # the image names its user by word, which nobody can tell from root
    "seccompProfile": {"type": "RuntimeDefault"},
}
"""What pod-security.kubernetes.io/enforce=restricted asks of a container."""


START = "champion/orchestration/cluster/start"
"""The folder whose sitecustomize.py Python runs at its start in a pod."""
ENVIRONMENT = {
    "PYTHONPATH": f"/app:/app/{START}",
    "ZENML_PARAMETER_SIZE_THRESHOLD": "-1",  # else a dynamic pipeline writes each parameter of a step as an artifact
    "ZENML_DYNAMIC_PIPELINE_MONITORING_INTERVAL": "1",  # seconds between two looks at the pods of steps, instead of 10
}
TOLD_TO_STOP = 143
"""The exit code of a process that SIGTERM ended."""
RETRIES = 3
"""So often a pod that was told to stop is replaced; one that the cluster itself says it took away is replaced always."""
ONLY_THE_MACHINES_FAULTS = {
    "rules": [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        {
            "action": "FailJob",
            "onExitCodes": {"containerName": "main", "operator": "NotIn", "values": [0, TOLD_TO_STOP]},
        },
    ]
}
"""Which end of a pod has it replaced: what was evicted, preempted or told to stop runs again, what failed by itself does not.

With such a policy a pod is replaced when it has ended, not before (`podReplacementPolicy: Failed`)."""


class Kubernetes(StackSupport):
    """Steps as jobs of a cluster, started by a pod of it that runs the light ones itself."""

    image = StepImage(
        f"{settings.PROJECT}-pod",
        "pod",
        runs=("pipelines.in_pods", "champion.orchestration.cluster.start.sitecustomize"),
    )
    runs_pipelines = True
    by_the_clock = False

    def scheduled(self) -> Self | None:
        """The same with an image that has what a scheduled training runs, too."""
        made = copy.copy(self)
        made.image = dataclasses.replace(self.image, runs=(*self.image.runs, "pipelines.scheduled_in_pods"))
        made.by_the_clock = True
        return made

    @contextlib.contextmanager
    def pipeline_settings(self, client: Client, use_case: UseCase) -> Iterator[dict[str, Any]]:
        """Build the image of a pod, push it to the stack's registry, and name it to ZenML; ZenML does not wait, `follow` does."""
        from zenml.config import DockerSettings

        has_the_code = {"allow_download_from_artifact_store": False, "allow_download_from_code_repository": False}
        image = image_in_registry(client, self.image)
        pod = _with_settings_of_stack("orchestrator_pod_settings", _pod(use_case, use_case.resources.get("default")))
        yield {
            "docker": DockerSettings(parent_image=image, skip_build=True, **has_the_code),
            "orchestrator.kubernetes": {
                "synchronous": False,
                "orchestrator_pod_settings": pod,
                **({"concurrency_policy": "Forbid"} if self.by_the_clock else {}),
            },
        }

    def step_settings(self, use_case: UseCase, steps: Sequence[str]) -> dict[str, dict[str, Any]]:
        """How big each pod is, and when it is replaced.

        Its size is what `resources` say of the step, else what `default` says, else nothing.
        """
        by_step = {}
        for step in steps:
            pod = _pod(use_case, use_case.resources.get(step, use_case.resources.get("default")))
            pod["additional_pod_spec_args"] |= {
                "automount_service_account_token": False
            }  # a step asks the cluster for nothing
            of_step = {
                "pod_settings": _with_settings_of_stack("pod_settings", pod),
                "pod_failure_policy": ONLY_THE_MACHINES_FAULTS,
                "backoff_limit_margin": RETRIES,
            }
            by_step[step] = {"settings": {"orchestrator.kubernetes": of_step}}
        return by_step

    def follow(
        self,
        client: Client,
        run: PipelineRunResponse,
        use_case: UseCase,
        tell: Callable[[str, str], None],
        *,
        ours: bool = True,
    ) -> None:
        """Tell the steps of a run as they go, and what the cluster refuses; Ctrl-C stops a run of `ours`."""
        following.follow(client, run, Cluster.of(client, run), f"configs/{use_case.name}.yaml", tell, ours=ours)

    def stop(self, client: Client, run: PipelineRunResponse) -> list[str]:
        """Stop a run and its pods; those that are left after a minute are returned."""
        return following.stop(client, run, Cluster.of(client, run))

    def hindrance(self, client: Client, run: PipelineRunResponse, config: str) -> str | None:
        """What the cluster refuses of a run."""
        cluster = Cluster.of(client, run)
        found = refusal(cluster.seen(str(run.id)), cluster.nodes(), config)
        return f"{found.step or 'light steps'}: {found.says}" if found else None


SUPPORT = Kubernetes()


def _pod(use_case: UseCase, size: Resources | None) -> dict[str, Any]:
    """What every pod of a run has."""
    revision, _ = commit(settings.root())
    labels = {"app.kubernetes.io/part-of": settings.PROJECT, f"{settings.PROJECT}/use-case": use_case.name}
    if revision:
        labels[f"{settings.PROJECT}/commit"] = revision
    pod: dict[str, Any] = {
        "labels": labels,
        "container_security_context": RESTRICTED,
        "env": [{"name": name, "value": value} for name, value in ENVIRONMENT.items()],
        # so that a step is not process 1, which SIGTERM does not end
        "additional_pod_spec_args": {"share_process_namespace": True},
    }
    if size:
        # memory is not compressible: what a step asks for is also the most it gets, or its neighbours would pay
        requests = {"cpu": f"{size.cpu:g}", "memory": size.memory}
        pod["resources"] = {"requests": requests, "limits": {"memory": size.memory}}
    return pod


def _with_settings_of_stack(name: str, ours: dict[str, Any]) -> dict[str, Any]:
    """Settings of a pod, with those of the active stack's file, which ZenML would put aside for ours.

    Where both have keys (labels, say) or a list (env), the pod has those of both; ours count where they differ.
    """
    from zenml.client import Client
    from zenml.enums import StackComponentType

    orchestrator = Client().active_stack_model.components[StackComponentType.ORCHESTRATOR][0]
    merged: dict[str, Any] = dict(orchestrator.configuration.get(name) or {})
    for key, value in ours.items():
        theirs = merged.get(key)
        if isinstance(theirs, dict):
            merged[key] = {**theirs, **value}
        else:
            merged[key] = [*theirs, *value] if isinstance(theirs, list) else value
    return merged


def image_in_registry(client: Client, image: StepImage) -> str:
    """The name of a pod's image in the stack's registry, built and pushed; an `EngineError` when that fails."""
    from zenml.enums import StackComponentType

    registry = client.active_stack_model.components[StackComponentType.CONTAINER_REGISTRY][0].configuration["uri"]
    docker = connect()
    name = image.ensure(docker)
    remote_name = f"{registry}/{name}"
    with errors_explained():
        docker.images.get(name).tag(remote_name)
        pushed = False
        for line in docker.images.push(remote_name, stream=True, decode=True):
            pushed = pushed or line.get("status") == "Pushed"
            if "error" in line:
                raise EngineError(
                    f"The registry refuses {remote_name}: {line['error']}. "
                    f"Log in with `docker login {registry.partition('/')[0]}`, or correct IMAGE_REGISTRY."
                )
    echo(f"  the image {remote_name} is {'pushed' if pushed else 'in the registry, unchanged'}", err=True)
    return remote_name
