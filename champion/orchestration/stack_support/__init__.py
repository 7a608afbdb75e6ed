"""What stacks need beyond their files under ``stacks/``: a module for a flavor of orchestrator, or for one stack, by its name.

A new kind is a module here whose `SUPPORT` is a `StackSupport`; `champion.orchestration.stacks` finds it. Where steps run in an
image of their own, it says which one: `StepImage` names it and the file under ``requirements/`` that pins its libraries. A new
file there is exported by the Makefile and let through by ``.dockerignore``.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

from champion.errors import ConfigurationError, EngineError
from champion.orchestration.docker.image import PIPELINE, StepImage

if TYPE_CHECKING:
    from zenml.client import Client
    from zenml.models import PipelineRunResponse

    from champion.use_case.whole import UseCase


class StackSupport:
    """A kind of stack; as it stands here, one whose steps run in this environment."""

    image: StepImage | None = None
    """What steps run in, where it is not this environment."""
    extras: tuple[str, ...] = ()
    """What a run needs besides, as files of requirements/."""
    runs_pipelines = False
    """Whether the training pipeline itself runs on the stack, with its light steps, and not in this process."""

    def having(self, extras: tuple[str, ...]) -> Self:
        """The same, with an image that has what a run needs besides."""
        made = copy.copy(self)
        made.extras = extras
        made.image = self.image and dataclasses.replace(self.image, extras=extras)
        return made

    def scheduled(self) -> Self | None:
        """The same, for pipelines that the stack begins by the clock; None where it begins none."""
        return None

    def pipeline_settings(self, _: Client, __: UseCase) -> contextlib.AbstractContextManager[dict[str, Any]]:
        """What ZenML is told of the pipeline; the block is the length of the run."""
        return contextlib.nullcontext({})

    def step_settings(self, _: UseCase, __: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What ZenML is told of single steps, by step."""
        return {}

    def follow(
        self,
        _: Client,
        __: PipelineRunResponse,
        ___: UseCase,
        ____: Callable[[str, str], None],
        *,
        ours: bool = True,
    ) -> None:
        """Wait for a run that goes on elsewhere; a `ProjectError` where it does not get through.

        Ctrl-C stops one of `ours`, and no other.
        """

    def stop(self, _: Client, run: PipelineRunResponse) -> list[str]:
        """Stop a run that goes on elsewhere, and its pods; those that are left after a minute are returned."""
        raise ConfigurationError(
            f"The run {run.name} ends with the process that runs it. Stop that process, with Ctrl-C or SIGTERM."
        )

    def hindrance(self, _: Client, __: PipelineRunResponse, ___: str) -> str | None:
        """Why a run that goes on elsewhere will not get through, where that is known."""
        return None

    def libraries(self) -> dict[str, str]:
        """The versions that steps run with, by distribution; empty where they run in this environment."""
        return self.image.libraries() if self.image else {}

    def check(self) -> str:
        """What the stack needs of this machine, as found; a `ProjectError` with its remedy where it is not there."""
        try:
            return (self.image or dataclasses.replace(PIPELINE, extras=self.extras)).described()
        except EngineError as error:
            if self.image:
                raise
            return f"not used: {error}"
