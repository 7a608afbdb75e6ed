"""What a local store and the pointer last agreed on: the base of a comparison by three sides, as git merges.

It lies beside the store's database, so that it goes where the store goes. A store on a server has none: there the Model
Control Plane is the truth.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from champion.modeling.evaluation import Frozen
from champion.orchestration.store import beside, is_local
from champion.workspace.files import write_text

if TYPE_CHECKING:
    from zenml.client import Client


class Agreement(Frozen):
    """The base: the pointer's hash of the package, and the store's champion state at that moment.

    `left` is what the store left for an older champion because git said so, by fingerprint and model file: it counts as
    withdrawn until a pointer names it once more.
    """

    pointer: str | None = None
    state: str | None = None
    left: tuple[tuple[str, str], ...] = ()


def read_agreement(client: Client, use_case: str) -> Agreement:
    """The last agreement; an empty one where there was none, or its file cannot be read."""
    if not is_local(client):
        return Agreement()
    try:
        return Agreement.model_validate_json(_path(client, use_case).read_bytes())
    except (OSError, ValueError):
        return Agreement()


def write_agreement(client: Client, use_case: str, agreement: Agreement) -> None:
    """Remember it, where it differs from what is remembered."""
    if is_local(client) and agreement != read_agreement(client, use_case):
        write_text(_path(client, use_case), agreement.model_dump_json(indent=1) + "\n")


def _path(client: Client, use_case: str) -> Path:
    return beside(client, f"{use_case}.agreed.json")
