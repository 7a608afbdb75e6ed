"""A stack whose steps run in this process: it needs nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from champion.errors import EngineError
from champion.orchestration.docker import image
from champion.orchestration.docker.engine import connect

if TYPE_CHECKING:
    from pathlib import Path

    from zenml.client import Client

    from champion.use_case.whole import UseCase


def pipeline_settings(_: Client) -> contextlib.nullcontext[dict[str, Any]]:
    """Nothing."""
    return contextlib.nullcontext({})


def step_settings(_: UseCase, __: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Nothing."""
    return {}


def libraries() -> dict[str, str]:
    """Those of this environment."""
    return {}


def check(root: Path) -> str:
    """Whether the docker stack could be used too."""
    try:
        return image.described(connect(), root)
    except EngineError as error:
        return f"not used: {error}"
