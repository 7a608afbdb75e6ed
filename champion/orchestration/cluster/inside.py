"""A pod of a run, at its start: ZenML is adjusted before it asks its server or the cluster for anything."""

from champion.orchestration import patches
from champion.patching import apply


def begin() -> None:
    """Apply what holds in a pod, for the rest of the process."""
    apply(*patches.START, *patches.IN_A_POD)
