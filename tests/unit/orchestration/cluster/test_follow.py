"""A run is waited for: its steps are told, a refusal ends it, and so does Ctrl-C. The server's side is a list of states."""

from types import SimpleNamespace
from typing import Any

import pytest
from zenml.enums import ExecutionStatus

from champion.errors import EngineError, ProjectError
from champion.orchestration import patches
from champion.orchestration.cluster import follow as following
from champion.orchestration.cluster.api import Cluster, Seen
from champion.orchestration.cluster.follow import follow
from tests.unit.orchestration.cluster.conftest import Api


class Server:
    """What a ZenML client answers of one run: a status of it and of its steps at each look, the last one again and again."""

    def __init__(self, *looks: tuple[str, dict[str, str]], message: str | None = None) -> None:
        self.looks, self.message = [*looks], message
        self.stopped: list[Any] = []

    def get_pipeline_run(self, _: str, hydrate: bool = True) -> Any:
        status = self.looks[0][0]
        if status == "ctrl-c":
            raise KeyboardInterrupt
        return SimpleNamespace(status=ExecutionStatus(status))

    def list_run_steps(self, **_: Any) -> Any:
        steps = self.looks.pop(0)[1] if len(self.looks) > 1 else self.looks[0][1]
        about = None if self.message is None else SimpleNamespace(message=self.message, traceback="")
        made = [
            SimpleNamespace(name=name, status=ExecutionStatus(status), exception_info=about)
            for name, status in steps.items()
        ]
        return SimpleNamespace(items=made)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "INTERVAL", 0.01)


def followed(server: Server, run: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(
        "zenml.orchestrators.publish_utils.publish_pipeline_run_status_update",
        lambda **update: server.stopped.append(update["status"]),
    )
    of_run: Any = SimpleNamespace(id=run, name=run)
    client: Any = server
    try:
        follow(client, of_run, cluster, "configs/iris.yaml", lambda step, what: told.append((step, what)))
    finally:
        server.told = told
    return told


def test_each_step_is_told_as_it_is_queued_starts_ends_or_is_cached(
    api: Api, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.run = "fails"  # its one job is the step's
    server = Server(
        ("running", {"prepare": "cached"}),
        ("running", {"prepare": "cached", "train_forest": "running"}),
        ("completed", {"prepare": "cached", "train_forest": "completed"}),
    )
    told = followed(server, "fails", cluster, monkeypatch)
    assert told == [
        ("train_forest", "queued"),
        ("prepare", "cached"),
        ("train_forest", "started"),
        ("train_forest", "finished"),
    ]
    assert api.removed == []


def test_what_the_cluster_refuses_ends_the_run_with_the_last_lines_of_the_log(
    api: Api, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(("running", {"train_forest": "running"}))
    with pytest.raises(ProjectError) as caught:
        followed(server, "oom", cluster, monkeypatch)
    said = str(caught.value)
    assert said.startswith(
        "In the cluster the step train_forest did not get through: it ran out of memory; its limit is 64Mi."
    )
    assert said.endswith(
        '  The last lines of its log:\n  {"event": "epoch", "loss": 0.5}\n  ValueError: no such column'
    )
    assert api.removed == ["oom"]
    assert server.stopped == [ExecutionStatus.STOPPED]


@pytest.mark.parametrize("status", ["failed", "retrying"])
def test_a_step_that_fails_by_itself_is_told_in_its_own_words(
    status: str, api: Api, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.run = "fails"
    with pytest.raises(
        ProjectError, match=r"^In the cluster the step train_forest did not get through: it failed: no such column\.$"
    ):
        followed(Server(("failed", {"train_forest": status}), message="no such column"), "fails", cluster, monkeypatch)
    with pytest.raises(
        ProjectError, match=r"its pod ended with exit code 1 \(Error\)\.\n  The last lines of its log:\n"
    ):
        followed(Server(("failed", {"train_forest": status})), "fails", cluster, monkeypatch)


def test_ctrl_c_stops_the_run_and_its_pods_and_says_so(
    api: Api, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    api.run = "busy"
    server = Server(("running", {}), ("ctrl-c", {}))
    monkeypatch.setattr(Server, "get_pipeline_run", _interrupted_once(Server.get_pipeline_run))
    with pytest.raises(KeyboardInterrupt):
        followed(server, "busy", cluster, monkeypatch)
    assert api.removed == ["busy"]
    assert server.stopped == [ExecutionStatus.STOPPED]
    assert "the run is stopped" in capsys.readouterr().err


def _interrupted_once(ask: Any) -> Any:
    """A question that Ctrl-C interrupts, and that is answered when the run is stopped."""
    done: list[bool] = []

    def asked(server: Server, run: str, hydrate: bool = True) -> Any:
        if server.looks[0][0] == "ctrl-c":
            if done:
                return SimpleNamespace(status=ExecutionStatus.RUNNING)
            done.append(True)
        return ask(server, run, hydrate)

    return asked


def test_a_cluster_that_is_away_for_a_while_costs_time_and_not_the_run(
    api: Api, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.run, api.away = "fails", 5
    assert followed(Server(("completed", {"train_forest": "completed"})), "fails", cluster, monkeypatch)
    api.away = 10**6
    monkeypatch.setattr(following, "SILENCE", 0.2)
    with pytest.raises(EngineError, match=r"has not answered for 0 s .* The run fails goes on there"):
        followed(Server(("completed", {})), "fails", cluster, monkeypatch)


def test_a_pod_that_came_in_the_place_of_another_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    job = {"metadata": {"name": "job-a", "annotations": {"zenml.io/step-name": "train_forest"}}}
    known: dict[str, set[str]] = {}
    for names in (["first"], ["first"], ["first", "second"], ["second"]):
        pods = [{"metadata": {"name": name, "labels": {"job-name": "job-a"}}} for name in names]
        following._tell_replaced(Seen([job], pods, []), known)
    (line,) = capsys.readouterr().err.splitlines()
    assert line.split(maxsplit=1) == ["train_forest", "its pod was taken away; another one, second, runs it again"]


def test_a_server_that_does_not_answer_is_asked_again_and_a_mistake_is_not() -> None:
    from kubernetes.client.exceptions import ApiException
    from zenml.integrations.kubernetes.kube_utils import retry_on_api_exception

    answers: list[Any] = [ConnectionRefusedError(), ApiException(status=503), "here"]

    def ask() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    asking: Any = patches._patient(retry_on_api_exception)
    assert asking(ask, max_retries=0, delay=0.01)() == "here"
    answers[:] = [ApiException(status=403), "here"]
    with pytest.raises(ApiException):
        asking(ask, max_retries=0, delay=0.01)()


def test_a_zenml_server_that_is_away_is_waited_for() -> None:
    from requests import Session
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    made = Session()
    made.mount("http://", HTTPAdapter(max_retries=Retry(connect=5, read=8, status=10, backoff_factor=1)))
    session: Any = patches._patient_session(property(lambda _: made))
    for _ in range(2):
        retries = session.fget(None).adapters["http://"].max_retries
        attempts = min(retries.total, retries.connect)  # the first is 10 unless it is said
        assert sum(min(2.0**attempt, retries.backoff_max) for attempt in range(attempts)) > 120
