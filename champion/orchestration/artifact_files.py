"""The files of artifacts, asked of the artifact store that has them: a folder of this machine, a bucket, or a former one.

A run takes artifacts from the store of the active stack alone, since ZenML refuses others. Whatever else reads one reads it
where it lies, as long as that store is still there.
"""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from champion.errors import StoreError

if TYPE_CHECKING:
    from zenml.artifact_stores import BaseArtifactStore
    from zenml.client import Client
    from zenml.materializers.base_materializer import BaseMaterializer
    from zenml.models import ArtifactVersionResponse, ComponentResponse


def find_version(client: Client, name: str, version: str) -> tuple[ArtifactVersionResponse | None, str]:
    """The artifact version that a run can take, and what it is called, or is to be called where there is none.

    One that lies in a former artifact store keeps its name; here it gets another, by the place.
    """
    there = _version(client, name, version)
    if there is not None and is_here(client, there):
        return there, version
    active = _active(client)
    place = f"{active.id}{active.configuration.get('path')}".encode()
    moved = f"{version}-{hashlib.sha256(place).hexdigest()[:8]}"
    here = _version(client, name, moved)
    if here is not None and is_here(client, here):
        return here, moved
    return None, version if there is None else moved


def _version(client: Client, name: str, version: str) -> ArtifactVersionResponse | None:
    try:
        return client.get_artifact_version(name, version)
    except KeyError:
        return None


def is_here(client: Client, artifact: ArtifactVersionResponse) -> bool:
    """Whether an artifact lies in the artifact store of the active stack, where a run can take it from."""
    active = _active(client)
    if artifact.artifact_store_id != active.id:
        return False
    if "://" in artifact.uri:
        return _is_below(artifact.uri, str(active.configuration.get("path") or ""))
    return Path(artifact.uri).is_relative_to(client.active_stack.artifact_store.path)


def _is_below(uri: str, path: str) -> bool:
    return uri.startswith(f"{path.rstrip('/')}/")


def _active(client: Client) -> ComponentResponse:
    from zenml.enums import StackComponentType

    return client.active_stack_model.components[StackComponentType.ARTIFACT_STORE][0]


def active_path(client: Client) -> str:
    """The address of the active stack's artifact store; empty where it is a folder of this machine."""
    path = str(_active(client).configuration.get("path") or "").rstrip("/")
    return path if "://" in path else ""


def store_of(client: Client, artifact: ArtifactVersionResponse) -> BaseArtifactStore:
    """The artifact store that an artifact lies in. Raises StoreError where ZenML does not know it any more."""
    from zenml.enums import StackComponentType
    from zenml.stack import StackComponent

    if artifact.artifact_store_id is None or is_here(client, artifact):
        return client.active_stack.artifact_store
    kind, uri = StackComponentType.ARTIFACT_STORE, artifact.uri
    try:
        model = client.get_stack_component(kind, artifact.artifact_store_id)
        if "://" in uri and not _is_below(uri, str(model.configuration.get("path") or "")):
            model = model.model_copy(deep=True)  # the component was given another path since
            model.configuration["path"] = "/".join(uri.split("/")[:3])
        return cast("BaseArtifactStore", StackComponent.from_model(model))
    except Exception as error:  # KeyError where it is gone; else of ZenML, of a connector, of what is not installed
        raise StoreError(
            f"{uri} lies in an artifact store that cannot be used any more ({type(error).__name__}: {error}). Register it "
            "again, or do without what was kept there."
        ) from None


def files_of(client: Client, artifact: ArtifactVersionResponse) -> dict[str, int]:
    """The files of an artifact and their sizes; none where they were deleted. Raises what the store's file system raises."""
    if "://" not in artifact.uri:
        return _local_files(artifact.uri)
    return remote_files(store_of(client, artifact), artifact.uri)


def _local_files(uri: str) -> dict[str, int]:
    with contextlib.suppress(OSError):
        return {str(path): path.stat().st_size for path in Path(uri).rglob("*") if path.is_file()}
    return {}


def remote_files(store: BaseArtifactStore, uri: str) -> dict[str, int]:
    """The objects below an address and their sizes, as they are now; none where the bucket is gone."""
    return {name: int(facts["size"] or 0) for name, facts in details(store, uri).items()}


def details(store: Any, uri: str) -> dict[str, dict[str, Any]]:
    """What the store says of the objects below an address."""
    scheme = uri.partition("://")[0]
    files = store.filesystem
    files.invalidate_cache()  # listings are kept for the life of the process, whoever changes the bucket
    try:
        found = files.find(uri, detail=True)
    except FileNotFoundError:
        return {}
    objects = {name: facts for name, facts in found.items() if facts.get("type") == "file" and not name.endswith("/")}
    return {f"{scheme}://{name}": facts for name, facts in objects.items()}  # no empty folders, which some servers list


def is_gone(client: Client, artifact: ArtifactVersionResponse, *needed: str) -> bool:
    """Whether the files of an artifact were deleted, or one of those that it needs.

    Of a store that cannot be asked now, nothing is known to be gone: whoever reads from it says why it cannot be.
    """
    try:
        names = {name.rpartition("/")[2] for name in files_of(client, artifact)}
    except Exception:  # the artifact store raises what its file system raises
        return False
    return not names or not names.issuperset(needed)


def load(client: Client, artifact: ArtifactVersionResponse) -> Any:
    """What an artifact holds, from wherever it lies. Raises StoreError, or what the store's file system raises."""
    from zenml.utils import source_utils

    materializer = source_utils.load(artifact.materializer)(artifact.uri, artifact_store=store_of(client, artifact))
    return materializer.load(source_utils.load(artifact.data_type))


def write_again(
    client: Client, artifact: ArtifactVersionResponse, value: Any, materializer: type[BaseMaterializer]
) -> None:
    """Write the files of an artifact anew where they stood, so that all that refers to it finds them."""
    store = store_of(client, artifact)
    store.makedirs(artifact.uri)
    materializer(artifact.uri, artifact_store=store).save(value)


def remove_log(client: Client, uri: str) -> None:
    """Delete a log, from the artifact store below whose address it lies; one that is gone is none to delete."""
    from zenml.enums import StackComponentType
    from zenml.stack import StackComponent

    if "://" not in uri:
        Path(uri).unlink(missing_ok=True)
        return
    for model in client.list_stack_components(type=StackComponentType.ARTIFACT_STORE, size=500, hydrate=True):
        if _is_below(uri, str(model.configuration.get("path") or "")):
            store: Any = StackComponent.from_model(model)
            if names := list(details(store, uri)):
                store.filesystem.rm(names)
            return


def remove_files(client: Client, artifact: ArtifactVersionResponse) -> None:
    """Delete the files of an artifact where there are any. Raises StoreError, or what the store's file system raises."""
    if files_of(client, artifact):
        store_of(client, artifact).rmtree(artifact.uri)


def _touch(files: Any, path: str) -> None:
    """Ask for one object below an address. Raises FileNotFoundError where there is no such bucket."""
    if hasattr(files, "call_s3"):  # whose `ls` takes a folder without objects for a missing one
        bucket, _, prefix = path.partition("://")[2].partition("/")
        files.call_s3("list_objects_v2", Bucket=bucket, Prefix=f"{prefix}/", MaxKeys=1)
        return
    files.invalidate_cache()
    files.ls(path.split("://")[1].partition("/")[0])


def require_store(client: Client) -> None:
    """Ask the active stack's artifact store once, before a run needs it. Raises StoreError where it cannot be used."""
    if not (path := active_path(client)):
        return
    stack = client.active_stack_model.name
    try:
        store: Any = client.active_stack.artifact_store
        _touch(store.filesystem, path)
    except FileNotFoundError:
        raise StoreError(
            f"The bucket of {path}, the artifact store of the stack {stack!r}, does not exist. Make it, or name another one "
            f"(`export ARTIFACT_STORE=...`, then `python run.py stack {stack}`): tables and champion are written there anew."
        ) from None
    except Exception as error:  # the artifact store raises what its file system raises
        raise StoreError(
            f"The artifact store {path} of the stack {stack!r} cannot be used ({type(error).__name__}: {error}). Check its "
            "address, its secret and the network; `make kubernetes` installs what it needs (docs/scale.md)."
        ) from None
