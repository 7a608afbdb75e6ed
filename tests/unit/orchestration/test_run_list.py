"""What runs is listed, followed and stopped by its name; so are schedules."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from champion.errors import ConfigurationError
from champion.orchestration import run_list
from champion.orchestration.stack_support import StackSupport
from tests.conftest import Checkout, Session, quick


def test_a_run_that_has_ended_is_listed_with_its_steps_and_one_that_failed_with_its_reason(session: Session) -> None:
    session.train(quick())
    first, *_ = run_list.listed(session.client)
    assert (first.use_case, first.pipeline, first.status, first.goes_on) == (
        session.name, "training", "completed", False,
    )  # fmt: skip
    assert first.steps.keys() == {"prepare", "train_tree", "evaluate", "promote", "report"}
    assert first.reason is None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("champion.comparison.compare.compare", _failing)
        with pytest.raises(Exception, match="no such thing"):
            session.train(quick(promotion={"metric": "f1_macro"}))
    failed, *_ = run_list.listed(session.client)
    assert (failed.status, failed.reason) == ("failed", "evaluate: no such thing")


def _failing(*_: Any, **__: Any) -> None:
    raise ValueError("no such thing")


def test_one_that_goes_on_is_listed_with_what_hinders_it_and_a_name_that_is_none_with_those_that_go_on(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    session.train(quick())
    run = session.client.list_pipeline_runs(size=1, sort_by="desc:created", hydrate=True).items[0]
    monkeypatch.setattr(type(run), "status", property(lambda _: run_list_status()))
    monkeypatch.setattr(StackSupport, "hindrance", lambda *_: "prepare: no node is big enough.")
    first, *_ = run_list.listed(session.client)
    assert (first.goes_on, first.reason) == (True, "prepare: no node is big enough.")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StackSupport, "hindrance", _failing)
        unknown, *_ = run_list.listed(session.client)
    assert unknown.reason == "the cluster could not be asked about it (ValueError: no such thing)"
    with pytest.raises(
        ConfigurationError, match=rf"There is no run 'nope' .*{first.name}.*`python run\.py runs` lists all"
    ):
        run_list.found(session.client, "nope")
    found, use_case, support = run_list.found(session.client, first.name)
    assert (found.name, use_case) == (first.name, session.name)
    with pytest.raises(ConfigurationError, match="ends with the process that runs it"):
        support.stop(session.client, found)


def run_list_status() -> Any:
    from zenml.enums import ExecutionStatus

    return ExecutionStatus.RUNNING


def test_schedules_are_listed_and_removed_by_their_names() -> None:
    removed: list[str] = []
    known = SimpleNamespace(name=run_list.scheduled_name("iris"), cron_expression="0 3 * * 1")
    client: Any = SimpleNamespace(
        list_schedules=lambda **_: SimpleNamespace(items=[known]), delete_schedule=removed.append
    )
    assert run_list.schedules(client) == [run_list.Scheduled("iris-training", "0 3 * * 1")]
    run_list.remove_schedule(client, "iris-training")
    assert removed == ["iris-training"]
    with pytest.raises(ConfigurationError, match=r"no schedule 'other'\. There are: iris-training"):
        run_list.remove_schedule(client, "other")


def test_the_commands_list_follow_and_stop_and_refuse_what_this_stack_cannot(ready: Checkout) -> None:
    config = ready.write_use_case(quick())
    assert "No run yet" in ready.run("runs").stdout
    ready.train("--config", config)
    (run,) = ready.json("runs")["runs"]
    assert f"{run['name']}: completed  (training, stack default" in ready.run("runs").stdout
    decided = json.loads((ready.root / "reports/iris/decision.json").read_text())
    (ready.root / "reports/iris/decision.json").unlink()
    followed = ready.json("runs", "follow", run["name"])
    assert (followed["action"], followed["run"]) == ("promoted", run["name"])
    assert json.loads((ready.root / "reports/iris/decision.json").read_text()) == decided
    assert "has ended already: completed" in ready.run("runs", "stop", run["name"]).stdout
    assert "There is no run 'nope'" in ready.run("runs", "stop", "nope", expect=2).stderr
    assert "Leave out --detach" in ready.run("train", "--config", config, "--detach", expect=2).stderr
    assert "does not wait for" in ready.run("train", "--detach", "--require-promotion", expect=2).stderr
    assert "is no time of cron" in ready.run("schedule", "at three", "--config", config, expect=2).stderr
    assert "begins nothing by itself" in ready.run("schedule", "0 3 * * 1", "--config", config, expect=2).stderr
