"""What a kind of stack needs of a run and of a machine: one module per flavor of orchestrator, found by a table.

A stack with an image of its own is one more module with these four functions, and a row in `KINDS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from champion.orchestration.stack_support import kubernetes, local, local_docker
from champion.orchestration.stacks import orchestrator

if TYPE_CHECKING:
    from pathlib import Path

    from zenml.client import Client

    from champion.use_case.whole import UseCase


class StackSupport(Protocol):
    """A kind of stack."""

    def pipeline_settings(self, client: Client) -> AbstractContextManager[dict[str, Any]]:
        """What ZenML is told of the pipeline; the block is the length of the run."""

    def step_settings(self, use_case: UseCase, steps: Sequence[str]) -> dict[str, dict[str, Any]]:
        """What ZenML is told of single steps, by step."""

    def libraries(self) -> dict[str, str]:
        """The versions that steps run with, by distribution; empty where they run in this environment."""

    def check(self, root: Path) -> str:
        """What the stack needs of this machine, as found.

        Raises
        ------
        ProjectError
            When it is not there; with its remedy.
        """


KINDS: dict[str, StackSupport] = {"local": local, "local_docker": local_docker, "kubernetes": kubernetes}
"""By the flavor of the orchestrator; one that is not here needs nothing of us, like `local`."""


def support_of(client: Client) -> StackSupport:
    """What the active stack needs."""
    return KINDS.get(orchestrator(client), local)
