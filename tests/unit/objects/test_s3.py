"""One object of a real S3 server, read whole; what can be wrong is said in sentences."""

import hashlib
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from champion.errors import DataError
from champion.objects import s3
from champion.objects.s3 import Access, read_object
from tests.support.object_store import ObjectStore

TABLE = b"x,y\n1,a\n2,b\n"


def access(objects: ObjectStore, **changes: Any) -> Access:
    return Access(**{"endpoint": objects.endpoint, "key": objects.key, "secret": objects.secret, **changes})


def refusal(address: str, given: Access, tmp_path: Path) -> str:
    with pytest.raises(DataError) as refused:
        read_object(address, given, tmp_path / "table.csv")
    return str(refused.value)


def test_an_object_is_read_with_the_md5_of_its_bytes_and_not_again_while_it_is_the_same(
    objects: ObjectStore, tmp_path: Path
) -> None:
    address, target = f"s3://{objects.bucket()}/houses/2026.csv", tmp_path / "table.csv"
    objects.put(address, TABLE)
    read = read_object(address, Access(s3.endpoint_here()), target)
    assert read is not None
    assert (target.read_bytes(), read.size) == (TABLE, len(TABLE))
    assert read.md5 == hashlib.md5(TABLE).hexdigest()
    target.unlink()
    assert read_object(address, access(objects), target, read.etag) is None
    assert not target.exists()
    objects.put(address, TABLE + b"3,a\n")
    again = read_object(address, access(objects), target, read.etag)
    assert again is not None
    assert again.md5 == hashlib.md5(target.read_bytes()).hexdigest() != read.md5


def test_an_object_that_changes_while_it_is_read_is_read_again_and_one_that_always_does_is_refused(
    objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, target = f"s3://{objects.bucket()}/t.csv", tmp_path / "table.csv"
    objects.put(address, b"0")
    changes = iter(range(1, 100))
    stream, before, after = s3._stream, [1], [0]

    def changing(*given: Any) -> Any:
        """Between the question and the answer, or after the answer."""
        if before and before.pop():
            objects.put(address, f"{next(changes)}".encode())
        read = stream(*given)
        if after and after.pop():
            objects.put(address, f"{next(changes)}".encode())
        return read

    monkeypatch.setattr(s3, "_stream", changing)
    monkeypatch.setattr(s3, "_PAUSE", 0.01)
    assert read_object(address, access(objects), target) is not None
    assert target.read_bytes() == b"1", "the answer to IfMatch was 412"
    before[:], after[:] = [], [0, 1]
    assert read_object(address, access(objects), target) is not None
    assert target.read_bytes() == b"2"
    before[:], after[:] = [], [1, 1, 1]
    assert "changed while it was read" in refusal(address, access(objects), tmp_path)


def test_what_is_not_there_or_may_not_be_read_is_a_sentence_with_a_remedy(
    objects: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = objects.bucket()
    objects.put(f"s3://{bucket}/there.csv", TABLE)
    given = access(objects)
    assert f"the bucket '{bucket}' has no object 'gone.csv'" in refusal(f"s3://{bucket}/gone.csv", given, tmp_path)
    assert "it has no bucket 'no-such-bucket'" in refusal("s3://no-such-bucket/t.csv", given, tmp_path)
    there = f"s3://{bucket}/there.csv"
    for wrong in (access(objects, key="nobody"), access(objects, secret="another secret")):
        assert "it does not know the credentials of this machine" in refusal(there, wrong, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        nobody = f"http://127.0.0.1:{listening.getsockname()[1]}"
    said = refusal(there, access(objects, endpoint=nobody), tmp_path)
    assert f"from {nobody}: it does not answer (EndpointConnectionError). Check AWS_ENDPOINT_URL" in said
    assert "Check AWS_ENDPOINT_URL" in refusal(there, access(objects, endpoint="localhost"), tmp_path)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    assert "no credentials were found. Set AWS_ACCESS_KEY_ID" in refusal(there, Access(objects.endpoint), tmp_path)
    monkeypatch.setitem(sys.modules, "boto3", None)
    assert "boto3 is not installed here. `make kubernetes` installs" in refusal(there, given, tmp_path)


def test_the_environment_names_the_store_and_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "S3_ENDPOINT", "AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    assert (s3.endpoint_here(), s3.has_keys(), Access().place) == (None, False, "Amazon S3")
    for name in ("S3_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, f"http://{name}")
        assert s3.endpoint_here() == f"http://{name}"
    monkeypatch.setenv("AWS_PROFILE", "team")
    assert s3.has_keys()
    assert "secret" not in repr(Access(key="secret", secret="secret", token="secret"))
