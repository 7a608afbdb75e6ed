"""The image that serves: what is in it, that it needs no more than it gets, and that it is tried before it is pushed."""

import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from champion.bundle.predictions import read
from champion.ci import champion as ci_champion
from champion.ci.environment import Environment
from champion.errors import EngineError, ProjectError
from champion.orchestration.docker.image import ASK, HARDENED, try_out
from tests.conftest import Checkout, make_checkout, quick
from tests.containers.conftest import looked_into

FOREIGN = ("zenml", "dvc", "pandas", "sqlalchemy", "matplotlib", "steps", "pipelines", "cli", "pip", "pytest", "run")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout with a champion, which the tests of this file do not change."""
    made = make_checkout(tmp_path_factory.mktemp("served"))
    made.command(sys.executable, "data/make_iris.py")
    forest = {"estimator": "sklearn.ensemble.RandomForestClassifier", "params": {"n_estimators": 5, "random_state": 0}}
    made.run("train", "--config", made.write_use_case(quick(candidates={"forest": forest})))
    return made


@pytest.fixture(scope="module")
def built(engine: Any, trained: Checkout) -> Iterator[Callable[..., str]]:
    """Builds a target of the checkout's Dockerfile; removed at the end."""
    names: list[str] = []

    def build(target: str) -> str:
        name = f"champion-test:{target}-{trained.git('rev-parse', 'HEAD').strip()[:12]}-{os.getpid()}"
        if name not in names:
            trained.command(sys.executable, "run.py", "image", "--target", target, "--tag", name)
            names.append(name)
        return name

    yield build
    for name in names:
        engine.images.remove(name, force=True)


def asked(container: Any) -> dict[str, Any]:
    """What the service in a container answers to its own example."""
    done = container.exec_run(["python", "-c", ASK, "60"])
    assert done.exit_code == 0, (done.output, container.logs())
    return json.loads(done.output)


def test_the_image_has_what_the_service_needs_and_nothing_else(
    engine: Any, trained: Checkout, built: Callable[..., str]
) -> None:
    for name in (".env", "champion/serving/secret.key", "champion/serving/credentials.json"):
        (trained.root / name).write_text("a secret", encoding="utf-8")
    files = looked_into(engine, built("serving"), 350e6, *FOREIGN)
    assert {path.partition("/")[0] for path in files} == {"champion"}, "and no package"
    assert not [path for path in files if path.endswith((".env", ".key", ".csv", "credentials.json"))]


WITHOUT_BYTECODE = """
import os, sys
import champion.serving.__main__, champion.serving.server, champion.serving.app, champion.serving.loaded
import champion.serving.log, champion.bundle.model, pyarrow.parquet
print([name for name, module in list(sys.modules.items())
       if getattr(module, "__cached__", None) and not os.path.exists(module.__cached__)])
"""


def test_nothing_is_compiled_at_the_start(engine: Any, built: Callable[..., str]) -> None:
    said = engine.containers.run(built("serving"), ["-c", WITHOUT_BYTECODE], entrypoint="python", remove=True)
    assert said == b"[]\n"


def test_every_estimator_of_scikit_learn_is_in_it(engine: Any, built: Callable[..., str]) -> None:
    code = "from sklearn.utils.discovery import all_estimators as e; print(len(e(type_filter='classifier')))"
    count = engine.containers.run(built("serving"), ["-W", "ignore", "-c", code], entrypoint="python", remove=True)
    from sklearn.utils.discovery import all_estimators

    assert int(count) == len(all_estimators(type_filter="classifier"))


def test_the_champion_inside_answers_with_a_read_only_root_and_no_right(engine: Any, built: Callable[..., str]) -> None:
    container = engine.containers.run(built("champion"), detach=True, **HARDENED)
    try:
        assert asked(container)["version"] == 1
        status = container.exec_run(["cat", "/proc/1/status"]).output.decode()
        assert "CapEff:\t0000000000000000" in status
        assert "NoNewPrivs:\t1" in status
        check = engine.images.get(built("champion")).attrs["Config"]["Healthcheck"]["Test"]
        assert container.exec_run(check[1:]).exit_code == 0
        container.stop(timeout=30)
        assert container.wait()["StatusCode"] == 0, "it ended by itself at SIGTERM"
    finally:
        container.remove(force=True)


def test_a_package_that_is_mounted_is_served_and_its_successor_too_and_the_log_survives_a_kill(
    engine: Any, trained: Checkout, built: Callable[..., str], tmp_path: Path
) -> None:
    models, log = tmp_path / "models", tmp_path / "log"
    shutil.copytree(trained.root / "models", models)
    log.mkdir()
    log.chmod(0o777)
    container = engine.containers.run(
        built("serving"), detach=True, environment={"SERVE_LOG": "/log"},
        volumes={str(models): {"bind": "/app/models", "mode": "ro"}, str(log): {"bind": "/log", "mode": "rw"}},
        **HARDENED,
    )  # fmt: skip
    try:
        assert asked(container)["version"] == 1
        (models / "iris").rename(models / "before")
        next_one = trained.root.parent / "next"
        shutil.copytree(models / "before", next_one)
        manifest = json.loads((next_one / "manifest.json").read_text(encoding="utf-8"))
        (next_one / "manifest.json").write_text(json.dumps({**manifest, "model_version": 2}), encoding="utf-8")
        next_one.rename(models / "iris")
        until(lambda: asked(container)["version"] == 2)
        until(lambda: len(list(log.glob("predictions-v*.parquet"))) > 1)
        container.kill()
        versions = {logged.model_version for logged in read(log, "log")}
    finally:
        container.remove(force=True)
    assert versions == {1, 2}


def until(true: Callable[[], bool]) -> None:
    """Wait for what a container does."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.2)


def test_an_image_is_tried_and_one_with_another_champion_is_refused(engine: Any, built: Callable[..., str]) -> None:
    assert "answers as iris version 1 (" in try_out(engine, built("champion"), "iris", 1)
    with pytest.raises(ProjectError, match="answers as iris version 1, expected iris version 2"):
        try_out(engine, built("champion"), "iris", 2)


def test_an_image_that_does_not_serve_is_refused_with_its_log(
    engine: Any, built: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("champion.orchestration.docker.image.READY_SECONDS", 5)
    with pytest.raises(EngineError, match=r"does not serve: not ready: .*'missing'.*models/iris"):
        try_out(engine, built("serving"), "iris", 1)
    assert not engine.containers.list(all=True, filters={"ancestor": built("serving")}), "no container is left"


def test_the_pipeline_on_main_builds_and_tries_the_image_of_the_pointers_champion(
    engine: Any, trained: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("champion.settings.root", lambda: trained.root)
    around = Environment({"IMAGE": "", "GITHUB_REPOSITORY": f"Test/serving-{os.getpid()}", "REPO_TOKEN": ""})
    monkeypatch.chdir(trained.root)
    commit = trained.git("rev-parse", "HEAD").strip()[:12]
    name = f"ghcr.io/test/serving-{os.getpid()}:iris"
    pointer = trained.root / "models/iris.dvc"
    try:
        said = ci_champion.publish_images(trained.root, around)
        assert f"Tried: {name}-v1 answers as iris version 1" in said
        assert f"Built {name}-v1, {name}-{commit}; not pushed" in said
        assert engine.images.get(f"{name}-v1").id == engine.images.get(f"{name}-{commit}").id
        pointer.write_text("meta: {model_version: 7}\n", encoding="utf-8")
        with pytest.raises(ProjectError, match=r"models/iris\.dvc names version 7, but models/iris holds version 1"):
            ci_champion.publish_images(trained.root, around)
    finally:
        pointer.unlink(missing_ok=True)
        for tag in ("v1", commit):
            engine.images.remove(f"{name}-{tag}", force=True)
