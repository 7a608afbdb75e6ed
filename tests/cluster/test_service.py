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


def metric(namespace: Namespace, pod: str, name: str) -> float:
    """A metric of one pod."""
    ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/metrics', timeout=10).read().decode())"
    (found,) = re.findall(rf"^{name} (\S+)$", namespace.inside(pod, "python", "-c", ask), re.MULTILINE)
    return float(found)


def pods(namespace: Namespace) -> list[str]:
    """The pods of the service that are to stay."""
    found = namespace.items("pods", "--selector=app=champion")
    return [pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]]


@pytest.mark.long
def test_a_broken_package_is_refused_and_the_former_champion_answers_until_a_whole_one_is_there(
    namespace: Namespace, images: Images, volume: None
) -> None:
    put_on_volume(namespace, images, 1)
    rolled_out(namespace)
    broken = images.packages / "v3/iris"
    shutil.copytree(images.packages / "v2/iris", broken)
    with (broken / "model.skops").open("r+b") as file:
        file.seek(100)
        file.write(b"another model")
    with Requests(namespace) as requests:
        requests.answered_by(1)
        put_on_volume(namespace, images, 3)
        for pod in pods(namespace):
            wait_until(lambda pod=pod: metric(namespace, pod, "champion_package_refused") == 1, PATIENCE, "not refused")
        requests.answered_by(1)
        put_on_volume(namespace, images, 2)
        requests.answered_by(2)
    assert requests.failures == []


@pytest.mark.long
def test_a_drain_takes_one_pod_and_stops_at_the_budget_until_the_node_takes_pods_again(
    namespace: Namespace, images: Images
) -> None:
    apply(namespace, images, "image", "iris-v1")
    rolled_out(namespace)
    (node, *others) = [each["metadata"]["name"] for each in namespace.items("nodes")]
    if others:
        pytest.skip("on several nodes the pod that was taken comes up on another one, and the drain ends")
    with Requests(namespace) as requests:
        requests.answered_by(1)
        try:
            said = namespace.kubectl(
                "drain", node, "--pod-selector=app=champion", "--delete-emptydir-data", "--timeout=25s", check=False
            )
            assert said.count("evicting pod") >= 1
            assert ready(namespace) == 1
        finally:
            namespace.kubectl("uncordon", node)
        rolled_out(namespace)
        requests.answered_by(1)
    assert requests.failures == []


@pytest.mark.long
def test_pods_come_under_load_and_go_when_it_is_over(namespace: Namespace, images: Images) -> None:
    apply(namespace, images, "image", "iris-v1")
    rolled_out(namespace)
    shorter = '{"spec": {"maxReplicas": 3, "behavior": {"scaleDown": {"stabilizationWindowSeconds": 15}}}}'
    namespace.kubectl("patch", "horizontalpodautoscaler/champion", "--type=merge", "--patch", shorter)
    with Requests(namespace) as requests:
        with Requests(namespace, pause=0) as load:
            wait_until(lambda: ready(namespace) == 3, LONG, "no third pod came under load")
        wait_until(lambda: len(pods(namespace)) == 2, LONG, "the third pod did not go")
        requests.answered_by(1)
    assert requests.failures == load.failures == []


@pytest.mark.long
def test_an_api_key_is_rotated_and_a_client_that_knows_both_loses_no_request(
    namespace: Namespace, images: Images
) -> None:
    apply(namespace, images, "image", "iris-v1")
    rolled_out(namespace)
    file = images.checkout.root / "deploy/kubernetes/base/deployment.yaml"
    before = file.read_text(encoding="utf-8")
    lines = before.splitlines()
    (line,) = (number for number, text in enumerate(lines) if "SERVE_API_KEY, value: none" in text)
    lines[line : line + 2] = [lines[line + 1].replace("# ", "", 1)]
    keys = ("none", "the-first-of-two-keys", "the-second-of-two-keys")

    def secret(key: str) -> dict[str, object]:
        metadata = {"name": "champion-api-key"}
        return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"key": key}}

    try:
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        with Requests(namespace, keys=keys) as requests:
            requests.answered_by(1)
            namespace.apply(secret(keys[1]))
            apply(namespace, images, "image", "iris-v1")
            rolled_out(namespace)
            assert refuses(namespace, keys[0], keys[2])
            namespace.apply(secret(keys[2]))
            namespace.kubectl("rollout", "restart", "deployment/champion")
            rolled_out(namespace)
            wait_until(lambda: refuses(namespace, keys[1]), PATIENCE, "the former key still opens")
            requests.answered_by(1)
        assert requests.failures == []
    finally:
        file.write_text(before, encoding="utf-8")
        apply(namespace, images, "image", "iris-v1")
        rolled_out(namespace)


def refuses(namespace: Namespace, *keys: str) -> bool:
    """Whether the service answers 401 to each of these keys."""
    with Requests(namespace, keys=keys, clients=1) as requests:
        wait_until(lambda: bool(requests.failures) or requests.versions != set(), PATIENCE, "no answer")
    return requests.versions == set() and all("401" in failure for failure in requests.failures)


@pytest.mark.long
def test_the_limit_of_memory_holds_under_load_and_ten_swaps(namespace: Namespace, images: Images, volume: None) -> None:
    put_on_volume(namespace, images, 1)
    rolled_out(namespace)
    with Requests(namespace, pause=0) as requests:
        requests.answered_by(1)
        for swap in range(10):
            put_on_volume(namespace, images, 2 - swap % 2)
            requests.answered_by(2 - swap % 2)
    assert requests.failures == []
    for pod in namespace.items("pods", "--selector=app=champion"):
        (status,) = pod["status"]["containerStatuses"]
        assert (status["restartCount"], status["lastState"]) == (0, {})
