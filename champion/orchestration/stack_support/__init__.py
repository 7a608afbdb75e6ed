"""What a kind of stack needs: one module per flavor of orchestrator, found by a table.

A stack with an image of its own is one more module with a `StackSupport`, and a row in `KINDS`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from champion.orchestration.stack_support.base import StackSupport
from champion.orchestration.stack_support.kubernetes import Kubernetes
from champion.orchestration.stack_support.local_docker import LocalDocker
from champion.orchestration.stacks import orchestrator

if TYPE_CHECKING:
    from zenml.client import Client

KINDS: dict[str, StackSupport] = {"local": StackSupport(), "local_docker": LocalDocker(), "kubernetes": Kubernetes()}
"""By the flavor of the orchestrator; one that is not here needs nothing of us, like `local`."""


def support_of(client: Client) -> StackSupport:
    """What the active stack needs."""
    return KINDS.get(orchestrator(client), KINDS["local"])
