"""Artifacts in a bucket: deleted behind the store's back, pruned, and left behind for another bucket."""

import shutil
from datetime import timedelta

import pytest

from champion.errors import ProjectError, StoreError
from champion.orchestration import bucket
from champion.registry.prune import prune
from champion.registry.reconcile import reconcile
from champion.registry.rollback import roll_back
from tests.conftest import Session, tree
from tests.support.buckets import make_stack, on_stack
from tests.support.object_store import ObjectStore

EFFECTS = {"promote", "report"}  # steps that are never taken from the cache
ALL = {"prepare", "train_tree", "evaluate", *EFFECTS}


def kept(objects: ObjectStore, bucket_stack: str, session: Session) -> set[str]:
    """The kinds of what no step made, of which the bucket has files."""
    keys = objects.keys(bucket_stack, "store/custom_artifacts/")
    return {key.split("/")[2].removeprefix(f"{session.name}_") for key in keys}


def test_what_a_lifecycle_rule_deleted_is_written_again_and_without_the_cache_all_of_it(
    session: Session, bucket_stack: str, objects: ObjectStore
) -> None:
    session.train(tree(2))
    assert kept(objects, bucket_stack, session) == {"table", "package", "answers"}
    objects.delete(bucket_stack, "store/custom_artifacts/")
    again, executed = session.train(tree(2))
    assert "was put into the artifact store, which did not have it, from models/" in "\n".join(again.notes)
    assert (kept(objects, bucket_stack, session), executed) == ({"table", "package"}, {"evaluate", *EFFECTS})
    (table,) = objects.keys(bucket_stack, f"store/custom_artifacts/{session.name}_table/")
    objects.delete(bucket_stack)
    with pytest.raises(StoreError, match="Run again with --no-cache"):
        session.train(tree(2))
    objects.put(f"s3://{bucket_stack}/{table}", b"another writer")
    again, executed = session.train(tree(2), cache=False)
    assert (again.outcome.action, executed) == ("kept", ALL)
    assert objects.keys(bucket_stack)[table] > len(b"another writer")


def test_prune_counts_and_frees_bytes_of_the_bucket_and_finds_what_no_record_names(
    session: Session, bucket_stack: str, objects: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = session.workspace(tree(2))
    session.train(tree(2))
    session.train(tree(1), cache=False)
    before = objects.keys(bucket_stack)
    counted = prune(session.client, workspace, really=False)
    assert objects.keys(bucket_stack) == before
    done = prune(session.client, workspace, really=True)
    after = objects.keys(bucket_stack)
    assert session.train(tree(1))[1] == EFFECTS, "what it needs is still there"
    assert done.bytes == counted.bytes == sum(before.values()) - sum(after.values()) > 0
    assert done.logs
    lost = f"store/custom_artifacts/{session.name}_table/{'0' * 8}-0000-0000-0000-{'0' * 12}/table.parquet"
    lost_too = f"store/prepare/holdout/{'0' * 8}-0000-0000-0000-{'0' * 12}/{'0' * 8}/table.parquet"
    for key in (lost, lost_too, "store/notes.txt", "store/code_uploads/0.tar.gz"):
        objects.put(f"s3://{bucket_stack}/{key}", b"12345")
    assert prune(session.client, workspace, really=False).unnamed == 0, "it may be of a step that goes on"
    monkeypatch.setattr(bucket, "UNRECORDED", timedelta(0))
    found = prune(session.client, workspace, really=True)
    assert (found.unnamed, found.bytes) == (2, 0)
    assert "2 objects of 0.0 MB below" in "\n".join(found.stays)
    assert prune(session.client, workspace, really=True, unnamed=True).bytes == 10
    assert objects.keys(bucket_stack).keys() & {lost, lost_too, "store/notes.txt"} == {"store/notes.txt"}


def test_a_bucket_moves_and_the_table_and_the_champion_come_along(
    session: Session, bucket_stack: str, objects: ObjectStore
) -> None:
    client, other = session.client, objects.bucket()
    make_stack(client, objects, other, f"s3://{other}/store")
    for depth in (1, 2):
        session.train(tree(depth))
    (run,) = client.list_pipeline_runs(sort_by="desc:created", size=1).items
    with on_stack(client, other):
        moved, executed = session.train(tree(2))
        assert (moved.outcome.action, executed) == ("kept", ALL)
        assert "was put into the artifact store, which did not have it, from models/" in "\n".join(moved.notes)
        assert kept(objects, other, session) == {"table", "package"}
        assert run.steps["evaluate"].outputs["evaluation"][0].load(), "old runs can be read"
        assert roll_back(client, session.workspace(tree(2)), None).champion == 1, "its package is in the former bucket"
        shutil.rmtree(session.root / "models")
        workspace = session.workspace(tree(1))
        assert "from the artifact store where it was" in "\n".join(reconcile(client, workspace).notes)
        assert session.manifest()["model_version"] == 1
    assert not [note for note in reconcile(client, workspace).notes if "did not have it" in note], (
        "each bucket keeps its own"
    )
    for each in (bucket_stack, other):
        objects.delete(each)
    with pytest.raises(ProjectError, match="Version 2 is not to be had: this store does not have its package"):
        roll_back(client, workspace, 2)
    shutil.rmtree(session.root / "models")
    objects.delete(bucket_stack)
    with on_stack(client, other), pytest.raises(StoreError, match="is gone from the store"):
        reconcile(client, workspace)
