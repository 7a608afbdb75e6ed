"""The same pipeline in containers: proven from inside them, equal to the local stack, and nothing left behind."""

from __future__ import annotations

import contextlib
import json
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from champion.bundle.build import predictor
from champion.bundle.folder import read
from champion.orchestration.docker.containers import Containers
from champion.orchestration.stack_support.local_docker import ended_by_signals
from tests.conftest import Checkout, copy_project

if TYPE_CHECKING:
    from docker import DockerClient

IN_STEPS = """
import json
from zenml.client import Client
from champion.orchestration.store import open_store
open_store()
run = Client().list_pipeline_runs(size=1, sort_by="desc:created").items[0]
flavor = run.stack.components["orchestrator"][0].flavor_name
steps = {name: {key: str(value) for key, value in step.run_metadata.items()} for name, step in run.steps.items()}
print(json.dumps({"flavor": flavor, "steps": steps}))
"""


def left(engine: DockerClient, checkout: Checkout) -> list[str]:
    """The containers that see a checkout's store, dead or alive."""
    stores = str(checkout.root / ".zenml/local_stores")
    return [found.name for found in engine.containers.list(all=True, filters={"volume": stores})]


def decided(checkout: Checkout) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((checkout.root / "reports/iris/decision.json").read_text(encoding="utf-8"))
    return facts


def answers(checkout: Checkout) -> np.ndarray:
    """What the package of a checkout says of every row of its table: a probability for each class."""
    package = read(checkout.root / "models/iris", "models/iris")
    assert package is not None
    frame = pd.read_csv(checkout.root / "data/iris.csv")
    return np.asarray(predictor(package, "models/iris").predict(frame).probabilities)


def test_every_step_runs_in_a_container_of_its_own_and_makes_what_the_local_stack_makes(
    engine: DockerClient, ready: Checkout, tmp_path: Path
) -> None:
    beside = Checkout(tmp_path / "beside", ready.home)
    beside.root.mkdir()
    copy_project(beside.root)
    (beside.root / "data/iris.csv").write_bytes((ready.root / "data/iris.csv").read_bytes())
    beside.run("train", "--stack", "local", "--no-cache")

    assert ready.run("stack", "docker").stdout.startswith("The stack docker is active.")
    ran = ready.trained("--no-cache")
    assert ran.executed == {
        "prepare",
        "train_logistic_regression",
        "train_random_forest",
        "evaluate",
        "promote",
        "report",
    }

    said = json.loads(ready.command(sys.executable, "-c", IN_STEPS).stdout)
    assert said["flavor"] == "local_docker"
    hosts = {name: facts["container"] for name, facts in said["steps"].items()}
    assert set(hosts) == ran.executed
    assert len(set(hosts.values())) == len(hosts), hosts
    assert all(len(host) == 12 and set(host) <= set("0123456789abcdef") for host in hosts.values()), hosts
    assert {facts["python"].rpartition(".")[0] for facts in said["steps"].values()} == {"3.13"}
    assert left(engine, ready) == []

    here, there = decided(beside), decided(ready)
    assert there["lineage"]["stack"] == "docker"
    assert (there["action"], there["reason"]) == (here["action"], here["reason"]) == ("promoted", here["reason"])
    assert there["challenger"]["candidate"] == here["challenger"]["candidate"]
    assert there["challenger"]["scores"] == pytest.approx(here["challenger"]["scores"], abs=1e-9)
    np.testing.assert_allclose(answers(ready), answers(beside), atol=1e-9)

    again = ready.trained()
    assert "building the image" not in again.text
    assert again.executed == {"evaluate", "promote", "report"}  # there is a champion now


def test_code_that_is_not_committed_takes_effect_and_the_whole_log_of_a_failed_step_is_shown(
    engine: DockerClient, ready: Checkout, quick: Any
) -> None:
    config = ready.write_use_case(quick())
    path = ready.root / "steps/prepare.py"
    changed = (
        'import sys\n    print("on stdout")\n    print("on stderr", file=sys.stderr)\n    raise ValueError("broken")\n'
    )
    marker = "from champion.modeling.preparation import prepare_table\n"
    path.write_text(path.read_text(encoding="utf-8").replace(marker, changed), encoding="utf-8")
    done = ready.run("train", "--stack", "docker", "--config", config, expect=1)
    for said in ("on stdout", "on stderr", "steps/prepare.py", "ValueError: broken", "The step prepare failed in its"):
        assert said in done.stderr
    assert left(engine, ready) == []


def test_a_users_mistake_inside_a_container_is_a_sentence_with_its_own_exit_code(
    engine: DockerClient, ready: Checkout, quick: Any
) -> None:
    config = ready.write_use_case(quick())
    ready.run("train", "--config", config)
    ready.write_use_case(quick(split={"share": 0.3, "salt": "other", "min_overlap": 100}))
    done = ready.run("train", "--stack", "docker", "--config", config, expect=4)
    (error,) = [line for line in done.stderr.splitlines() if "Nothing is decided" in line]
    assert error.startswith("Error: ")
    assert "Traceback" not in done.stderr
    assert left(engine, ready) == []


def test_an_interrupt_that_a_library_swallowed_ends_the_run_at_the_next_step(engine: DockerClient) -> None:
    containers = Containers(engine)
    with ended_by_signals(containers), contextlib.suppress(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        containers.run("an-image-that-is-not-there", ["--step_name", "prepare"], [])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_takes_its_containers_along(
    engine: DockerClient, pipeline_image: str, ready: Checkout, quick: Any, number: signal.Signals
) -> None:
    config = ready.write_use_case(quick())
    running = ready.start("train", "--stack", "docker", "--config", config)
    try:
        until = time.monotonic() + 120
        while not left(engine, ready):
            assert time.monotonic() < until
            assert running.poll() is None, running.communicate()
            time.sleep(0.05)
        running.send_signal(number)
        _, said = running.communicate(timeout=120)
    finally:
        running.kill()
    assert running.returncode == 130, said
    assert "Interrupted." in said
    assert left(engine, ready) == []
