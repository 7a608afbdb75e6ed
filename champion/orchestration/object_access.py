"""A table on this machine, or in this pod: by DVC, or from an object store, and as whom that is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from champion.datastore.fetch import fetch_missing
from champion.errors import StoreError
from champion.objects.s3 import Access, endpoint_here, has_keys
from champion.orchestration.store import open_store
from champion.workspace.fetched import fetch_object
from champion.workspace.workspace import Workspace

if TYPE_CHECKING:
    from zenml.client import Client


def bring_table(workspace: Workspace, client: Client | None = None) -> str | None:
    """Have the table of a use case here: a missing file from where DVC has it, an object as it is now.

    Returns what was done, for the user to read; None where a file was there. Raises DataError where it cannot be had.
    """
    if workspace.address is None:
        return fetch_missing(workspace.root, workspace.data)
    return fetch_object(workspace.address, object_access(client), workspace.data)


def object_access(client: Client | None = None) -> Access:
    """Where objects are, and the credentials for them.

    Where the environment has keys or a profile, those count. Else, where the active stack's artifact store is an S3 with
    credentials, and the environment names no other store, its own. Else boto3 looks for them: a pod has a role.
    """
    endpoint = endpoint_here()
    if has_keys():
        return Access(endpoint)
    return _of_the_stack(client or open_store(), endpoint) or Access(endpoint)


def _of_the_stack(client: Client, endpoint: str | None) -> Access | None:
    """The credentials of the active stack's artifact store; None where it has none, or is another store."""
    from zenml.enums import StackComponentType

    stack = client.active_stack_model
    model = stack.components[StackComponentType.ARTIFACT_STORE][0]
    if model.flavor_name != "s3":
        return None
    try:
        store: Any = client.active_stack.artifact_store
        key, secret, token, region = store.get_credentials()
        theirs = (store.config.client_kwargs or {}).get("endpoint_url")
    except Exception as error:  # of ZenML, of a connector, of what is not installed
        raise StoreError(
            f"The artifact store {model.name!r} of the stack {stack.name!r} cannot be used ({type(error).__name__}: {error}). "
            "`make kubernetes` installs what it needs; set its secret anew where that is gone (docs/scale.md)."
        ) from None
    if not key or not secret or (endpoint or theirs or "").rstrip("/") != (theirs or "").rstrip("/"):
        return None
    return Access(theirs, key, secret, token, region, f"the credentials of the stack {stack.name!r}")
