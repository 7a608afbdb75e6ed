"""A table in an object store: one data version wherever it lies, read by every command."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from champion.errors import DataError
from champion.orchestration.object_access import object_access
from data.make_iris import iris_csv
from pipelines.dataset import former_dataset
from tests.conftest import Checkout, Session, quick
from tests.support.object_store import ObjectStore

EFFECTS = {"promote", "report"}  # steps that are never taken from the cache


def test_a_table_has_one_version_wherever_it_lies_and_an_unchanged_one_is_cached(
    session: Session, objects: ObjectStore
) -> None:
    address = f"s3://{objects.bucket()}/iris.csv"
    objects.put(address, iris_csv())
    made, executed = session.train(quick(data={"path": address}))
    assert made.outcome.action == "promoted"
    assert executed > EFFECTS
    assert f"{address} came from {objects.endpoint}" in "\n".join(made.notes)
    assert session.manifest()["data_version"] == hashlib.md5(iris_csv()).hexdigest()
    local, executed = session.train(quick())
    assert executed == {"evaluate", *EFFECTS}, "there is a champion now, to be judged beside"
    assert local.facts.fingerprint == made.facts.fingerprint
    again, executed = session.train(quick(data={"path": address}))
    assert executed == EFFECTS
    assert f"{address} is unchanged" in "\n".join(again.notes)
    objects.put(address, iris_csv() + b"5.0,3.4,1.6,0.4,setosa\n")
    changed, executed = session.train(quick(data={"path": address}))
    assert executed > EFFECTS
    assert changed.facts.data_version != made.facts.data_version
    workspace = session.workspace(quick(data={"path": address}))
    with pytest.raises(DataError, match=f"{address} is now {changed.facts.data_version}"):
        former_dataset(session.client, workspace, "0" * 32, changed.facts.split)


def test_init_doctor_and_train_read_it_and_dvc_has_no_stage_of_it(checkout: Checkout, objects: ObjectStore) -> None:
    address = f"s3://{objects.bucket()}/tables/Flowers.csv"
    checkout.env |= objects.environment
    stages = (checkout.root / "dvc.yaml").read_bytes()
    said = checkout.run("init", f"{address}.gz", "--target", "species", expect=1).stderr
    assert "has no object 'tables/Flowers.csv.gz'" in said
    assert "gs:// is not read" in checkout.run("init", "gs://a/b.csv", "--target", "y", expect=2).stderr
    objects.put(address, iris_csv())
    made = checkout.json("init", address, "--target", "species")
    assert (made["data"], made["config"], made["tracked"]) == (address, "configs/flowers.yaml", False)
    assert yaml.safe_load((checkout.root / made["config"]).read_text())["data"]["path"] == address
    assert (checkout.root / "dvc.yaml").read_bytes() == stages
    assert checkout.git("status", "--porcelain").split() == ["??", "configs/flowers.yaml"]
    checkout.write_use_case({**quick("flowers"), "data": {"path": address, "target": "species"}})
    decision = checkout.train("--config", "flowers")
    assert decision["action"] == "promoted"
    assert any(f"{address} is unchanged" in note for note in decision["notes"])
    found = {each["what"]: each for each in checkout.json("doctor", "--config", "flowers", expect=None)}
    assert found["data"]["ok"]
    assert address in found["data"]["found"]


def test_without_keys_of_its_own_a_machine_asks_with_those_of_the_stack(
    store: Any, bucket_stack: str, objects: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert object_access(store).key is None, "the environment has keys"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    given = object_access(store)
    assert (given.endpoint, given.key, given.secret) == (objects.endpoint, objects.key, objects.secret)
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert object_access(store) == given
    assert given.whose == f"the credentials of the stack {bucket_stack!r}"
    monkeypatch.setenv("S3_ENDPOINT", "http://another")
    assert object_access(store).key is None, "another store has other keys"
