"""A namespace of a real cluster, asked and changed by kubectl, for the tests that need one."""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

SECONDS = 180.0  # after which a call of kubectl counts as stuck
ENDED = ("Succeeded", "Failed")
UNPRIVILEGED: dict[str, Any] = {
    "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
    "terminationGracePeriodSeconds": 0,
    "automountServiceAccountToken": False,
}
"""A pod that a restricted namespace takes; its container needs the next too."""
WITHOUT_RIGHTS: dict[str, Any] = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


@dataclass(frozen=True)
class Namespace:
    """A namespace of the cluster of one context of the kubeconfig, whichever context is the current one."""

    context: str
    name: str

    def command(self, *arguments: str) -> list[str]:
        return ["kubectl", "--context", self.context, "--namespace", self.name, *arguments]

    def kubectl(self, *arguments: str, given: str | None = None, check: bool = True) -> str:
        """What kubectl prints; a failure when it ends with another exit code than 0, unless that is not to be checked."""
        done = subprocess.run(
            self.command(*arguments), input=given, capture_output=True, text=True, check=False, timeout=SECONDS
        )
        assert not check or done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done.stdout

    def apply(self, *manifests: dict[str, Any]) -> None:
        self.kubectl("apply", "-f", "-", given=yaml.safe_dump_all(manifests))

    def items(self, kinds: str, *selected: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.kubectl("get", kinds, *selected, "--output", "json"))["items"]
        return found

    def alive(self) -> list[str]:
        """The pods that have not ended, and the jobs that have not."""
        pods = [pod["metadata"]["name"] for pod in self.items("pods") if pod["status"].get("phase") not in ENDED]
        jobs = [job["metadata"]["name"] for job in self.items("jobs") if not job["status"].get("conditions")]
        return pods + jobs

    def log(self, pod: str) -> str:
        return self.kubectl("logs", pod, "--all-containers", check=False)

    def run_pod(self, name: str, image: str, command: Sequence[str], **spec: Any) -> None:
        """Start a pod of one container, which a restricted namespace takes, and wait until it runs."""
        container = {"name": "main", "image": image, "command": list(command), "securityContext": WITHOUT_RIGHTS}
        container |= spec.pop("container", {})
        labels = {"app.kubernetes.io/part-of": "champion-tests"}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}}
        self.apply(pod | {"spec": {**UNPRIVILEGED, "containers": [container], **spec}})
        self.kubectl("wait", f"pod/{name}", "--for=condition=Ready", "--timeout=90s")

    def inside(self, pod: str, *command: str, check: bool = True) -> str:
        """What a command prints that runs in a pod."""
        return self.kubectl("exec", pod, "--", *command, check=check)

    def told(self) -> str:
        """What helps to find out what went wrong: the pods, the latest events, and the end of each pod's log."""
        parts = [
            self.kubectl("get", "pods,jobs", "--output", "wide", check=False),
            "\n".join(self.kubectl("get", "events", "--sort-by=.lastTimestamp", check=False).splitlines()[-40:]),
        ]
        for pod in self.kubectl("get", "pods", "--output", "name", check=False).split():
            parts.append(f"--- {pod}\n{self.kubectl('logs', pod, '--tail', '25', check=False)}")
        return "\n".join(parts)
