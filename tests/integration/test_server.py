"""With a ZenML server its Model Control Plane is the truth, for everybody; without one the package is."""

import shutil
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Checkout, make_checkout, tree
from tests.support.server import zenml_server

AT_ONCE = """
import pathlib, sys, time
import zenml

here, other = (pathlib.Path(sys.argv.pop(1)) for _ in range(2))
former = zenml.save_artifact

def at_once(*given, **named):
    if named.get("version"):  # both have found that the store lacks the table
        here.touch()
        ends = time.monotonic() + 120
        while not other.exists() and time.monotonic() < ends:
            time.sleep(0.01)
    return former(*given, **named)

zenml.save_artifact = at_once
import run
sys.exit(run.main())
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One server for these tests, each with a use case of its own."""
    with zenml_server(tmp_path_factory.mktemp("server")) as running:
        yield running


def test_a_champion_promoted_on_one_machine_judges_the_challenger_of_another(
    server: Any, ready: Checkout, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = make_checkout(tmp_path / "other")
    (other.root / "data/iris.csv").write_bytes((ready.root / "data/iris.csv").read_bytes())
    for machine in (ready, other):  # they share a folder, as they would share a bucket
        machine.env |= {**server.environment, "ZENML_LOCAL_STORES_PATH": str(tmp_path / "artifacts")}
    ready.write_use_case(tree(2))
    first = ready.train()
    assert (first["action"], first["store"]) == ("promoted", f"server {server.url}")

    other.write_use_case(tree(1))
    second = other.train("--no-cache")
    assert (second["action"], second["judged_against"]["number"]) == ("kept", 1)
    assert (other.root / "models/iris/manifest.json").is_file()
    assert other.champion() == ready.champion() == 1
    assert {version["made_champion_by"] for version in other.models()} == {"ci", None}, "who used the server"

    pruned = other.json("prune", "--yes")
    assert (pruned["runs"], pruned["snapshots"], pruned["logs"] > 5, pruned["metadata"]) == (1, 1, True, 0)
    assert "stays on a server: ZenML's client cannot delete it" in pruned["stays"][-1]
    assert other.champion() == 1

    del other.env["ZENML_LOCAL_STORES_PATH"]
    alone = other.run("train", expect=1)
    assert "needs an artifact store that all can reach" in alone.stderr
    assert not (other.root / ".zenml/local_stores/default_zen_store/zenml.db").exists()


def test_two_first_runs_of_one_use_case_at_once_make_one_champion_each_of_one_table(
    server: Any, ready: Checkout, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    both = ready, make_checkout(tmp_path / "other")
    marks = [str(tmp_path / name) for name in ("one", "two")]
    (both[1].root / "data/iris.csv").write_bytes((ready.root / "data/iris.csv").read_bytes())
    for depth, machine in enumerate(both, 1):
        machine.env |= {**server.environment, "ZENML_LOCAL_STORES_PATH": str(tmp_path / "artifacts")}
        machine.write_use_case(tree(depth, "pair"))
        (machine.root / "at_once.py").write_text(AT_ONCE, encoding="utf-8")

    def train(machine: Checkout, *mine_and_other: str) -> str:
        options = "train", "--config", "pair"
        return machine.command(sys.executable, "at_once.py", *mine_and_other, *options, expect=None).stderr

    with ThreadPoolExecutor() as pool:
        said = list(pool.map(train, both, marks, reversed(marks)))
    assert not [text for text in said if "Traceback" in text or "Error" in text]
    assert [len(machine.models("--config", "pair")) for machine in both] == [2, 2]
    assert ready.champion("--config", "pair") == both[1].champion("--config", "pair") == 1
    tables = [path for path in (tmp_path / "artifacts").rglob("pair_table/*") if any(path.iterdir())]
    assert len(tables) == 1, "and what the second one had written of it is gone again"


def test_a_runner_takes_the_package_that_dvc_brought_and_with_a_wrong_key_is_refused(
    server: Any, ready: Checkout
) -> None:
    ready.env |= server.environment
    config = ready.write_use_case(tree(2, "flowers"))
    assert ready.train("--config", config)["action"] == "promoted"
    shutil.rmtree(ready.root / ".zenml")  # the next runner is a fresh machine with the checkout in the same place
    ready.write_use_case(tree(1, "flowers"))
    second = ready.train("--config", config)
    assert (second["action"], second["judged_against"]["number"]) == ("kept", 1)

    ready.env["ZENML_STORE_API_KEY"] = "ZENKEY_wrong"
    done = ready.run("train", expect=1)
    assert "Traceback" not in done.stderr
    assert [words for words in ("refuses this client", "ZENML_STORE_API_KEY") if words not in done.stderr] == []
