"""What is in the image, what is not, that it does the main job by itself, and its way to a registry."""

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from zenml.enums import StackComponentType

from champion.errors import EngineError
from champion.orchestration.docker.image import StepImage
from champion.orchestration.stack_support.kubernetes import Kubernetes, image_in_registry
from tests.conftest import Checkout
from tests.containers.conftest import BASE, as_under_umask_077, looked_into


def test_the_image_has_what_a_run_needs_and_nothing_else_and_alone_trains_into_a_mounted_folder_as_its_caller(
    engine: Any, ready: Checkout, tmp_path: Path
) -> None:
    for name in (".env", "credentials.json", "data/secret.json", "champion/key.json"):
        (ready.root / name).write_text("a secret", encoding="utf-8")
    as_under_umask_077(*(ready.root / name for name in ("champion", "cli", "configs", "pipelines", "stacks", "steps")))
    commit, out = ready.git("rev-parse", "HEAD").strip(), tmp_path / "out"
    name = f"champion-pipeline-test:{commit[:12]}"
    assert ready.run("image", "--tag", name).stdout.split() == [name]
    try:
        files = looked_into(engine, name, 750e6, "pip", "dvc", "pydrive2", "dvc_gdrive", "pytest")
        labels = engine.images.get(name).labels
        uid = os.getuid() or 4242
        out.mkdir(mode=0o700)
        os.chown(out, uid, -1)
        said = engine.containers.run(
            name, ["train", "--json"], user=f"{uid}:{uid}", remove=True, stderr=False,
            volumes={str(out): {"bind": "/results", "mode": "rw"}},
        )  # fmt: skip
    finally:
        engine.images.remove(name)
    assert {path.partition("/")[0] for path in files} == {
        "run.py", "dvc.yaml", "configs", "data", "champion", "cli", "features", "steps", "pipelines", "requirements", "stacks",
    }  # fmt: skip
    assert not [path for path in files if path.endswith((".json", ".env", ".csv"))]
    assert labels["org.opencontainers.image.revision"] == commit
    assert labels["org.opencontainers.image.version"] == "0.2.0"
    assert json.loads(said)["action"] == "promoted"
    assert json.loads((out / "models/iris/manifest.json").read_text(encoding="utf-8"))["model_version"] == 1
    assert (out / "reports/iris/report.html").stat().st_uid == uid


def test_a_registry_that_refuses_is_named_with_its_remedy(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StepImage, "ensure", lambda *_: BASE)
    registry = [SimpleNamespace(configuration={"uri": "127.0.0.1:1/team"})]
    client: Any = SimpleNamespace(
        active_stack_model=SimpleNamespace(components={StackComponentType.CONTAINER_REGISTRY: registry})
    )
    name = f"127.0.0.1:1/team/{BASE}"
    try:
        with pytest.raises(EngineError, match=f"refuses {name}.*docker login 127.0.0.1:1"):
            image_in_registry(client, Kubernetes.image)
    finally:
        engine.images.remove(name)
