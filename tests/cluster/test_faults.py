"""What happens to machines and networks costs a run time, and not the run."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from devtools.demo.traffic import wait_until
from tests.cluster.conftest import PATIENCE, Cluster, Team, champion, follow_the_page, made_team, training_of
from tests.conftest import Checkout, tree
from tests.support.cluster import Namespace
from tests.support.door import Door
from tests.support.object_store import ObjectStore
from tests.support.server import zenml_server

pytestmark = pytest.mark.long

AWAY = 60.0  # seconds
LONG = PATIENCE + 4 * AWAY


@dataclass(frozen=True)
class Shaky:
    """A team that reaches its servers by doors that can be shut, and its ZenML server."""

    team: Team
    server: SimpleNamespace
    doors: dict[str, Door]


@pytest.fixture(scope="module")
def shaky(cluster: Cluster, bucket: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shaky]:
    """It has followed the page, so it has a champion."""
    folder = tmp_path_factory.mktemp("shaky")
    with ExitStack() as entered:
        server = entered.enter_context(zenml_server(folder / "zenml", cluster.node_address))
        view = ["kubectl", "config", "view", "--raw", "--flatten", "--minify", "--context", cluster.context]
        config = yaml.safe_load(subprocess.run(view, capture_output=True, text=True, check=True).stdout)
        api = config["clusters"][0]["cluster"]
        urls = {"server": server.url, "bucket": bucket.endpoint}
        doors = {name: entered.enter_context(Door(cluster.node_address, url)) for name, url in urls.items()}
        doors["api"] = entered.enter_context(Door("127.0.0.1", api["server"]))
        api["server"] = doors["api"].url
        (folder / "kubeconfig").write_text(yaml.safe_dump(config), encoding="utf-8")
        reached = {**server.environment, "ZENML_STORE_URL": doors["server"].url}
        made = entered.enter_context(made_team(cluster, folder, reached, ObjectStore(doors["bucket"].url)))
        made.checkout.env["KUBECONFIG"] = str(folder / "kubeconfig")
        assert "Promoted." in follow_the_page(made)
        yield Shaky(made, server, doors)


@pytest.fixture
def namespace(shaky: Shaky) -> Namespace:
    """Its namespace, whose events stand beside a failure."""
    return shaky.team.namespace


def use_case(name: str, **changes: Any) -> dict[str, Any]:
    """A quick one, whose training has a pod of its own, as every one has."""
    return tree(2, name, **changes)


@pytest.mark.parametrize("away", ["server", "bucket", "api"])
def test_a_server_that_is_away_for_a_minute_costs_time_and_not_the_run(
    away: str, shaky: Shaky, namespace: Namespace
) -> None:
    with training_of(shaky.team, use_case(f"away-{away}")) as run:
        run.until(r"^ +train_tree +(queued|\.\.\.)")
        shaky.doors[away].shut_for(AWAY)
        assert run.ended(LONG) == 0, run.said
    assert "Traceback" not in run.said
    assert champion(shaky.team.checkout, f"away-{away}")["number"] == 1
    assert namespace.alive() == []


def test_a_zenml_server_that_restarts_in_the_middle_of_a_run(shaky: Shaky, namespace: Namespace) -> None:
    with training_of(shaky.team, use_case("restarted")) as run:
        run.until(r"^ +train_tree +(queued|\.\.\.)")
        shaky.server.restart()
        assert run.ended(LONG) == 0, run.said
    assert "Traceback" not in run.said
    assert champion(shaky.team.checkout, "restarted")["number"] == 1


def test_a_step_that_is_evicted_runs_again_in_a_pod_after_its_own(shaky: Shaky, namespace: Namespace) -> None:
    def pods() -> list[str]:
        running = namespace.items("pods", "--field-selector=status.phase=Running")
        return [pod["metadata"]["name"] for pod in running if "train-tree" in pod["metadata"]["name"]]

    with training_of(shaky.team, use_case("evicted")) as run:
        wait_until(lambda: bool(pods()) or run.process.poll() is not None, PATIENCE, "no pod of the step ran")
        (pod,) = pods()
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": namespace.name},
        }
        place = f"/api/v1/namespaces/{namespace.name}/pods/{pod}/eviction"
        namespace.kubectl("create", "--raw", place, "-f", "-", given=json.dumps(eviction))
        assert run.ended(LONG) == 0, run.said
    assert "Traceback" not in run.said
    assert champion(shaky.team.checkout, "evicted")["number"] == 1
    assert namespace.alive() == []


def test_of_two_promotions_at_once_on_one_server_one_is_in_production_and_both_are_told(
    shaky: Shaky, namespace: Namespace, tmp_path: Path
) -> None:
    other = Checkout(tmp_path / "other", shaky.team.checkout.home, dict(shaky.team.checkout.env))
    subprocess.run(["cp", "-r", str(shaky.team.checkout.root), str(other.root)], check=True)
    teams = [shaky.team, Team(other, namespace, shaky.team.server, shaky.team.bucket)]
    said: dict[int, tuple[int, str]] = {}

    def train(number: int) -> None:
        with training_of(teams[number], tree(number + 1, "at-once")) as run:
            said[number] = run.ended(LONG), run.said

    threads = [threading.Thread(target=train, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(said) == 2
    for code, text in said.values():
        assert "Traceback" not in text
        assert code == 0 or "Error: " in text, text
    assert 0 in {code for code, _ in said.values()}
    assert champion(shaky.team.checkout, "at-once")["number"] in (1, 2)
