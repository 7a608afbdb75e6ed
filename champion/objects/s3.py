"""One object of an S3 store, read whole: its bytes are those of one version of it, or it is read again.

boto3 finds its own credentials where none are given: the environment, a profile, the role of a pod.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from champion.errors import DataError
from champion.use_case.addresses import parts

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

TRIES = 3  # of reading an object that changes meanwhile, or whose connection breaks
_PIECE = 1024 * 1024  # bytes
_PAUSE = 0.5  # seconds, before an object is read again
_CONNECT, _READ = 10, 60  # seconds that a server may take
_KEYS = "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
_CLOCK = ("RequestTimeTooSkewed", "RequestExpired")
_WRONG_KEYS = ("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken", "TokenRefreshRequired")


@dataclass(frozen=True)
class Access:
    """Where a store listens, and as whom it is asked; what is left out boto3 finds. `whose` names the credentials."""

    endpoint: str | None = None
    key: str | None = field(default=None, repr=False)
    secret: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    region: str | None = None
    whose: str = "the credentials of this machine"

    @property
    def place(self) -> str:
        """The store, for a sentence."""
        return self.endpoint or "Amazon S3"


def endpoint_here() -> str | None:
    """The store's address as the environment has it; None where nothing is said, which means Amazon S3."""
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "S3_ENDPOINT")
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def has_keys() -> bool:
    """Whether the environment says as whom a store is to be asked."""
    return any(os.environ.get(name) for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"))


@dataclass(frozen=True)
class ReadObject:
    """An object that was read: what its store calls this version of it, its size, and the md5 of its bytes."""

    etag: str
    size: int
    md5: str


def read_object(address: str, access: Access, target: Path, known: str | None = None) -> ReadObject | None:
    """ReadObject an object into a file; None, and nothing is read, where the store still calls it as `known`.

    Raises DataError where it is not there, may not be read, or changes whenever it is read; OSError when the file cannot be
    written.
    """
    bucket, key = parts(address)
    client = _client(address, access)
    for attempt in range(TRIES):
        if attempt:
            time.sleep(_PAUSE * attempt)
        with _explained(address, access, client):
            head = client.head_object(Bucket=bucket, Key=key)
            if head["ETag"] == known:
                return None
            read = _stream(client, bucket, key, head, target)
            if read is not None and client.head_object(Bucket=bucket, Key=key)["ETag"] == read.etag:
                return read
    raise DataError(
        f"The table {address} changed while it was read, {TRIES} times one after the other, or its connection broke. Wait until "
        "nobody writes it, and run again; who writes a table often writes it to a new key each time."
    )


def read_folder(address: str, access: Access, target: Path) -> int:
    """Read the Parquet objects below an address into one folder, by the last part of their names; how many there are.

    Raises DataError as `read_object` does.
    """
    bucket, key = parts(address)
    client, names = _client(address, access), list[str]()
    with _explained(address, access, client):
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{key}/")
        names += [each["Key"] for page in pages for each in page.get("Contents", ())]
    wanted = [name for name in names if name.endswith(".parquet")]
    for name in wanted:
        read_object(f"s3://{bucket}/{name}", access, target / name.rpartition("/")[2])
    return len(wanted)


def _stream(client: Any, bucket: str, key: str, head: dict[str, Any], target: Path) -> ReadObject | None:
    """Read one version of an object; None where it changed meanwhile, or the connection broke."""
    from botocore import exceptions

    digest, size = hashlib.md5(usedforsecurity=False), 0
    try:
        answer = client.get_object(Bucket=bucket, Key=key, IfMatch=head["ETag"])
        with target.open("wb") as file:
            for piece in answer["Body"].iter_chunks(_PIECE):
                digest.update(piece)
                size += len(piece)
                file.write(piece)
    except exceptions.ClientError as error:
        if _code(error) in ("412", "PreconditionFailed"):
            return None
        raise
    except (exceptions.ConnectionError, exceptions.HTTPClientError, exceptions.IncompleteReadError):
        return None
    return ReadObject(head["ETag"], size, digest.hexdigest()) if size == head["ContentLength"] else None


def _client(address: str, access: Access) -> Any:
    try:
        import boto3
        from botocore.config import Config
    except ModuleNotFoundError as error:
        raise DataError(
            f"The table {address} lies in an object store, and {error.name} is not installed here. `make kubernetes` installs "
            "what reads it."
        ) from None
    keys = {"aws_access_key_id": access.key, "aws_secret_access_key": access.secret, "aws_session_token": access.token}
    how = Config(connect_timeout=_CONNECT, read_timeout=_READ, retries={"mode": "standard", "max_attempts": 3})
    with _explained(address, access, None):
        session = boto3.session.Session(region_name=access.region, **keys)
        region = session.region_name or "us-east-1"
        return session.client("s3", endpoint_url=access.endpoint, region_name=region, config=how)


@contextmanager
def _explained(address: str, access: Access, client: Any) -> Iterator[None]:
    """Say in a sentence what boto3 raises."""
    from botocore import exceptions

    place = access.place
    try:
        yield
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError):
        raise DataError(
            f"The table {address} cannot be read from {place}: no credentials were found. Set {_KEYS}, or use a stack whose "
            "artifact store has them as a secret (docs/scale.md)."
        ) from None
    except (exceptions.ConnectionError, exceptions.HTTPClientError) as error:
        raise DataError(
            f"The table {address} cannot be read from {place}: it does not answer ({type(error).__name__}). Check "
            f"AWS_ENDPOINT_URL (or S3_ENDPOINT), which is {access.endpoint or 'not set'}, and the network."
        ) from None
    except exceptions.ClientError as error:
        why = _refusal(address, access, client, error)
        raise DataError(f"The table {address} cannot be read from {place}: {why}") from None
    except (exceptions.BotoCoreError, ValueError) as error:
        raise DataError(
            f"The table {address} cannot be read from {place}: {error}. Check AWS_ENDPOINT_URL, AWS_PROFILE and {_KEYS}."
        ) from None


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _refusal(address: str, access: Access, client: Any, error: ClientError) -> str:
    """What a refusal means. An answer to HEAD has no words, so the same is asked again in a way that has."""
    from botocore import exceptions

    bucket, key = parts(address)
    code = _code(error)
    if code.isdigit() and client is not None:
        try:
            client.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
        except exceptions.ClientError as inner:
            code = _code(inner)
        except exceptions.BotoCoreError:
            pass
    if code in _CLOCK:
        return "its clock and the one of this machine differ by too much. Set this machine's clock."
    if code in _WRONG_KEYS:
        return f"it does not know {access.whose} ({code}). Correct {_KEYS}, or the stack's secret."
    if code == "NoSuchBucket":
        return f"it has no bucket {bucket!r}. Correct data.path, or AWS_ENDPOINT_URL (S3_ENDPOINT) where that is another store."
    if code in ("404", "NoSuchKey"):
        return f"the bucket {bucket!r} has no object {key!r}. Put the table there, or correct data.path."
    if code in ("403", "AccessDenied", "AllAccessDisabled"):
        return (
            f"{access.whose} may not read it (s3:GetObject and s3:ListBucket are needed), or it is not there. Ask who owns the "
            "bucket."
        )
    if code in ("301", "PermanentRedirect", "AuthorizationHeaderMalformed"):
        return "the bucket lies in another region. Set AWS_DEFAULT_REGION to it."
    message = str(error.response.get("Error", {}).get("Message", ""))
    return f"it answers {code} {message}".rstrip() + ". Ask who runs the store."
