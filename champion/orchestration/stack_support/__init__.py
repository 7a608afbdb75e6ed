"""What a stack needs beyond its file under ``stacks/``: one module per flavor of orchestrator.

A new kind is a module here with a `StackSupport`, and a row in `champion.orchestration.stacks.SUPPORT`. Whose steps run in an
image of their own says in the module which one: `StepImage` names it and the file under ``requirements/`` with its libraries
(one that is new is exported by the Makefile and let through by ``.dockerignore``).
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from champion.errors import EngineError
from champion.orchestration.docker.image import PIPELINE, StepImage

if TYPE_CHECKING:
    from zenml.client import Client

    from champion.use_case.whole import UseCase


class StackSupport:
    """A kind of stack; as it stands here, one whose steps run in this environment."""

    def pipeline_settings(self, _: Client) -> contextlib.AbstractContextManager[dict[str, Any]]:
        """What ZenML is told of the pipeline; the block is the length of the run."""
        return contextlib.nullcontext({})

    def step_settings(self, _: UseCase, __: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What ZenML is told of single steps, by step."""
        return {}

    def libraries(self) -> dict[str, str]:
        """The versions that steps run with, by distribution; empty where they run in this environment."""
        return {}

    def check(self) -> str:
        """What the stack needs of this machine, as found; a `ProjectError` with its remedy where it is not there."""
        try:
            return PIPELINE.described()
        except EngineError as error:
            return f"not used: {error}"


class InImages(StackSupport):
    """A kind of stack whose steps run in `image`, which the engine of this machine builds."""

    image: StepImage

    def libraries(self) -> dict[str, str]:
        """Those of the image."""
        return self.image.libraries()

    def check(self) -> str:
        """The engine and the image."""
        return self.image.described()
