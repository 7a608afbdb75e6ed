"""The files of artifacts, in a bucket of a real S3 server."""

from typing import Any

import pytest
from zenml import save_artifact
from zenml.enums import StackComponentType
from zenml.materializers.built_in_materializer import BytesMaterializer
from zenml.stack.stack import _STACK_CACHE

from champion.errors import StoreError
from champion.orchestration import artifact_files
from tests.support.buckets import make_stack, on_stack
from tests.support.object_store import ObjectStore


def saved(name: str, content: bytes, version: str) -> Any:
    return save_artifact(content, name=name, version=version, include_visualizations=False)


def test_an_artifact_whose_objects_are_deleted_is_gone_and_is_written_where_it_was(
    store: Any, bucket_stack: str, objects: ObjectStore
) -> None:
    artifact = saved(bucket_stack, b"1", "a")
    (key,) = objects.keys(bucket_stack)
    assert artifact_files.files_of(store, artifact) == {f"s3://{bucket_stack}/{key}": 1}
    assert not artifact_files.is_gone(store, artifact)
    assert artifact_files.is_gone(store, artifact, "manifest.json"), "it needs a file that is not there"
    objects.delete(bucket_stack)
    assert artifact_files.is_gone(store, artifact)
    artifact_files.write_again(store, artifact, b"1", BytesMaterializer)
    assert list(objects.keys(bucket_stack)) == [key]
    assert artifact_files.load(store, artifact) == b"1"
    artifact_files.remove_files(store, artifact)
    assert objects.keys(bucket_stack) == {}
    artifact_files.remove_files(store, artifact)


def test_a_version_that_lies_in_another_store_has_another_name_here_and_is_read_where_it_is(
    store: Any, bucket_stack: str, objects: ObjectStore
) -> None:
    artifact, other = saved(bucket_stack, b"1", "a"), objects.bucket()
    assert artifact_files.find_version(store, bucket_stack, "b") == (None, "b")
    assert artifact_files.find_version(store, bucket_stack, "a") == (artifact, "a")
    make_stack(store, objects, other, f"s3://{other}/store")
    with on_stack(store, other):
        found, called = artifact_files.find_version(store, bucket_stack, "a")
        assert found is None
        assert called.startswith("a-")
        copy = saved(bucket_stack, b"2", called)
        assert artifact_files.find_version(store, bucket_stack, "a") == (copy, called)
        assert artifact_files.load(store, artifact) == b"1"
    assert artifact_files.find_version(store, bucket_stack, "a") == (artifact, "a")
    assert artifact_files.load(store, copy) == b"2"
    objects.delete(other)
    assert artifact_files.is_gone(store, copy)
    objects.client.delete_bucket(Bucket=other)
    assert artifact_files.is_gone(store, copy)


def test_an_artifact_store_that_is_given_another_path_is_another_store(
    store: Any, bucket_stack: str, objects: ObjectStore
) -> None:
    artifact, other = saved(bucket_stack, b"1", "a"), objects.bucket()
    configuration = {"path": f"s3://{other}/store"}
    store.update_stack_component(bucket_stack, StackComponentType.ARTIFACT_STORE, configuration=configuration)
    _STACK_CACHE.clear()  # as in another process
    assert not artifact_files.is_here(store, artifact)
    found, called = artifact_files.find_version(store, bucket_stack, "a")
    assert found is None
    assert called != "a"
    assert artifact_files.load(store, artifact) == b"1"
    saved(bucket_stack, b"2", called)
    assert objects.keys(other)


def test_an_artifact_store_that_cannot_be_used_is_named_before_a_run_begins(
    store: Any, bucket_stack: str, objects: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact_files.require_store(store)
    artifact, gone = saved(bucket_stack, b"1", "a"), objects.bucket()
    make_stack(store, objects, gone, f"s3://{gone}/store")
    artifact_files.require_store(store)
    objects.client.delete_bucket(Bucket=gone)
    with on_stack(store, gone), pytest.raises(StoreError, match=f"The bucket of s3://{gone}/store, .* does not exist"):
        artifact_files.require_store(store)
    wrong = f"{bucket_stack}-wrong"
    make_stack(store, objects, wrong, f"s3://{bucket_stack}/store", secret="another")
    with on_stack(store, wrong):
        with pytest.raises(StoreError, match=r"cannot be used .*Check its address, its secret"):
            artifact_files.require_store(store)
        monkeypatch.setattr(artifact_files, "store_of", lambda *_: store.active_stack.artifact_store)
        objects.delete(bucket_stack)
        assert not artifact_files.is_gone(store, artifact), "nobody knows"
