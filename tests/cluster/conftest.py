"""A real cluster, and what a team has beside it: a ZenML server, an S3 server and a registry, on addresses that pods reach.

It is the cluster of the context that KUBERNETES_CONTEXT names, and no other. Where none is named, or it does not answer, a test
is skipped, or fails if NEEDS_CLUSTER is set. What is made there goes with the namespaces at the end of the session.
"""

import contextlib
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest

from champion.errors import EngineError
from champion.orchestration.docker.engine import connect
from devtools.demo.traffic import wait_until
from tests.conftest import ROOT, Checkout, make_checkout
from tests.support.cluster import Namespace
from tests.support.object_store import ObjectStore, object_store
from tests.support.server import zenml_server

ASKED = ("KUBERNETES_CONTEXT", "NODE_ADDRESS", "IMAGE_REGISTRY")
BUCKET = "champion-tests"
PATIENCE = 240.0  # seconds for what takes 60 on an idle machine
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


@contextlib.contextmanager
def made_team(cluster: Cluster, folder: Path, server: Mapping[str, str], bucket: ObjectStore) -> Iterator["Team"]:
    """A checkout of a team whose namespace is made as docs/scale.md says, under a name of its own.

    `server`: what makes a process a client of its ZenML server.
    """
    namespace = Namespace(cluster.context, own_name("training"))
    made = make_checkout(folder)
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


@pytest.fixture(scope="session")
def team(
    cluster: Cluster, server: SimpleNamespace, bucket: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator["Team"]:
    """The team of this session."""
    with made_team(cluster, tmp_path_factory.mktemp("team"), server.environment, bucket) as made:
        yield made


@dataclass(frozen=True)
class Team:
    """A checkout, the namespace that it trains in, and the servers that both reach."""

    checkout: Checkout
    namespace: Namespace
    server: Mapping[str, str]
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
        **team.server,
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


def follow_the_page(team: Team) -> str:
    """What the commands of the page say; after it the environment of the checkout is what the page has made of it."""
    commands = of_the_page(team)
    assert commands[-1] == "python run.py train --stack kubernetes"
    done = team.checkout.command("bash", "-c", "\n".join(["set -e", *commands]), warm=False, expect=None)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{team.namespace.told()}"
    exports = re.findall(r"(\w+)=(\S+)", "\n".join(line for line in commands if line.startswith("export ")))
    team.checkout.env.update(dict(exports))
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def followed(team: Team) -> str:
    """What the commands of the page say to the team of this session."""
    return follow_the_page(team)


@dataclass(frozen=True)
class Run:
    """A `train --stack kubernetes` that goes on, and the file that holds what it says."""

    process: subprocess.Popen[bytes]
    file: Path

    @property
    def said(self) -> str:
        return self.file.read_text(encoding="utf-8")

    def until(self, pattern: str, seconds: float = PATIENCE) -> None:
        """Wait for a line; a failure when the run ends before."""
        found = re.compile(pattern, re.MULTILINE)
        wait_until(lambda: bool(found.search(self.said)) or self.process.poll() is not None, seconds, "no such line")
        assert found.search(self.said), f"it ended before {pattern} was said:\n{self.said}"

    def ended(self, seconds: float = PATIENCE) -> int:
        """Its exit code."""
        return self.process.wait(seconds)


@contextlib.contextmanager
def training_of(team: Team, use_case: dict[str, Any]) -> Iterator[Run]:
    """Begin to train a use case in the cluster; at the end the command is gone, whatever it does."""
    config = team.checkout.write_use_case(use_case)
    command = ["python", "run.py", "train", "--stack", "kubernetes", "--config", config]
    file = team.checkout.root.parent / f"said-{secrets.token_hex(3)}"
    with file.open("w") as out:
        process = subprocess.Popen(
            command,
            cwd=team.checkout.root,
            env=team.checkout.environment(),
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        yield Run(process, file)
    finally:
        process.kill()
        process.wait()


def champion(checkout: Checkout, name: str = "iris") -> dict[str, Any]:
    """The version in production, as `models` tells it."""
    done = checkout.command("python", "run.py", "models", "--config", name, "--json", warm=False)
    (found,) = [version for version in json.loads(done.stdout) if version["stage"] == "production"]
    return dict(found)
