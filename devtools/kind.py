"""`make cluster`: a Kubernetes cluster of one node on this machine, by kind, with what `make test-cluster` asks for beside it.

A registry that Docker pushes to and the node pulls from, and volumes that several pods read. What is there already stays as it
is. In a workflow of GitHub what is to be exported goes to the job's environment.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import yaml

from champion.errors import EngineError, ProjectError
from champion.terminal import complain, echo

CLUSTER, REGISTRY, PORT = "champion", "champion-registry", 5001
IMAGE = "registry:2"
NODE = f"{CLUSTER}-control-plane"
CONTEXT = f"kind-{CLUSTER}"
VOLUMES = 4
NEEDED = {
    "docker": "Docker",
    "kind": "kind, 0.27 or newer",
    "kubectl": "kubectl",
}


@click.command()
@click.argument("what", type=click.Choice(["up", "down"]), default="up")
def main(what: str) -> None:
    """Bring a cluster up and print what to export, or take it down with all that is in it."""
    try:
        if missing := [name for program, name in NEEDED.items() if shutil.which(program) is None]:
            raise EngineError(
                f"`make cluster` needs {' and '.join(missing)}, which is not on the PATH. Install it first."
            )
        if what == "up":
            up()
        else:
            run("kind", "delete", "cluster", "--name", CLUSTER)
            run("docker", "rm", "--force", "--volumes", REGISTRY)
    except ProjectError as error:
        complain(error)
        sys.exit(error.exit_code)


def up() -> None:
    """Bring it up, part by part."""
    if REGISTRY in run("docker", "ps", "--all", "--format", "{{.Names}}").split():
        run("docker", "start", REGISTRY)
    else:
        echo(f"  starting a registry on localhost:{PORT}", err=True)
        run("docker", "run", "--detach", "--name", REGISTRY, "--publish", f"127.0.0.1:{PORT}:5000", IMAGE)
    if CLUSTER not in run("kind", "get", "clusters").split():
        echo("  starting a cluster of one node (a minute or two)", err=True)
        run("kind", "create", "cluster", "--name", CLUSTER, "--wait", "180s")
    network = json.loads(run("docker", "network", "inspect", "kind"))[0]
    if REGISTRY not in (each["Name"] for each in network["Containers"].values()):
        run("docker", "network", "connect", "kind", REGISTRY)
    hosts = f"/etc/containerd/certs.d/localhost:{PORT}"
    run("docker", "exec", NODE, "mkdir", "-p", hosts)
    run("docker", "exec", "-i", NODE, "tee", f"{hosts}/hosts.toml", given=f'[host."http://{REGISTRY}:5000"]\n')
    for number in range(VOLUMES):  # kind's own class gives none that several pods may mount
        run("docker", "exec", NODE, "mkdir", "-p", "-m", "777", f"/volumes/{number}")
    made = yaml.safe_dump_all(map(volume, range(VOLUMES)))
    run("kubectl", "--context", CONTEXT, "apply", "-f", "-", given=made)
    gateways = [each["Gateway"] for each in network["IPAM"]["Config"] if "." in each.get("Gateway", "")]
    if not gateways:
        raise EngineError(
            "Docker's network `kind` has no IPv4 gateway, by which pods would reach this machine. Take the cluster down "
            "(`make cluster ARGS=down`), remove the network (`docker network rm kind`), and run `make cluster` again."
        )
    exports = {
        "KUBERNETES_CONTEXT": CONTEXT,
        "IMAGE_REGISTRY": f"localhost:{PORT}",
        "NODE_ADDRESS": gateways[0],
    }
    for name, value in exports.items():
        echo(f"export {name}={value}")
    if job := os.environ.get("GITHUB_ENV"):
        with Path(job).open("a", encoding="utf-8") as file:
            file.writelines(f"{name}={value}\n" for name, value in exports.items())


def volume(number: int) -> dict[str, object]:
    """A folder of the node, as a volume that any pods may mount."""
    spec = {
        "capacity": {"storage": "2Gi"},
        "accessModes": ["ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany"],
        "storageClassName": "standard",
        "hostPath": {"path": f"/volumes/{number}"},
    }
    metadata = {"name": f"{CLUSTER}-{number}"}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": spec}


def run(*command: str, given: str | None = None) -> str:
    """What a program prints; EngineError with its last words when it fails."""
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise EngineError(
            f"`{' '.join(command)}` failed: {' '.join(last)}. Put that right, and run `make cluster` again."
        )
    return done.stdout


if __name__ == "__main__":
    main()
