"""A stack whose artifact store is a bucket of a real S3 server, with the local orchestrator."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.object_store import ObjectStore


def make_stack(client: Any, objects: ObjectStore, name: str, path: str, secret: str | None = None) -> None:
    """Register a stack of a name, whose artifact store lies at a path of the server; its keys are a secret of ZenML's."""
    from zenml.enums import StackComponentType as Kind

    client.create_secret(name, {"key": objects.key, "secret": secret or objects.secret})
    configuration = {
        "path": path,
        "key": f"{{{{{name}.key}}}}",
        "secret": f"{{{{{name}.secret}}}}",
        "client_kwargs": {"endpoint_url": objects.endpoint},
    }
    client.create_stack_component(name, "s3", Kind.ARTIFACT_STORE, configuration)
    client.create_stack(name, {Kind.ORCHESTRATOR: "default", Kind.ARTIFACT_STORE: name})


@contextmanager
def on_stack(client: Any, name: str) -> Iterator[None]:
    """Have it active."""
    former = client.active_stack_model.id
    client.activate_stack(name)
    try:
        yield
    finally:
        client.activate_stack(former)


@pytest.fixture
def bucket_stack(store: Any, objects: ObjectStore) -> Iterator[str]:
    """The name of a stack and of its bucket; it is the active one."""
    name = objects.bucket()
    make_stack(store, objects, name, f"s3://{name}/store")
    with on_stack(store, name):
        yield name
