"""What is in the image, what is not, that it does the main job by itself, and its way to a registry."""

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from zenml.enums import StackComponentType

from champion.errors import EngineError
from champion.orchestration.docker import image
from champion.orchestration.docker.image import StepImage
from champion.orchestration.stack_support.kubernetes import Kubernetes, image_in_registry
from tests.conftest import Checkout
from tests.containers.conftest import looked_into


def test_the_image_has_what_a_run_needs_and_nothing_else(engine: Any, ready: Checkout) -> None:
    for name in (".env", "credentials.json", "data/secret.json", "champion/key.json"):
        (ready.root / name).write_text("a secret", encoding="utf-8")
    commit = ready.git("rev-parse", "HEAD").strip()
    name = f"{image.PIPELINE.name}-test:{commit[:12]}"
    assert ready.command(sys.executable, "run.py", "image", "--tag", name).stdout.split() == [name]
    try:
        files = looked_into(engine, name, 750e6, "pip", "dvc", "pydrive2", "dvc_gdrive", "pytest")
        labels = engine.images.get(name).labels
    finally:
        engine.images.remove(name)
    assert {path.partition("/")[0] for path in files} == {
        "run.py", "dvc.yaml", "configs", "data", "champion", "cli", "steps", "pipelines", "requirements", "stacks",
    }  # fmt: skip
    assert not [path for path in files if path.endswith((".json", ".env", ".csv"))]
    assert labels["org.opencontainers.image.revision"] == commit
    assert labels["org.opencontainers.image.version"] == "0.2.0"


def test_the_image_alone_trains_and_leaves_its_results_in_a_mounted_folder_as_its_caller(
    engine: Any, pipeline_image: str, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    out.mkdir(mode=0o700)
    uid = 4242 if os.getuid() == 0 else os.getuid()
    if uid != os.getuid():
        os.chown(out, uid, uid)
    said = engine.containers.run(
        pipeline_image, ["train", "--json"], user=f"{uid}:{uid}", remove=True, stderr=False,
        volumes={str(out): {"bind": "/results", "mode": "rw"}},
    )  # fmt: skip
    assert json.loads(said)["action"] == "promoted"
    manifest = json.loads((out / "models/iris/manifest.json").read_text(encoding="utf-8"))
    assert manifest["model_version"] == 1
    assert (out / "reports/iris/report.html").stat().st_uid == uid


def test_a_registry_that_refuses_is_named_with_its_remedy(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def ready(*_: Any) -> str:
        engine.images.get("python:3.13-slim-bookworm").tag("champion-pod", "test")
        return "champion-pod:test"

    monkeypatch.setattr(StepImage, "ensure", ready)
    registry = SimpleNamespace(flavor_name="default", configuration={"uri": "127.0.0.1:1/team"})
    cluster = SimpleNamespace(flavor_name="kubernetes")
    parts = {StackComponentType.ORCHESTRATOR: [cluster], StackComponentType.CONTAINER_REGISTRY: [registry]}
    client: Any = SimpleNamespace(active_stack_model=SimpleNamespace(components=parts))
    try:
        with pytest.raises(
            EngineError, match=r"refuses 127\.0\.0\.1:1/team/champion-pod:test.*docker login 127\.0\.0\.1:1"
        ):
            image_in_registry(client, Kubernetes.image)
    finally:
        for name in ("champion-pod:test", "127.0.0.1:1/team/champion-pod:test"):
            engine.images.remove(name)
