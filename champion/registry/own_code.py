"""Whose own code may be run on this machine: that of the checkout, of its history, and what somebody here has said to trust.

A package may come from anywhere that can write to the remote. So the code in it is run only where it is what this checkout has
or had, by its hash, or where this machine's store remembers that it was run or allowed here.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from champion.bundle.build import code_of
from champion.errors import ConfigurationError, UntrustedCodeError, listed
from champion.orchestration.store import beside, is_local
from champion.workspace.files import write_text
from champion.workspace.own_code import is_of_history, read_own_code
from champion.workspace.workspace import Workspace

if TYPE_CHECKING:
    from zenml.client import Client

    from champion.bundle.folder import Package

MOST = 1000  # hashes that a store remembers


def trusted_code(
    client: Client | None, workspace: Workspace, package: Package | None, consent: bool = False
) -> tuple[str, ...]:
    """The hash of a package's own code, where it may be run here; nothing where it has none.

    With `consent` it may, and a local store remembers that. Raises UntrustedCodeError where it may not.
    """
    own = code_of(package, workspace.shown_package) if package else None
    if own is None:
        return ()
    if consent or _is_here(workspace, own.hash) or own.hash in _remembered(client, workspace):
        remember(client, workspace, own.hash)
    elif not is_of_history(workspace.root, own):
        raise UntrustedCodeError(
            f"The champion in {workspace.shown_package} brings code of its own ({listed(map(own.say, own.files), most=3)}), "
            f"which is not what this checkout has or had (hash {own.hash}). Nothing of it was run. Read it in "
            f"{workspace.shown_package}/code; where it may run here, say --trust-code."
        )
    return (own.hash,)


def remember(client: Client | None, workspace: Workspace, code_hash: str) -> None:
    """Keep in a local store that this code was run or allowed on this machine."""
    known = _remembered(client, workspace)
    if client is not None and is_local(client) and code_hash not in known:
        write_text(_path(client, workspace), json.dumps([*known, code_hash][-MOST:]) + "\n")


def _is_here(workspace: Workspace, code_hash: str) -> bool:
    try:
        own = read_own_code(workspace)
    except ConfigurationError:  # a run of it says so
        return False
    return own is not None and own.hash == code_hash


def _remembered(client: Client | None, workspace: Workspace) -> list[str]:
    if client is None or not is_local(client):
        return []
    try:
        known = json.loads(_path(client, workspace).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [each for each in known if isinstance(each, str)] if isinstance(known, list) else []


def _path(client: Client, workspace: Workspace) -> Path:
    return beside(client, f"{workspace.use_case.name}.code.json")
