"""The image that serves: what is in it, that it needs no more than it gets, and that it is tried before it is pushed."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sklearn.utils.discovery import all_estimators

from champion.bundle.predictions import read
from champion.ci.champion import publish_images
from champion.ci.environment import Environment
from champion.errors import EngineError, ProjectError
from champion.orchestration.docker.image import ASK, HARDENED, KEYLESS, try_out
from devtools.demo.traffic import wait_until
from tests.conftest import Checkout, ready_project
from tests.containers.conftest import as_under_umask_077, looked_into

FOREIGN = ("zenml", "dvc", "pandas", "sqlalchemy", "matplotlib", "steps", "pipelines", "cli", "pip", "pytest", "run")
INSIDE = """
import json, os, sys
import champion.serving.__main__, champion.serving.server, champion.serving.app, champion.serving.loaded
import champion.serving.log, champion.bundle.model, pyarrow.parquet
uncompiled = [name for name, module in list(sys.modules.items())
              if getattr(module, "__cached__", None) and not os.path.exists(module.__cached__)]
from sklearn.utils.discovery import all_estimators
print(json.dumps([uncompiled, len(all_estimators(type_filter="classifier"))]))
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """A checkout with a champion, and with secrets beside the code."""
    made = ready_project(tmp_path_factory.mktemp("served") / "checkout")
    made.run("train")
    for name in (".env", "champion/serving/secret.key", "champion/serving/credentials.json"):
        (made.root / name).write_text("a secret", encoding="utf-8")
    as_under_umask_077(made.root / "champion")
    return made


@pytest.fixture(scope="module")
def serving(engine: Any, trained: Checkout) -> Iterator[str]:
    """The image of the checkout's service, removed at the end."""
    name = f"champion-test:serving-{os.getpid()}"
    trained.run("image", "--target", "serving", "--tag", name)
    yield name
    engine.images.remove(name, force=True)


def test_the_image_has_what_the_service_needs_compiled_and_every_estimator_of_scikit_learn_and_nothing_else(
    engine: Any, serving: str
) -> None:
    files = looked_into(engine, serving, 350e6, *FOREIGN)
    assert {path.partition("/")[0] for path in files} == {"champion"}, "and no package"
    assert not [path for path in files if path.endswith((".env", ".key", ".csv", "credentials.json"))]
    said = engine.containers.run(serving, ["-W", "ignore", "-c", INSIDE], entrypoint="python", remove=True)
    assert json.loads(said) == [[], len(all_estimators(type_filter="classifier"))]


def test_with_a_read_only_root_and_no_right_what_is_mounted_is_served_and_its_successor_and_the_log_survives_a_kill(
    engine: Any, trained: Checkout, serving: str, tmp_path: Path
) -> None:
    models, log = tmp_path / "models", tmp_path / "log"
    shutil.copytree(trained.root / "models", models)
    log.mkdir()
    log.chmod(0o777)
    container = engine.containers.run(
        serving, detach=True, environment={"SERVE_LOG": "/log", **KEYLESS}, mem_limit="512m",
        volumes={str(models): {"bind": "/app/models", "mode": "ro"}, str(log): {"bind": "/log", "mode": "rw"}},
        **HARDENED,
    )  # fmt: skip

    def version() -> int:
        """What the service answers to its own example, once it is ready."""
        done = container.exec_run(["python", "-c", ASK, "60"])
        assert done.exit_code == 0, (done.output, container.logs())
        return json.loads(done.output)["version"]

    def swap(manifest: dict[str, Any]) -> None:
        """Put the same package with another manifest into its place."""
        shutil.copytree(models / "iris", tmp_path / "next")
        (tmp_path / "next/manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
        (models / "iris").rename(models / f"before-{manifest['model_version']}")
        (tmp_path / "next").rename(models / "iris")

    try:
        assert version() == 1
        status = container.exec_run(["cat", "/proc/1/status"]).output.decode()
        assert "CapEff:\t0000000000000000" in status
        assert "NoNewPrivs:\t1" in status
        check = engine.images.get(serving).attrs["Config"]["Healthcheck"]["Test"]
        assert container.exec_run(check[1:]).exit_code == 0
        manifest = json.loads((models / "iris/manifest.json").read_text(encoding="utf-8"))
        assert manifest["memory"]["loading"] >= 16, "as it was measured"
        swap({**manifest, "model_version": 3, "memory": {"loading": 4000, "loaded": 2000}})
        wait_until(lambda: b"loading it takes about 4,000 MiB" in container.logs(), 60, "no refusal came")
        assert b"of 512 MiB, the limit of the container" in container.logs()
        assert version() == 1
        swap({**manifest, "model_version": 2})
        wait_until(lambda: version() == 2, 60, "the successor did not answer")
        wait_until(lambda: len(list(log.glob("predictions-v*.parquet"))) > 1, 60, "no second log file came")
        container.kill()
        assert {logged.model_version for logged in read(log, "log")} == {1, 2}
        container.start()
        assert version() == 2
        container.stop(timeout=30)
        assert container.wait()["StatusCode"] == 0, "it ended by itself at SIGTERM"
    finally:
        container.remove(force=True)


def test_the_pipeline_on_main_builds_and_tries_the_image_of_the_pointers_champion_and_refuses_one_that_serves_another(
    engine: Any, trained: Checkout, serving: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("champion.settings.root", lambda: trained.root)
    around = Environment({"GITHUB_REPOSITORY": f"Test/serving-{os.getpid()}"})
    name, commit = f"ghcr.io/test/serving-{os.getpid()}:iris", trained.git("rev-parse", "HEAD")[:12]
    as_under_umask_077(trained.root / "models")
    said = publish_images(trained.root, around)
    image = engine.images.get(f"{name}-v1")
    try:
        assert f"Tried: {name}-v1 answers as iris version 1 (" in said
        assert f"Built {name}-v1, {name}-{commit}; not pushed" in said
        assert set(image.tags) >= {f"{name}-v1", f"{name}-{commit}"}
        with pytest.raises(ProjectError, match="answers as iris version 1, expected iris version 2"):
            try_out(engine, f"{name}-v1", "iris", 2)
    finally:
        image.remove(force=True)
    (trained.root / "models/iris.dvc").write_text("meta: {model_version: 7}\n", encoding="utf-8")
    with pytest.raises(ProjectError, match=r"models/iris\.dvc names version 7, but models/iris holds version 1"):
        publish_images(trained.root, around)

    monkeypatch.setattr("champion.orchestration.docker.image.READY_SECONDS", 5)
    with pytest.raises(EngineError, match=r"does not serve: not ready: .*'missing'.*models/iris"):
        try_out(engine, serving, "iris", 1)
    assert not engine.containers.list(all=True, filters={"ancestor": serving}), "no container is left"
