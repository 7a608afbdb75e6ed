"""An object as a file of this machine."""

from pathlib import Path

import pytest

from champion.errors import DataError
from champion.objects.s3 import Access
from champion.workspace.fetched import fetch_object
from champion.workspace.workspace import fetched_to
from tests.support.object_store import ObjectStore


def test_an_object_is_fetched_once_for_each_version_and_again_where_its_file_was_changed(
    objects: ObjectStore, tmp_path: Path
) -> None:
    address, access = f"s3://{objects.bucket()}/a/t.csv", Access(objects.endpoint)
    path = fetched_to(tmp_path, address)
    assert (path.name, path.parent.parent) == ("t.csv", tmp_path / "data/.fetched")
    objects.put(address, b"x\n1\n")
    first = fetch_object(address, access, path)
    assert f"{address} came from {objects.endpoint} with the credentials of this machine: 4 bytes" in first
    assert "is unchanged" in fetch_object(address, access, path)
    path.write_bytes(b"x\n2\n")
    assert "came from" in fetch_object(address, access, path)
    path.unlink()
    assert "came from" in fetch_object(address, access, path)
    (path.parent / "object.json").write_text("{")
    assert "came from" in fetch_object(address, access, path)
    objects.put(address, b"x\n1\n2\n")
    assert "6 bytes" in fetch_object(address, access, path)
    assert sorted(each.name for each in path.parent.iterdir()) == ["object.json", "t.csv"]
    objects.client.delete_object(Bucket=address.split("/")[2], Key="a/t.csv")
    with pytest.raises(DataError, match=r"has no object 'a/t.csv'"):
        fetch_object(address, access, path)
    assert path.read_bytes() == b"x\n1\n2\n"
    (tmp_path / "a file").touch()
    with pytest.raises(DataError, match="Make room or give permission"):
        fetch_object(address, access, tmp_path / "a file/t.csv")
