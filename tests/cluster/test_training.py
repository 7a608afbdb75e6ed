"""Training in pods: docs/scale.md by the letter, and Ctrl-C."""

import os
import re
import signal

from tests.cluster.conftest import Team, champion, training_of
from tests.conftest import quick
from tests.support.cluster import Namespace

STEPS = ("prepare", "train_logistic_regression", "train_random_forest", "evaluate", "promote", "report")
NO_END = {"solver": "saga", "tol": 0.0, "max_iter": 100_000_000}  # it is never content, and takes no memory


def test_the_page_followed_by_the_letter_ends_in_a_champion_and_says_what_happens_while_it_happens(
    followed: str, team: Team, training: Namespace
) -> None:
    assert "Promoted. The challenger becomes the champion" in followed, followed
    assert champion(team.checkout)["number"] == 1
    assert re.search(r"the image \S+ is (pushed|in the registry, unchanged)", followed)
    for step in STEPS:
        assert re.search(rf"^ +{step} +done +\d+\.\d s$", followed, re.MULTILINE), step
        if step.startswith("train_"):  # the others have no pod of their own to wait for
            assert re.search(rf"^ +{step} +queued *$", followed, re.MULTILINE), step
    assert "Traceback" not in followed
    assert "Exception ignored" not in followed
    assert training.alive() == []


def test_no_pods_log_holds_a_traceback(followed: str, training: Namespace) -> None:
    logs = {pod["metadata"]["name"]: training.log(pod["metadata"]["name"]) for pod in training.items("pods")}
    assert logs
    assert all(logs.values())
    assert [name for name, log in logs.items() if "Traceback" in log or "Exception ignored" in log] == []


def test_pods_of_training_pass_a_restricted_namespace_and_those_of_steps_get_no_token(
    followed: str, training: Namespace
) -> None:
    (namespace,) = training.items("namespaces", f"--field-selector=metadata.name={training.name}")
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    pods = training.items("pods")
    with_token = [
        pod["spec"]["serviceAccountName"]
        for pod in pods
        if any(
            "/serviceaccount" in mount["mountPath"] for mount in pod["spec"]["containers"][0].get("volumeMounts", ())
        )
    ]
    assert with_token == ["champion-training"] * len(with_token)
    assert 0 < len(with_token) < len(pods)


def test_ctrl_c_stops_the_run_and_its_pods_and_leaves_production_alone(
    followed: str, team: Team, training: Namespace
) -> None:
    before = champion(team.checkout)
    endless = {"endless": {"estimator": "sklearn.linear_model.LogisticRegression", "params": NO_END}}
    with training_of(team, quick(candidates=endless)) as run:
        run.until(r"^ +train_endless +\.\.\.")
        assert training.alive()
        os.kill(run.process.pid, signal.SIGINT)
        assert run.ended() == 130
    assert "the run is stopped\n" in run.said, run.said
    assert "Traceback" not in run.said
    assert training.alive() == []
    assert champion(team.checkout) == before
