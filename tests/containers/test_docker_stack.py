"""The same pipeline in containers: proven from inside them, equal to the local stack, and nothing left behind."""

import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyarrow import parquet

from champion.bundle.build import predictor
from champion.bundle.folder import read
from champion.orchestration.docker.image import ASK, HARDENED, KEYLESS, try_out
from devtools.demo.traffic import wait_until
from tests.conftest import Checkout, quick
from tests.support import own_examples

IN_STEPS = """
import json
from zenml.client import Client
from champion.orchestration.store import open_store
open_store()
run = Client().list_pipeline_runs(size=1, sort_by="desc:created").items[0]
print(json.dumps({name: {key: str(value) for key, value in step.run_metadata.items()} for name, step in run.steps.items()}))
"""


def left(engine: Any, checkout: Checkout) -> list[str]:
    """The containers that see a checkout's store, dead or alive."""
    stores = str(checkout.root / ".zenml/local_stores")
    return [found.name for found in engine.containers.list(all=True, ignore_removed=True, filters={"volume": stores})]


def answers(checkout: Checkout) -> Any:
    """What the package of a checkout says of every row of its table: a probability for each class."""
    package = predictor(read(checkout.root / "models/iris", "models/iris"), "models/iris")
    return package.predict(pd.read_csv(checkout.root / "data/iris.csv")).probabilities


def test_every_step_runs_in_a_container_of_its_own_and_makes_what_the_local_stack_makes(
    engine: Any, ready: Checkout, tmp_path: Path
) -> None:
    beside = Checkout(shutil.copytree(ready.root, tmp_path / "beside"), ready.home)
    here = beside.trained("--stack", "local", "--no-cache").facts

    assert ready.run("stack", "docker").stdout.startswith("The stack docker is active.")
    ran = ready.trained("--no-cache")
    trainings = {"train_logistic_regression", "train_random_forest"}
    assert ran.executed == {"prepare", *trainings, "evaluate", "promote", "report"}

    said = json.loads(ready.command(sys.executable, "-c", IN_STEPS).stdout)
    hosts = {name: facts["container"] for name, facts in said.items()}
    assert set(hosts) == ran.executed
    assert len(set(hosts.values())) == len(hosts), hosts
    assert all(len(host) == 12 and set(host) <= set("0123456789abcdef") for host in hosts.values()), hosts
    assert {facts["python"].rpartition(".")[0] for facts in said.values()} == {"3.13"}
    assert left(engine, ready) == []

    there = ran.facts
    assert (there["lineage"]["stack"], there["action"], there["reason"]) == ("docker", "promoted", here["reason"])
    assert there["challenger"]["candidate"] == here["challenger"]["candidate"]
    assert there["challenger"]["scores"] == pytest.approx(here["challenger"]["scores"], abs=1e-9)
    assert answers(ready) == pytest.approx(answers(beside), abs=1e-9)

    again = ready.trained()
    assert "building the image" not in again.text
    assert again.executed == {"evaluate", "promote", "report"}  # there is a champion now


def test_a_users_mistake_in_a_container_is_a_sentence_with_its_own_exit_code_and_of_a_broken_step_the_whole_log_is_shown(
    engine: Any, ready: Checkout
) -> None:
    ready.run("train", "--config", ready.write_use_case(quick()))
    config = ready.write_use_case(quick(split={"share": 0.3, "salt": "other", "min_overlap": 100}))
    done = ready.run("train", "--stack", "docker", "--config", config, expect=4)
    (error,) = [line for line in done.stderr.splitlines() if "Nothing is decided" in line]
    assert error.startswith("Error: ")
    assert "Traceback" not in done.stderr

    path = ready.root / "steps/prepare.py"  # not committed, and takes effect
    marker = "from champion.modeling.preparation import prepare_table\n"
    says = (
        'import sys\n    print("on stdout")\n    print("on stderr", file=sys.stderr)\n    raise ValueError("broken")\n'
    )
    path.write_text(path.read_text(encoding="utf-8").replace(marker, says), encoding="utf-8")
    done = ready.run("train", "--stack", "docker", "--config", config, expect=1)
    for said in ("on stdout", "on stderr", "steps/prepare.py", "ValueError: broken", "The step prepare failed in its"):
        assert said in done.stderr
    assert left(engine, ready) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_takes_its_containers_along(engine: Any, ready: Checkout, number: signal.Signals) -> None:
    config = ready.write_use_case(quick())
    running = ready.start("train", "--stack", "docker", "--config", config)
    try:
        wait_until(lambda: left(engine, ready) != [] or running.poll() is not None, 600, "no container came")
        running.send_signal(number)
        _, said = running.communicate(timeout=120)
    finally:
        running.kill()
    assert running.returncode == 130, said
    assert "Interrupted." in said
    assert left(engine, ready) == []


def test_batch_inference_writes_the_same_files_as_on_the_local_stack(ready: Checkout) -> None:
    config = ready.write_use_case(quick())
    ready.run("train", "--config", config)
    table = pd.read_csv(ready.root / "data/iris.csv").astype({"sepal_length": object})
    table.loc[3, "sepal_length"] = "long"
    table.to_csv(ready.root / "rows.csv", index=False)
    asked = ("predict", "rows.csv", "--config", config, "--keep-all", "--no-cache")

    here = ready.json(*asked, "here.parquet", "--stack", "local")
    there = ready.json(*asked, "there.parquet", "--stack", "docker")
    assert (here["stack"], there["stack"]) == ("local", "docker")
    assert (there["predicted"], there["rejected"]) == (here["predicted"], here["rejected"]) == (149, 1)
    ours, theirs = (parquet.read_table(ready.root / f"{name}.parquet") for name in ("here", "there"))
    assert theirs.schema.equals(ours.schema)
    pd.testing.assert_frame_equal(theirs.to_pandas(), ours.to_pandas(), rtol=0, atol=1e-9)
    refused = [(ready.root / f"{name}.rejected.csv").read_bytes() for name in ("here", "there")]
    assert refused[0] == refused[1]
    assert b"is no number" in refused[0]


def test_a_booster_over_own_code_is_trained_in_containers_and_served_by_the_image_of_its_champion_with_no_right_at_all(
    engine: Any, ready: Checkout
) -> None:
    own_examples.write(ready.root)
    boosted = {"estimator": "lightgbm.LGBMClassifier", "params": {"n_estimators": 5, "min_child_samples": 5}}
    step = {"transformer": "features.ratios.Ratio", "columns": ["petal_length", "petal_width"]}
    changes = {"code": list(own_examples.FILES), "features": [step], "candidates": {"boosted": boosted}}
    config = ready.write_use_case(quick(**changes))
    trained = ready.trained("--stack", "docker", "--config", config)
    assert trained.facts["action"] == "promoted"

    name = f"champion-test:own-{os.getpid()}"
    built = ready.run("image", "--target", "champion", "--tag", name)
    container = None
    try:
        assert "requirements/lightgbm.txt, requirements/own-code.txt" in built.stderr
        assert try_out(engine, name, "iris", 1).startswith(f"{name} answers as iris version 1")
        container = engine.containers.run(name, detach=True, environment=KEYLESS, **HARDENED)
        assert container.exec_run(["python", "-c", ASK, "60"]).exit_code == 0
        asked = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8000/model').read().decode())"
        told = json.loads(container.exec_run(["python", "-c", asked]).output)
    finally:
        if container is not None:
            container.remove(force=True)
        engine.images.remove(name, force=True)
    assert told["code"]["trusted"] == "by its hash"
    assert told["code"]["files"] == sorted(own_examples.FILES)
