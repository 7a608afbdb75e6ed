"""Training in pods: docs/scale.md by the letter, and Ctrl-C."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

from devtools.demo.traffic import wait_until
from tests.cluster.conftest import Team
from tests.conftest import Checkout, quick
from tests.support.cluster import Namespace

PATIENCE = 240.0  # seconds for what takes 60 on an idle machine
STEPS = ("prepare", "train_logistic_regression", "train_random_forest", "evaluate", "promote", "report")
NO_END = {"solver": "saga", "tol": 0.0, "max_iter": 100_000_000}  # it is never content, and takes no memory


def champion(checkout: Checkout, name: str = "iris") -> dict[str, Any]:
    """The version in production, as `models` tells it."""
    done = checkout.command("python", "run.py", "models", "--config", name, "--json", warm=False)
    (found,) = [version for version in json.loads(done.stdout) if version["stage"] == "production"]
    return found


def test_the_page_followed_by_the_letter_ends_in_a_champion_and_says_what_happens_while_it_happens(
    followed: str, team: Team, training: Namespace
) -> None:
    assert "Promoted. The challenger becomes the champion" in followed, followed
    assert champion(team.checkout)["number"] == 1
    assert re.search(r"the image \S+ is (pushed|in the registry, unchanged)", followed)
    for step in STEPS:
        assert re.search(rf"^ +{step} +queued *$", followed, re.MULTILINE), step
        assert re.search(rf"^ +{step} +done +\d+\.\d s$", followed, re.MULTILINE), step
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
    followed: str, team: Team, training: Namespace, tmp_path: Path
) -> None:
    before = champion(team.checkout)
    endless = {"endless": {"estimator": "sklearn.linear_model.LogisticRegression", "params": NO_END}}
    config = team.checkout.write_use_case(quick(candidates=endless), name="iris")
    said = tmp_path / "said"
    with said.open("w") as out:
        command = ["python", "run.py", "train", "--stack", "kubernetes", "--config", config]
        process = subprocess.Popen(
            command,
            cwd=team.checkout.root,
            env=team.checkout.environment(),
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
        try:
            begun = re.compile(r"^ +train_endless +\.\.\.", re.MULTILINE)
            wait_until(
                lambda: bool(begun.search(said.read_text(encoding="utf-8"))) or process.poll() is not None, PATIENCE,
                f"the step did not start: {said.read_text(encoding='utf-8')}",
            )  # fmt: skip
            assert process.poll() is None, said.read_text(encoding="utf-8")
            assert training.alive()
            os.kill(process.pid, signal.SIGINT)
            assert process.wait(PATIENCE) == 130
        finally:
            process.kill()
            process.wait()
    text = said.read_text(encoding="utf-8")
    assert "the run is stopped\n" in text, text
    assert "Traceback" not in text
    assert training.alive() == []
    assert champion(team.checkout) == before
