"""The manifests of deploy/kubernetes with requests through: rollout, undo, swap by volume, and who may call whom."""

import re
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from champion.orchestration.docker.engine import connect
from data.make_iris import iris_csv
from devtools.demo.traffic import wait_until
from tests.cluster.conftest import Cluster, own_name, removed
from tests.conftest import ROOT, Checkout, make_checkout, tree
from tests.support.cluster import Namespace
from tests.support.requests_in_cluster import Requests

PAGE = (ROOT / "docs/deployment.md").read_text(encoding="utf-8")
PATIENCE = 120.0  # seconds for what takes 20 on an idle machine
LONG = 240.0  # for what an autoscaler does
SLEEP = ("sleep", "3600")
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 4); print('reached')"


@dataclass(frozen=True)
class Images:
    """What a team has pushed: the service alone, and with each of two champions inside; and where their packages are."""

    repository: str
    packages: Path
    checkout: Checkout

    @property
    def serving(self) -> str:
        return f"{self.repository}:serving"


@pytest.fixture(scope="session")
def images(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Images]:
    """Two champions one after the other, each in an image, and the image without any; in the registry of the cluster."""
    engine, made = connect(), make_checkout(tmp_path_factory.mktemp("service"))
    (made.root / "data/iris.csv").write_bytes(iris_csv())
    made.env = cluster.client()
    packages = tmp_path_factory.mktemp("packages")
    found = Images(f"{cluster.registry}/{own_name('serving')}", packages, made)
    made.command("python", "run.py", "image", "--target", "serving", "--tag", found.serving, warm=False)
    for version in (1, 2):
        made.train("--config", made.write_use_case(tree(version)))
        shutil.copytree(made.root / "models/iris", packages / f"v{version}/iris")
        tag = f"{found.repository}:iris-v{version}"
        made.command("python", "run.py", "image", "--target", "champion", "--tag", tag, warm=False)
    tags = [found.serving, *(f"{found.repository}:iris-v{version}" for version in (1, 2))]
    for tag in tags:
        said = [line for line in engine.images.push(tag, stream=True, decode=True) if "error" in line]
        assert said == [], tag
    yield found
    for tag in tags:
        engine.images.remove(tag, force=True)


@pytest.fixture(scope="session")
def namespace(cluster: Cluster, images: Images) -> Iterator[Namespace]:
    """A restricted namespace with a client in it."""
    made = new_namespace(cluster, "serving")
    try:
        made.run_pod("client", images.serving, SLEEP)
        yield made
    finally:
        removed(made)


@pytest.fixture
def elsewhere(cluster: Cluster, images: Images) -> Iterator[Namespace]:
    """Another one."""
    made = new_namespace(cluster, "elsewhere")
    try:
        made.run_pod("client", images.serving, SLEEP)
        yield made
    finally:
        removed(made)


def new_namespace(cluster: Cluster, kind: str) -> Namespace:
    made = Namespace(cluster.context, own_name(kind))
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    made.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": made.name, "labels": labels}})
    return made


def apply(namespace: Namespace, images: Images, overlay: str, tag: str) -> None:
    """Put the image's name and tag into an overlay, and apply it."""
    file = images.checkout.root / f"deploy/kubernetes/overlays/{overlay}/kustomization.yaml"
    text = re.sub(r"newName: .*", f"newName: {images.repository}", file.read_text(encoding="utf-8"))
    file.write_text(re.sub(r"newTag: \S+", f"newTag: {tag}", text), encoding="utf-8")
    namespace.kubectl("apply", "--kustomize", str(file.parent))


def rolled_out(namespace: Namespace) -> None:
    """Wait until every pod is of the newest state, there are two, and they are ready."""
    namespace.kubectl("rollout", "status", "deployment/champion", f"--timeout={PATIENCE:.0f}s")
    wait_until(lambda: ready(namespace) >= 2, PATIENCE, "the autoscaler asked for no second pod")


def ready(namespace: Namespace) -> int:
    (deployment,) = namespace.items("deployments")
    return int(deployment["status"].get("readyReplicas", 0))


def test_a_rollout_and_its_undo_lose_no_request(namespace: Namespace, images: Images) -> None:
    apply(namespace, images, "image", "iris-v1")
    rolled_out(namespace)
    with Requests(namespace) as requests:
        requests.answered_by(1)
        apply(namespace, images, "image", "iris-v2")
        rolled_out(namespace)
        requests.answered_by(2)
        namespace.kubectl("rollout", "undo", "deployment/champion")
        rolled_out(namespace)
        requests.answered_by(1)
    assert requests.failures == []
    assert requests.asked > 100
    assert requests.versions == {1, 2}


def put_on_volume(namespace: Namespace, images: Images, version: int) -> None:
    """Bring a package to the pod that has the volume, and do there what docs/deployment.md says."""
    (commands,) = [found for found in re.findall(r"```\n(.*?)```", PAGE, re.DOTALL) if "/volume/.iris-new" in found]
    namespace.inside("writer", "rm", "-rf", "/brought/models")
    namespace.inside("writer", "mkdir", "/brought/models")
    namespace.kubectl("cp", str(images.packages / f"v{version}/iris"), "writer:/brought/models/iris")
    if "iris\n" not in namespace.inside("writer", "ls", "/volume"):
        commands = "mv models/iris /volume/iris"
    namespace.inside("writer", "sh", "-c", f"set -e; cd /brought; {commands}")


@pytest.fixture
def volume(namespace: Namespace, images: Images) -> Iterator[None]:
    """The overlay that mounts a volume, and a pod that writes to it; empty again at the end."""
    apply(namespace, images, "volume", "serving")
    mounts = [{"name": "models", "mountPath": "/volume"}, {"name": "brought", "mountPath": "/brought"}]
    claim = {"name": "models", "persistentVolumeClaim": {"claimName": "champion-models"}}
    volumes = [claim, {"name": "brought", "emptyDir": {}}]
    namespace.run_pod("writer", images.serving, SLEEP, container={"volumeMounts": mounts}, volumes=volumes)
    yield
    namespace.kubectl("delete", "deployment/champion", "--wait")
    namespace.inside("writer", "sh", "-c", "rm -rf /volume/* /volume/.iris*")
    namespace.kubectl("delete", "pod/writer")


def test_pods_wait_for_a_package_on_the_volume_and_take_up_its_successor_and_no_request_is_lost(
    namespace: Namespace, images: Images, volume: None
) -> None:
    put_on_volume(namespace, images, 1)
    rolled_out(namespace)
    with Requests(namespace) as requests:
        requests.answered_by(1)
        put_on_volume(namespace, images, 2)
        requests.answered_by(2)
    assert requests.failures == []
    assert requests.versions == {1, 2}


def reaches(namespace: Namespace, pod: str, host: str, port: int) -> bool:
    return "reached" in namespace.inside(pod, "python", "-c", CONNECT, host, str(port), check=False)


def test_callers_of_this_namespace_and_of_one_with_the_label_are_let_in_others_are_not_and_the_service_calls_nobody(
    cluster: Cluster, namespace: Namespace, elsewhere: Namespace, images: Images
) -> None:
    apply(namespace, images, "image", "iris-v1")
    rolled_out(namespace)
    service = f"champion.{namespace.name}"

    assert reaches(namespace, "client", service, 80)
    wait_until(lambda: not reaches(elsewhere, "client", service, 80), PATIENCE, "a foreign namespace was not kept out")
    elsewhere.kubectl("label", "namespace", elsewhere.name, "champion-client=true")
    wait_until(lambda: reaches(elsewhere, "client", service, 80), PATIENCE, "a namespace with the label was not let in")

    (pod, *_) = [pod["metadata"]["name"] for pod in namespace.items("pods", "--selector=app=champion")]
    with socket.create_server((cluster.node_address, 0)) as listening:
        port = listening.getsockname()[1]
        assert reaches(namespace, "client", cluster.node_address, port)
        assert not reaches(namespace, pod, cluster.node_address, port)
