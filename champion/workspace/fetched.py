"""A table that lies in an object store, as a file of this machine: fetched once for each version of the object.

Beside the file stands what is known of it; where either is gone or was changed, the object is fetched again.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from champion.errors import DataError
from champion.objects.s3 import Access, read_object
from champion.workspace import files

_KNOWN = "object.json"


class Known(BaseModel):
    """An object as it was fetched: what its store called this version, and the file that it became."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: str
    endpoint: str
    etag: str
    md5: str
    size: int
    changed: int  # nanoseconds of the file


def fetch_object(address: str, access: Access, path: Path) -> str:
    """Have an object of a store as a file that is up to date; what was done, in a sentence.

    Raises DataError where it cannot be had, or there is no room for it.
    """
    former = _known(path, address, access)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.replacing(path) as unfinished:
            read = read_object(address, access, unfinished, former.etag if former else None)
            if read is None:
                raise _UnchangedError
    except _UnchangedError:
        assert former is not None
        return f"{address} is unchanged in {access.place}, data version {former.md5[:8]}; it was not fetched again"
    except OSError as error:
        raise DataError(
            f"The table {address} cannot be written to {path.parent} ({error.strerror or error}). Make room or give permission, "
            "and run again."
        ) from None
    facts = {"etag": read.etag, "md5": read.md5, "size": read.size, "changed": path.stat().st_mtime_ns}
    now = Known(address=address, endpoint=access.place, **facts)
    files.write_text(path.with_name(_KNOWN), now.model_dump_json(indent=1) + "\n")
    size = f"{read.size:,} bytes" if read.size < 1e6 else f"{read.size / 1e6:,.1f} MB"
    return f"{address} came from {access.place} with {access.whose}: {size}, data version {read.md5[:8]}"


class _UnchangedError(Exception):
    """Nothing takes the file's place."""


def _known(path: Path, address: str, access: Access) -> Known | None:
    """What is known of the file; None where it is another one, or was changed since."""
    with contextlib.suppress(OSError, ValidationError):
        known = Known.model_validate_json(path.with_name(_KNOWN).read_bytes())
        now = path.stat()
        same = (known.address, known.endpoint, known.size, known.changed)
        if same == (address, access.place, now.st_size, now.st_mtime_ns):
            return known
    return None
