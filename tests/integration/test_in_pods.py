"""The training pipeline as a pod runs it, in this process: ZenML's local orchestrator runs the same dynamic pipeline."""

import hashlib
import itertools
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from champion.errors import ConfigurationError
from champion.orchestration.stack_support import StackSupport
from champion.orchestration.stack_support.kubernetes import ENVIRONMENT, START
from champion.registry.reconcile import reconcile
from data.make_iris import iris_csv
from tests.conftest import ROOT, Session, quick
from tests.support.monitor_examples import new_rows, write_log
from tests.support.object_store import ObjectStore

THREE = {
    f"tree_{depth}": {"estimator": "sklearn.tree.DecisionTreeClassifier", "params": {"max_depth": depth}}
    for depth in (1, 2, 3)
}


class InPods(StackSupport):
    """A stack that runs pipelines, with every step in one process."""

    runs_pipelines = True


class ByTheClock(InPods):
    """One that begins runs by itself, too."""

    def scheduled(self) -> StackSupport:
        return self


@pytest.fixture
def in_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        if name.startswith("ZENML"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr("pipelines.training.support_for", lambda *_: InPods())


def test_it_decides_as_the_pipeline_of_other_stacks_does_and_what_has_not_changed_is_cached(
    session: Session, in_pods: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_case = quick(candidates=THREE)
    made, executed = session.train(use_case)
    assert made.outcome.action == "promoted"
    assert executed == {"prepare", "train_tree_1", "train_tree_2", "train_tree_3", "evaluate", "promote", "report"}
    again, executed = session.train(use_case)
    assert again.outcome.action == "kept"
    assert not executed & {"prepare", "train_tree_1", "train_tree_2", "train_tree_3"}
    monkeypatch.undo()
    other = Session(session.root, session.client, f"{session.name}_elsewhere")
    elsewhere, _ = other.train(use_case)
    assert elsewhere.outcome.action == "promoted"
    assert elsewhere.facts.fingerprint == made.facts.fingerprint
    assert elsewhere.evaluation.challenger == made.evaluation.challenger


def test_no_more_candidates_than_are_said_train_at_once(session: Session, in_pods: None) -> None:
    session.train(quick(candidates=THREE, training={"max_parallelism": 1}))
    (run,) = session.client.list_pipeline_runs(tags=[f"use_case:{session.name}"], hydrate=True).items
    steps = sorted(
        (step for name, step in run.steps.items() if name.startswith("train_")), key=lambda step: step.start_time
    )
    assert len(steps) == 3
    for former, later in itertools.pairwise(steps):
        assert former.end_time <= later.start_time


def test_a_process_of_zenml_in_a_pod_is_adjusted_before_it_begins_and_no_other_is() -> None:
    def applied(*words: str) -> str:
        look = "import champion.patching; print(sorted(champion.patching._applied))"
        path = os.pathsep.join((str(ROOT), str(ROOT / START)))
        env = {**os.environ, "PYTHONPATH": path, "ZENML_ANALYTICS_OPT_IN": "false"}
        command = [sys.executable, "-c", look, *words]
        done: Any = subprocess.run(command, env=env, capture_output=True, text=True, check=True, cwd=ROOT)
        return str(done.stdout) + str(done.stderr)

    in_a_pod = applied("-m", "zenml.entrypoints.entrypoint")
    assert "RestZenStore.session" in in_a_pod
    assert "retry_on_api_exception" in in_a_pod
    assert "left out" not in in_a_pod
    assert applied("-m", "joblib") == "[]\n"


def test_of_two_that_schedule_a_use_case_at_once_the_second_is_told_what_one_that_comes_later_is(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zenml.exceptions import EntityExistsError

    from pipelines import scheduled, scheduled_in_pods

    def begun(**_: Any) -> None:
        raise EntityExistsError("Found an existing schedule with the same name")

    monkeypatch.setattr(scheduled, "support_for", lambda *_: ByTheClock())
    monkeypatch.setattr(scheduled_in_pods, "scheduled", SimpleNamespace(with_options=lambda **_: begun))
    workspace = session.workspace(quick(data={"path": "s3://tables/iris.csv"}))
    with pytest.raises(ConfigurationError, match=f"The use case {session.name} is scheduled already"):
        scheduled.schedule(session.client, workspace, "0 3 * * 1")


def test_a_scheduled_training_fetches_the_table_registers_it_and_promotes(
    session: Session, in_pods: None, objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.scheduled_in_pods import scheduled

    address = f"s3://{objects.bucket()}/iris.csv"
    objects.put(address, iris_csv())
    for name, value in {**objects.environment, "CHAMPION_RESULTS": str(session.root)}.items():
        monkeypatch.setenv(name, value)
    use_case = session.workspace(quick(data={"path": address})).use_case
    begun = scheduled.with_options(run_name=f"{session.name}-{{date}}-{{time}}", tags=[f"use_case:{session.name}"])
    run: Any = begun(use_case=use_case, revision="abc", log=None, options={})
    assert run.status.is_successful
    assert session.stages() == {1: "production"}
    facts = run.steps["promote"].config.parameters["facts"]
    assert (facts["data_version"], facts["commit"]) == (hashlib.md5(iris_csv()).hexdigest(), "abc")
    reconcile(session.client, session.workspace(quick(data={"path": address})))  # its package, whose answers are logged
    log = f"{address.rpartition('/')[0]}/logs"
    write_log(session, tmp_path / "log", new_rows(300))
    for file in (tmp_path / "log").iterdir():
        objects.put(f"{log}/pod-a/{file.name}", file.read_bytes())
    again: Any = begun(use_case=use_case, revision="abc", log=log, options={})
    assert again.run_metadata["drift"] == "drift", "every answer of that log is setosa"
    assert again.steps["monitor"].status == "completed"
    assert {name for name, step in again.steps.items() if step.status == "cached"} >= {"prepare", "train_tree"}
    assert [number for number, stage in session.stages().items() if stage == "production"] == [1]
