"""A real cluster, and what a team has beside it: a ZenML server, an S3 server and a registry, on addresses that pods reach.

It is the cluster of the context that KUBERNETES_CONTEXT names, and no other. Where none is named, or it does not answer, a test
is skipped, or fails if NEEDS_CLUSTER is set. What is made there goes with the namespaces at the end of the session.
"""

import os
import re
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from champion.errors import EngineError
from champion.orchestration.docker.engine import connect
from tests.conftest import ROOT, Checkout, make_checkout
from tests.support.cluster import Namespace
from tests.support.object_store import ObjectStore, object_store
from tests.support.server import zenml_server

ASKED = ("KUBERNETES_CONTEXT", "NODE_ADDRESS", "IMAGE_REGISTRY")
BUCKET = "champion-tests"
PAGE = (ROOT / "docs/scale.md").read_text(encoding="utf-8")
EXAMPLE = "champion"  # the namespace that the manifests and the page name


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--long", action="store_const", const="long", dest="markexpr", default="", help="the long forms, and no others"
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
    """Beside a failure stands what the cluster tells of it."""
    report = yield
    if report.failed and call.when != "teardown":
        for namespace in {one for one in getattr(item, "funcargs", {}).values() if isinstance(one, Namespace)}:
            report.sections.append((f"namespace {namespace.name}", namespace.told()))
    return report


def unfit(why: str) -> NoReturn:
    """Skip what needs a cluster, or fail where there has to be one."""
    sentence = f"{why}; docs/scale.md says what `make test-cluster` needs"
    if os.environ.get("NEEDS_CLUSTER"):
        pytest.fail(sentence, pytrace=False)
    pytest.skip(sentence)


@dataclass(frozen=True)
class Cluster:
    """A cluster that answers: the context, an address of this machine that its pods reach, and the registry it pulls from."""

    context: str
    node_address: str
    registry: str
    kubeconfig: str

    def client(self) -> dict[str, str]:
        """What a process needs to reach cluster and registry, also with a HOME of its own."""
        docker = os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker"))
        return {
            "KUBECONFIG": self.kubeconfig,
            "KUBERNETES_CONTEXT": self.context,
            "IMAGE_REGISTRY": self.registry,
            "DOCKER_CONFIG": docker,
        }


@pytest.fixture(scope="session")
def cluster() -> Cluster:
    """The cluster of this session."""
    if missing := [name for name in ASKED if not os.environ.get(name)]:
        unfit(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set")
    context, address, registry = (os.environ[name] for name in ASKED)
    if shutil.which("kubectl") is None:
        unfit("there is no kubectl")
    asked = ["kubectl", "--context", context, "get", "--raw", "/readyz", "--request-timeout=10s"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False)
    if answer.returncode:
        unfit(f"the cluster of the context {context} does not answer: {answer.stderr.strip()}")
    try:
        socket.create_server((address, 0)).close()
    except OSError as error:
        unfit(f"NODE_ADDRESS={address} is no address of this machine: {error}")
    try:
        connect()
    except EngineError as error:
        unfit(str(error))
    return Cluster(context, address, registry, os.environ.get("KUBECONFIG", str(Path.home() / ".kube/config")))


def removed(namespace: Namespace) -> None:
    """Remove a namespace with all that is in it, and wait for that; volumes that outlive it can be claimed again."""
    volumes = [claim["spec"].get("volumeName") for claim in namespace.items("persistentvolumeclaims")]
    namespace.kubectl("delete", "namespace", namespace.name, "--ignore-not-found", "--timeout=150s")
    for volume in filter(None, volumes):
        free = '{"spec": {"claimRef": null}}'
        namespace.kubectl("patch", "persistentvolume", volume, "--type=merge", "--patch", free, check=False)


def own_name(kind: str) -> str:
    return f"champion-{kind}-{secrets.token_hex(3)}"


@pytest.fixture(scope="session")
def server(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A ZenML server that pods reach."""
    with zenml_server(tmp_path_factory.mktemp("zenml"), cluster.node_address) as started:
        yield started


@pytest.fixture(scope="session")
def bucket(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """An S3 server that pods reach, with a bucket."""
    with object_store(f"{cluster.node_address}:0", tmp_path_factory.mktemp("bucket")) as started:
        started.make(BUCKET)
        yield started


@pytest.fixture(scope="session")
def team(
    cluster: Cluster, server: SimpleNamespace, bucket: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["Team"]:
    """A checkout of a team whose namespace is made as docs/scale.md says, under a name of its own."""
    namespace = Namespace(cluster.context, own_name("training"))
    made = make_checkout(tmp_path_factory.mktemp("team"))
    for name in ("kustomization.yaml", "namespace.yaml", "limits/kustomization.yaml"):
        file = made.root / "deploy/kubernetes/training" / name
        text = file.read_text(encoding="utf-8")
        changed = text.replace(f"namespace: {EXAMPLE}\n", f"namespace: {namespace.name}\n")
        changed = changed.replace(f"  name: {EXAMPLE}\n", f"  name: {namespace.name}\n")
        assert changed != text, f"{name} names no namespace {EXAMPLE}"
        file.write_text(changed, encoding="utf-8")
    made.env = {**cluster.client(), "KUBERNETES_NAMESPACE": namespace.name}
    try:
        namespace.kubectl("apply", "--kustomize", str(made.root / "deploy/kubernetes/training"))
        yield Team(made, namespace, server, bucket)
    finally:
        removed(namespace)


@dataclass(frozen=True)
class Team:
    """A checkout, the namespace that it trains in, and the servers that both reach."""

    checkout: Checkout
    namespace: Namespace
    server: SimpleNamespace
    bucket: ObjectStore


@pytest.fixture(scope="session")
def training(team: Team) -> Namespace:
    """The namespace of the team, whose events stand beside a failure."""
    return team.namespace


def of_the_page(team: Team) -> list[str]:
    """The commands of the page that set the stack up and train, with the addresses of this team in the place of its examples."""
    (block,) = [found for found in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL) if "ZENML_STORE_URL" in found]
    lines = [re.sub(r"\s+#.*", "", line.removeprefix("$ ")) for line in block.splitlines()]
    ours = {
        **team.server.environment,
        "KUBERNETES_CONTEXT": team.namespace.context,
        "KUBERNETES_NAMESPACE": team.namespace.name,
        "ARTIFACT_STORE": f"s3://{BUCKET}",
        "S3_ENDPOINT": team.bucket.endpoint,
        "IMAGE_REGISTRY": team.checkout.env["IMAGE_REGISTRY"],
    }
    keys = {"--key": team.bucket.key, "--secret": team.bucket.secret}
    named = {name for line in lines if line.startswith("export ") for name in re.findall(r"(\w+)=", line)}
    assert named == ours.keys(), "the page exports other names than this test knows"
    filled = [
        re.sub(r"\b(\w+)=\S+", lambda match: f"{match[1]}={ours[match[1]]}", line)
        if line.startswith("export")
        else line
        for line in lines
    ]
    return [re.sub(r"(--\w+)=\.\.\.", lambda match: f"{match[1]}={keys[match[1]]}", line) for line in filled]


@pytest.fixture(scope="session")
def followed(team: Team) -> str:
    """What the commands of the page say; after it the environment of the checkout is what the page has made of it."""
    commands = of_the_page(team)
    assert commands[-1] == "python run.py train --stack kubernetes"
    done = team.checkout.command("bash", "-c", "\n".join(["set -e", *commands]), warm=False, expect=None)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{team.namespace.told()}"
    exports = re.findall(r"(\w+)=(\S+)", "\n".join(line for line in commands if line.startswith("export ")))
    team.checkout.env.update(dict(exports))
    return done.stdout + done.stderr
