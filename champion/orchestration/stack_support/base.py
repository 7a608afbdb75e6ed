"""What any stack may need of a run and of this machine; as it stands here, what a stack without containers needs."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from champion.errors import EngineError
from champion.orchestration.docker import image

if TYPE_CHECKING:
    from zenml.client import Client

    from champion.use_case.whole import UseCase


class StackSupport:
    """A kind of stack."""

    def pipeline_settings(self, _: Client) -> contextlib.AbstractContextManager[dict[str, Any]]:
        """What ZenML is told of the pipeline; the block is the length of the run."""
        return contextlib.nullcontext({})

    def step_settings(self, _: UseCase, __: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What ZenML is told of single steps, by step."""
        return {}

    def libraries(self) -> dict[str, str]:
        """The versions that steps run with, by distribution; empty where they run in this environment."""
        return {}

    def check(self, root: Path) -> str:
        """What the stack needs of this machine, as found; a `ProjectError` with its remedy where it is not there."""
        try:
            return image.described(root)
        except EngineError as error:
            return f"not used: {error}"


class InImages(StackSupport):
    """A stack whose steps run in the project's image."""

    def libraries(self) -> dict[str, str]:
        """Those of the image."""
        return image.libraries()

    def check(self, root: Path) -> str:
        """The engine, which builds the image."""
        return image.described(root)
