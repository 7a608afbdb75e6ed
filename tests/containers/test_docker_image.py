"""What is in the image, what is not, that it does the main job by itself, and its way to a registry."""

from __future__ import annotations

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

MOST = 750e6  # bytes on top of the base image
LOOK = """
import importlib.util, json, os, pathlib, py_compile, shutil, sys
root = pathlib.Path(sys.prefix)
sources = [path for place in (root, pathlib.Path("/app")) for path in place.rglob("*.py")]
bare = [str(path) for path in sources if not pathlib.Path(importlib.util.cache_from_source(str(path))).exists()]
print(json.dumps({
    "uid": os.getuid(),
    "tools": [tool for tool in ("uv", "gcc", "cc", "make", "git", "dvc") if shutil.which(tool)],
    "modules": [name for name in ("pip", "dvc", "pydrive2", "dvc_gdrive", "pytest") if importlib.util.find_spec(name)],
    "without_bytecode": len(bare) / len(sources),
    "app": sorted(str(path.relative_to("/app")) for path in pathlib.Path("/app").rglob("*") if path.is_file()
                  and "__pycache__" not in path.parts),
}))
"""


def size(engine: Any, name: str) -> int:
    return int(engine.images.get(name).attrs["Size"])


def test_the_image_has_what_a_run_needs_and_nothing_else(engine: Any, ready: Checkout) -> None:
    for name in (".env", "credentials.json", "data/secret.json", "champion/key.json"):
        (ready.root / name).write_text("a secret", encoding="utf-8")
    commit = ready.git("rev-parse", "HEAD").strip()
    name = f"{image.PIPELINE.name}-test:{commit[:12]}"
    assert ready.command(sys.executable, "run.py", "image", "--tag", name).stdout.split() == [name]
    try:
        said = engine.containers.run(name, ["-c", LOOK], entrypoint="python", remove=True)
        found = json.loads(said)
        labels = engine.images.get(name).labels
        assert size(engine, name) - size(engine, "python:3.13-slim-bookworm") < MOST
        history = json.dumps(engine.images.get(name).history())
    finally:
        engine.images.remove(name)
    assert found["uid"] != 0
    assert found["tools"] == []
    assert found["modules"] == []
    assert found["without_bytecode"] < 0.01
    assert {path.partition("/")[0] for path in found["app"]} == {
        "run.py", "dvc.yaml", "configs", "data", "champion", "cli", "steps", "pipelines", "requirements",
        "stacks",
    }  # fmt: skip
    assert not [path for path in found["app"] if path.endswith((".json", ".env", ".csv"))]
    assert labels["org.opencontainers.image.revision"] == commit
    assert labels["org.opencontainers.image.version"] == "0.2.0"
    assert "PIP_INDEX_URL=" not in history


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
