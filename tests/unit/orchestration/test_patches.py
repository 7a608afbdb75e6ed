"""The reaches into ZenML's inside: they fit the ZenML that is pinned, and nothing depends on them but speed."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from champion import patching
from champion.orchestration import patches
from champion.orchestration.docker.image import StepImage
from champion.orchestration.stack_support import local_docker
from pipelines.outputs import decision_facts
from tests.conftest import Checkout, Session, quick


def test_every_row_fits_the_pinned_version_and_so_does_what_is_looked_for_by_name() -> None:
    from zenml import logger
    from zenml.orchestrators.step_runner import StepRunner
    from zenml.zen_stores.schemas import StackSchema

    for patch in patches.ALL:
        assert patching._located(patch.target)[1] == patch.target.rpartition(".")[2].rpartition(":")[2]
        assert patching.fits(patch), patch.target
    assert hasattr(StepRunner, patches.LOAD_INPUT)
    assert hasattr(logger, patches.CONSOLE_HANDLER)
    assert StackSchema.__tablename__ in patches.A_STACK.split()


def test_the_main_job_decides_the_same_with_every_patch_off(ready: Checkout, session: Session) -> None:
    run, _ = session.train(quick(), promote=False)
    with_patches = json.loads(json.dumps(decision_facts(run.evaluation, run.decision, run.facts, run.outcome)))
    ready.env[patching.SWITCH] = "off"
    without = ready.train("--config", ready.write_use_case(quick()), "--no-promote")
    assert without["action"] == with_patches["action"] == "would_promote"
    for key in ("challenger", "reason", "ground"):
        assert without[key] == with_patches[key]
    assert without["lineage"]["fingerprint"] == with_patches["lineage"]["fingerprint"]


def test_without_the_patches_zenml_starts_the_containers_and_takes_them_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(patching.SWITCH, "off")
    monkeypatch.setattr(local_docker, "connect", lambda: None)
    monkeypatch.setattr(StepImage, "ensure", lambda *_: "champion-pipeline:x")
    monkeypatch.setattr(local_docker, "is_local", lambda _: False)
    client: Any = SimpleNamespace()
    use_case: Any = None
    with local_docker.LocalDocker().pipeline_settings(client, use_case) as settings:
        assert settings["docker"].parent_image == "champion-pipeline:x"
        assert settings["orchestrator.local_docker"] == {"run_args": {"remove": True}}
