"""A real engine, and a checkout on the docker stack; where there is none a test is skipped, or fails if NEEDS_ENGINE is set."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from champion.errors import EngineError
from champion.orchestration.docker import image
from champion.orchestration.docker.engine import connect


@pytest.fixture(scope="session")
def engine() -> Any:
    """The engine of this machine."""
    try:
        return connect()
    except EngineError as error:
        (pytest.fail if os.environ.get("NEEDS_ENGINE") else pytest.skip)(str(error))


@pytest.fixture
def pipeline_image(engine: Any, ready: Any) -> str:
    """The image of a checkout's code; workers wait for the one that builds it."""
    code = "from champion.orchestration.docker import engine, image; print(image.PIPELINE.ensure(engine.connect()))"
    name: str = ready.command(sys.executable, "-c", code).stdout.strip()
    assert name.startswith(image.PIPELINE.name)
    return name
